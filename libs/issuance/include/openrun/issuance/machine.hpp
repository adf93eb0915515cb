// The decision: a pure function of the log. state x record -> state x outcome, with no clock, no I/O, no randomness;
// the same records in the same order give the same decisions, on replay, after a crash, in the simulator and in the
// audit.
//
// One machine per partition, one thread at a time. There is no undo: on anything but a clean commit the machine is
// dropped and restored from Postgres. A copy is an independent machine in the same state. (After TigerBeetle's state
// machine `commit`: time is a field of the input.)
//
// What the caller writes for a decision, in the transaction that commits it, so that a restored machine is an equal
// one:
// - issued: the coupon (its key is '' where max_per_user is 1) and the campaign.
// - command_applied: the campaign.
// - any outcome of a command that the campaign remembers(): its key. Repeats are not, nor a refusal without a campaign.
// - dead_lettered, and the offset is_open_dead_letter(): the record, as a dead letter.
// - dead_lettered otherwise: a replay whose original cannot be decided again. The origin stays open and its row as it
//   was. The replay gets no open row of its own, or each failed try would breed one more. Where the verdict is the
//   store's, not the decoder's, re-execution needs it: then a row of the replay's offset that is closed at once, its
//   final offset being its own.
// - origin is set, whatever the outcome: the origin's dead letter is closed, its final offset being this decision's.
// A record that the store refuses is decided again as Undecidable; a refused replay as a Replay of an Undecidable.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
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
  std::vector<Campaign> campaigns;        // any order
  std::vector<Offset> open_dead_letters;  // dead letters whose origin is not resolved, any order
  bool operator==(const PartitionSnapshot&) const = default;
};

class Machine {
 public:
  // The snapshot's decision_version must be supported (asserted): the caller stops before.
  Machine(PartitionSnapshot snapshot, std::uint64_t hash_seed);

  // The campaign whose detail must be given to restore() before this event may be applied; empty when all is there, and
  // then so for good: it may be asked ahead of the records that stand before this one.
  [[nodiscard]] std::optional<CampaignId> missing(const Event& event) const;
  // The campaign exists and has no detail yet (asserted); claims.size() must equal its issued count (asserted).
  // Commands stand in ascending order of offset (asserted); of more than limits::command_keys_remembered the youngest
  // count.
  void restore(CampaignId campaign, CampaignDetail detail);

  // Decides one record. Offsets must come in ascending order, at or after next_offset() (asserted); missing(event) must
  // be empty (asserted); a DecisionVersion above decision_version_supported must not be applied (asserted): the caller
  // stops.
  Decision apply(const Input& input);

  [[nodiscard]] Partition partition() const { return partition_; }
  [[nodiscard]] Offset next_offset() const { return next_offset_; }
  [[nodiscard]] Timestamp log_time() const { return log_time_; }
  [[nodiscard]] std::uint32_t decision_version() const { return decision_version_; }
  [[nodiscard]] const Campaign* find(CampaignId campaign) const;
  [[nodiscard]] const CampaignDetail* detail(CampaignId campaign) const;  // null where not restored
  [[nodiscard]] std::vector<CampaignId> campaign_ids() const;             // ascending
  [[nodiscard]] bool is_open_dead_letter(Offset offset) const { return open_dead_letters_.contains(offset); }
  // Whether any dead letter at or after this offset is open.
  [[nodiscard]] bool has_dead_letter_from(Offset offset) const {
    return open_dead_letters_.lower_bound(offset) != open_dead_letters_.end();
  }
  // Whether the last decision of this campaign's commands, at `offset`, was remembered with its key. Repeats are not,
  // nor what was refused because there is no such campaign to remember it.
  [[nodiscard]] bool remembers(CampaignId campaign, Offset offset) const;
  // Campaigns in ascending order of id, open dead letters ascending: equal states give equal snapshots.
  [[nodiscard]] PartitionSnapshot snapshot() const;

 private:
  struct Entry {
    Campaign campaign;
    std::optional<CampaignDetail> detail;
  };
  // A pointer into the owner's own map: a copy of the owner starts without it.
  struct LastEntry {
    Entry* entry = nullptr;
    LastEntry() = default;
    LastEntry(const LastEntry& /*other*/) {}
    LastEntry& operator=(const LastEntry& /*other*/) {
      entry = nullptr;
      return *this;
    }
  };

  [[nodiscard]] const Entry* look_up(CampaignId campaign) const;
  Entry* entry(CampaignId campaign);
  void decide(const IssueRequested& request, Timestamp judged_at, Decision& decision);
  void decide(const CampaignCommand& command, Decision& decision);
  void decide(const Replay& replay, Decision& decision);
  void decide(const DecisionVersion& version, Decision& decision);
  Outcome create(CampaignId campaign, const CreateCampaign& action, Offset offset);
  Outcome carry_out(Campaign& campaign, const CampaignCommand& command, Offset offset) const;

  Partition partition_;
  Offset next_offset_;
  Timestamp log_time_;
  std::uint32_t decision_version_;
  std::uint64_t hash_seed_;
  std::map<CampaignId, Entry> campaigns_;
  LastEntry last_;  // most records name the campaign of the record before
  std::set<Offset> open_dead_letters_;
};

}  // namespace openrun::issuance
