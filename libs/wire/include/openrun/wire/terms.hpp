// The rules for what a campaign may say. One place: the gateway asks before it appends, the issuer asks again before it
// decides. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/event.hpp>

namespace openrun::wire {

// Ten years of 365 days.
inline constexpr std::int64_t valid_for_seconds_max = 10LL * 365 * 86'400;
inline constexpr std::size_t currency_bytes = 3;

struct FieldFault {
  const char* field;    // as the HTTP API names it, for example "policy.valid_until"
  std::string message;  // fit for a client
};

// Empty where nothing is wrong. The first fault in the order of the fields is told.
[[nodiscard]] std::optional<FieldFault> check(const issuance::Policy& policy);
[[nodiscard]] std::optional<FieldFault> check(const issuance::CampaignTerms& terms);
[[nodiscard]] std::optional<FieldFault> check(const issuance::ChangeCampaign& change);
[[nodiscard]] std::optional<FieldFault> check(const issuance::AddStock& action);

// 1970-01-01T00:00:00Z to the end of the year 9999.
[[nodiscard]] bool is_valid_time(Timestamp time) noexcept;
// 1 to limits::campaign_id_max.
[[nodiscard]] bool is_valid_campaign(CampaignId campaign) noexcept;
// Well-formed UTF-8 of at most limits::campaign_name_characters_max characters without control characters.
[[nodiscard]] bool is_valid_name(std::string_view bytes) noexcept;
// The same up to limits::campaign_description_characters_max, with line feeds and tabs.
[[nodiscard]] bool is_valid_description(std::string_view bytes) noexcept;

}  // namespace openrun::wire
