// Postgres in memory, as far as openrun relies on it: the compare-and-swap of the checkpoint, unique keys, all or
// nothing, one open transaction at a time on a partition's checkpoint row, transactions that live on when their writer
// does not and end when a takeover terminates them. One thread at a time.
//
// A commit has two steps, so that things can happen between them: begin() runs the statements and holds the row's lock,
// end() commits. Between the two the writer may die, freeze or be terminated.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <openrun/issuance/invariants.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/sim/clock.hpp>

namespace openrun::sim {

// One connection's server side, made by whoever connects.
using BackendId = std::uint64_t;

struct OutboxRow {
  Offset last_offset;
  std::string payload;
  Timestamp created_at;
};

struct DeadLetter {
  ports::DeadLetterRow row;
  std::int64_t id = 0;
  Timestamp created_at;
  bool exported = false;
  std::optional<Offset> final_offset;
};

struct PartitionRows {
  Epoch epoch;
  Offset next_offset;
  Timestamp log_time;
  std::uint64_t fingerprint = 0;
  std::uint32_t decision_version = issuance::decision_version_supported;
  std::map<Offset, OutboxRow> outbox;  // by first offset
  std::map<Offset, DeadLetter> dead_letters;
  Offset published_through;
  std::vector<std::pair<Offset, Offset>> accepted;  // `openrun dlq accept`
};

struct CampaignRows {
  ports::StoredCampaign row;
  Digest digest;
  std::map<Sequence, ports::CouponRow> coupons;
  std::vector<ports::CommandRow> commands;  // ascending by offset
  // The row as it was, the newest last: an answer may have been on its way for a while.
  std::deque<std::pair<std::int64_t, ports::StoredCampaign>> history;
};

class Database {
 public:
  explicit Database(const Scheduler& scheduler, std::int64_t clock_ahead_ms = 0)
      : scheduler_(scheduler), clock_(scheduler, clock_ahead_ms) {}

  // ---- the issuer's transactions ----

  // Ends every earlier backend of the partition's writers, takes the next epoch, reads the state.
  [[nodiscard]] Result<ports::TakenOver> take_over(Partition partition);
  // Ends this writer's own backends, reads the state under the epoch held. Error::Kind::conflict: it is no longer ours.
  [[nodiscard]] Result<ports::TakenOver> rebuild(Partition partition, Epoch epoch);
  [[nodiscard]] Result<std::vector<issuance::CampaignDetail>> load_details(std::span<const CampaignId> campaigns,
                                                                           Partition partition, Epoch epoch,
                                                                           std::uint64_t hash_seed);

  // Either an open transaction (no answer yet), or why there is none.
  [[nodiscard]] std::optional<ports::CommitAnswer> begin(BackendId backend, const ports::CommitBatch& batch);
  // Commits, or rolls back where `probe`; false where there is no such transaction any more.
  bool end(BackendId backend, bool probe);
  // The connection is lost before its COMMIT was sent: rolled back.
  void disconnect(BackendId backend) { open_.erase(backend); }
  [[nodiscard]] bool is_open(BackendId backend) const { return open_.contains(backend); }
  [[nodiscard]] bool has_open(Partition partition) const;

  // Right after a transaction's rows are there.
  std::function<void(const ports::CommitBatch&)> on_commit;
  // Whether a coupon's row holds something that Postgres refuses (SQLSTATE class 22).
  std::function<bool(const ports::CouponRow&)> refuses;

  // ---- its health ----
  // While down nobody is answered; going down ends all open transactions.
  void set_down(bool down);
  [[nodiscard]] bool is_down() const { return down_; }
  // Reads go on, nothing is written.
  void set_full(bool full) { full_ = full; }
  [[nodiscard]] bool is_full() const { return full_; }
  [[nodiscard]] Result<void> readable() const;
  [[nodiscard]] Result<void> writable() const;

  // ---- tables ----
  [[nodiscard]] PartitionRows& partition(Partition partition) { return partitions_[partition]; }
  [[nodiscard]] const std::map<Partition, PartitionRows>& partitions() const { return partitions_; }
  [[nodiscard]] const std::map<CampaignId, CampaignRows>& campaigns() const { return campaigns_; }
  [[nodiscard]] const CampaignRows* find(CampaignId campaign) const;
  [[nodiscard]] const ports::CouponRow* coupon_of(CampaignId campaign, std::string_view user,
                                                  std::string_view key) const;
  [[nodiscard]] ports::Reservation reserve(std::string_view key, std::int32_t partitions);
  [[nodiscard]] std::map<std::int32_t, std::uint32_t>& dispatch() { return dispatch_; }  // -1: the default
  [[nodiscard]] Timestamp now() const { return clock_.now(); }
  // What `SELECT count(*) ...` over a campaign's rows would say.
  [[nodiscard]] issuance::StoredCampaign counted(CampaignId campaign) const;

 private:
  using ClaimKey = std::tuple<CampaignId, std::string, std::string>;
  [[nodiscard]] ports::TakenOver state(Partition partition);
  [[nodiscard]] std::optional<ports::CommitAnswer> refusal(const ports::CommitBatch& batch);
  void apply(const ports::CommitBatch& batch);

  const Scheduler& scheduler_;
  Clock clock_;
  bool down_ = false;
  bool full_ = false;
  std::map<Partition, PartitionRows> partitions_;
  std::map<CampaignId, CampaignRows> campaigns_;
  std::map<ClaimKey, Sequence, std::less<>> claims_;
  std::map<std::string, ports::Reservation, std::less<>> reservations_;
  std::map<std::int32_t, std::uint32_t> dispatch_;
  std::map<BackendId, ports::CommitBatch> open_;
  std::int64_t next_id_ = 1;
};

}  // namespace openrun::sim
