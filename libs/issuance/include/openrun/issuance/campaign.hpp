// What a campaign is. Plain values; no clock, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <openrun/base/ids.hpp>

namespace openrun::issuance {

enum class CodeFormat : std::uint8_t { hangul = 0, latin = 1 };

struct Discount {
  enum class Type : std::uint8_t { percent = 0, amount = 1 };
  Type type = Type::percent;
  std::int64_t value = 0;  // percent: 1..100; amount: in the currency's minor unit, above 0
  std::string currency;    // ISO 4217, empty for percent
  bool operator==(const Discount&) const = default;
};

struct Policy {
  std::optional<Discount> discount;
  std::optional<Timestamp> valid_until;           // at most one of these two
  std::optional<std::int64_t> valid_for_seconds;  // counted from the coupon's issue
  std::uint32_t max_per_user = 1;                 // above 1: each request carries its own idempotency key
  CodeFormat code_format = CodeFormat::hangul;
  bool operator==(const Policy&) const = default;
};

struct CampaignTerms {
  std::string name;
  std::string description;
  std::uint32_t stock = 0;
  Timestamp starts_at;               // inclusive
  std::optional<Timestamp> ends_at;  // exclusive
  Policy policy;
  bool operator==(const CampaignTerms&) const = default;
};

// One campaign as its partition's writer knows it: everything that its row in Postgres holds.
struct Campaign {
  CampaignId id;
  CampaignTerms terms;
  std::uint32_t issued = 0;  // the last sequence given; issued <= terms.stock at every step
  bool paused = false;
  bool closed = false;  // final
  Timestamp created_at;
  Timestamp updated_at;  // log time of the last command that changed it
  Offset terms_offset;   // offset of the last command that changed it: a version number for caches
  bool operator==(const Campaign&) const = default;
};

// Until when a coupon issued at `issued_at` may be used; empty means for ever.
[[nodiscard]] std::optional<Timestamp> valid_until(const Policy& policy, Timestamp issued_at);

// What readers show. Derived from the times; never an input of a decision.
enum class CampaignState : std::uint8_t { scheduled, open, paused, sold_out, ended, closed };
[[nodiscard]] CampaignState state_at(const Campaign& campaign, Timestamp now);
[[nodiscard]] const char* to_string(CampaignState state);

}  // namespace openrun::issuance
