// The inputs of the decision: what a record of the log says, decoded and already validated at the edge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>

namespace openrun::issuance {

// One user's wish for one coupon. The views live as long as the record's bytes, which the caller keeps during apply().
struct IssueRequested {
  CampaignId campaign;
  std::string_view user;
  std::string_view idempotency_key;  // counts only where max_per_user is above 1
  // Which request it is: the same one may stand in the log more than once. 0: it can't be told from another.
  std::uint32_t nonce = 0;
};

struct CreateCampaign {
  CampaignTerms terms;
};
struct ChangeCampaign {
  std::optional<std::string> name;
  std::optional<std::string> description;
  std::optional<Timestamp> starts_at;               // only before the first coupon
  std::optional<std::optional<Timestamp>> ends_at;  // present and empty: the end is taken away
  std::optional<Policy> policy;                     // only before the first coupon
};
struct AddStock {
  std::int64_t add = 0;  // negative takes away, never below what is issued
};
struct PauseCampaign {};
struct ResumeCampaign {};
struct CloseCampaign {};

struct CampaignCommand {
  CampaignId campaign;
  std::string idempotency_key;  // never empty: the gateway makes one where the caller sent none
  std::variant<CreateCampaign, ChangeCampaign, AddStock, PauseCampaign, ResumeCampaign, CloseCampaign> action;
};

// A record that cannot be decided: undecodable, or refused by the store (a recorded verdict; see dead_letter).
struct Undecidable {
  std::string reason;  // UPPER_CASE name, as in openrun.dlq.reason
};

// A dead letter that is tried again. Its first arrival counts against start and end only; stock, pause and close are
// those of now. An origin is resolved once: a further copy changes nothing.
struct Replay {
  Offset origin;            // in the same partition
  Timestamp first_arrival;  // the origin's LogAppendTime
  std::variant<IssueRequested, CampaignCommand, Undecidable> original;
};

// From this record on another version of the decision rules holds. A writer that does not know it must stop.
struct DecisionVersion {
  std::uint32_t version = 0;
};
inline constexpr std::uint32_t decision_version_supported = 1;

using Event = std::variant<IssueRequested, CampaignCommand, Replay, DecisionVersion, Undecidable>;

// The campaign that the record names; empty where it names none. Of a replay, the one that its original names.
[[nodiscard]] std::optional<CampaignId> campaign_of(const Event& event);
[[nodiscard]] std::optional<CampaignId> campaign_of(const Replay& replay);

struct Input {
  Offset offset;
  Timestamp time;  // LogAppendTime, as the broker wrote it; the machine clamps it so that it never runs back
  Event event;
};

// The time that counts against start and end: of a replay its first arrival, of anything else `log_time`, which is the
// machine's log time after the record.
[[nodiscard]] Timestamp judged_at(const Event& event, Timestamp log_time);

}  // namespace openrun::issuance
