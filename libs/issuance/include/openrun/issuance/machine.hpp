// The decision: a pure function of the log. state x record -> state x outcome, with no clock, no I/O, no randomness; the same
// records in the same order give the same decisions, on replay, after a crash, in the simulator and in the audit.
//
// One machine per partition, one thread at a time. There is no undo: on anything but a clean commit the machine is dropped
// and restored from Postgres. (After TigerBeetle's state machine `commit`: time is a field of the input.)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/claims.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/issuance/event.hpp>

namespace openrun::issuance {

// The commands that a campaign remembers, oldest first, at most limits::command_keys_remembered.
struct RememberedCommand {
  std::string idempotency_key;
  Offset offset;  // where it was first decided
  bool operator==(const RememberedCommand&) const = default;
};

// The part of a campaign that is loaded only when a record names it.
struct CampaignDetail {
  ClaimTable claims;
  std::deque<RememberedCommand> commands;
};

// A partition's state without the details of its campaigns: what a writer starts from.
struct PartitionSnapshot {
  Partition partition;
  Offset next_offset;  // the first offset that is not decided yet
  Timestamp log_time;
  std::uint32_t decision_version = decision_version_supported;
  std::vector<Campaign> campaigns;         // any order
  std::vector<Offset> open_dead_letters;   // dead letters whose origin is not resolved, any order
};

class Machine {
 public:
  Machine(PartitionSnapshot snapshot, std::uint64_t hash_seed);

  // The campaign whose detail must be given to restore() before this event may be applied; empty when all is there.
  [[nodiscard]] std::optional<CampaignId> missing(const Event& event) const;
  // The campaign exists and has no detail yet (asserted); claims.size() must equal its issued count (asserted).
  void restore(CampaignId campaign, CampaignDetail detail);

  // Decides one record. Offsets must come in ascending order, at or after next_offset() (asserted); missing(event) must be
  // empty (asserted); a DecisionVersion above decision_version_supported must not be applied (asserted): the caller stops.
  Decision apply(const Input& input);

  [[nodiscard]] Partition partition() const { return partition_; }
  [[nodiscard]] Offset next_offset() const { return next_offset_; }
  [[nodiscard]] Timestamp log_time() const { return log_time_; }
  [[nodiscard]] std::uint32_t decision_version() const { return decision_version_; }
  [[nodiscard]] const Campaign* find(CampaignId campaign) const;
  [[nodiscard]] const CampaignDetail* detail(CampaignId campaign) const;  // null where not restored
  // Campaigns in ascending order of id, open dead letters ascending: equal states give equal snapshots.
  [[nodiscard]] PartitionSnapshot snapshot() const;

 private:
  struct Entry {
    Campaign campaign;
    std::optional<CampaignDetail> detail;
  };
  struct Judged {
    Timestamp time;  // against start and end
  };

  Entry* entry(CampaignId campaign);
  void decide(const IssueRequested& request, Timestamp judged_at, Decision& decision);
  void decide(const CampaignCommand& command, Decision& decision);
  Outcome change(Entry& entry, const ChangeCampaign& action);
  Outcome add_stock(Entry& entry, const AddStock& action);

  Partition partition_;
  Offset next_offset_;
  Timestamp log_time_;
  std::uint32_t decision_version_;
  std::uint64_t hash_seed_;
  std::map<CampaignId, Entry> campaigns_;
  Entry* last_ = nullptr;  // most records name the campaign of the record before
  std::map<Offset, bool> open_dead_letters_;
};

}  // namespace openrun::issuance
