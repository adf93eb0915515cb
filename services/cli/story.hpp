// What the retained log says about one campaign: a user's requests (`openrun why`), or its commands (`openrun campaign
// history`), each with its outcome and the state that led to it, by deciding the partition's log once more. Against
// ports; one thread. Memory as that of the deep audit, and story_entries_max entries.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/audit_rows.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::cli {

inline constexpr std::size_t story_entries_max = 10'000;

struct StoryEntry {
  Offset offset;
  Timestamp time;        // as the broker wrote it
  std::string what;      // "request", "replay of offset 12", "add_stock 5", "a record that cannot be read"
  std::string key;       // its idempotency key, empty where it has none
  std::string error;     // of a dead letter
  std::string trace_id;  // of the call that its record carries, empty where it carries none
  bool decided = true;
  bool known = true;  // false: how the campaign stood can't be told any more
  issuance::Decision decision;
  std::optional<issuance::Campaign> before;
  std::optional<issuance::Campaign> after;
};

struct Story {
  CampaignId campaign;
  Partition partition;
  Offset from;         // the log begins here
  Offset next_offset;  // decided up to here
  std::optional<issuance::Campaign> now;
  std::vector<StoryEntry> entries;
  bool cut = false;  // there was more than story_entries_max
};

// With a user: that user's requests, their dead letters and replays. Without: the commands.
[[nodiscard]] Result<Story> tell_story(ports::Log& log, ports::AuditRows& rows, CampaignId campaign,
                                       const std::optional<std::string>& user);

// Plain sentences, fit to be read aloud.
[[nodiscard]] std::string why_text(const Story& story, const std::string& user, const crypto::CouponCodes& codes);
[[nodiscard]] std::string history_text(const Story& story);
[[nodiscard]] std::string story_json(const Story& story, const crypto::CouponCodes& codes);

}  // namespace openrun::cli
