// The issuer's store in memory: the same promises as Postgres (compare-and-swap of the checkpoint, unique coupons, all
// or nothing), and ways to make it refuse, lose its answer or be away. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <openrun/ports/coupon_store.hpp>

namespace openrun::testing {

// What is durable. Shared by the stores of all writers.
class FakeDatabase {
 public:
  struct PartitionState {
    Epoch epoch;
    Offset next_offset;
    Timestamp log_time;
    std::uint64_t fingerprint = 0;
    std::uint32_t decision_version = issuance::decision_version_supported;
    std::map<CampaignId, issuance::Campaign> campaigns;
    std::map<CampaignId, Digest> digests;
    std::map<std::pair<CampaignId, Sequence>, ports::CouponRow> coupons;
    std::set<std::tuple<std::string, CampaignId, std::string>> claims;
    std::map<std::pair<CampaignId, Offset>, ports::CommandRow> commands;
    std::map<Offset, ports::DeadLetterRow> dead_letters;
    std::map<Offset, Offset> final_offsets;  // of dead letters that are closed
    std::map<Offset, std::string> outbox;    // payload by first offset
  };

  [[nodiscard]] ports::TakenOver take_over(Partition partition);
  [[nodiscard]] Result<ports::TakenOver> read(Partition partition, Epoch epoch);
  [[nodiscard]] Result<issuance::CampaignDetail> detail(CampaignId campaign, std::uint64_t hash_seed);
  [[nodiscard]] ports::CommitAnswer commit(const ports::CommitBatch& batch, bool probe);

  [[nodiscard]] PartitionState state(Partition partition) const;
  // Waits until the checkpoint stands there; false after ten seconds.
  [[nodiscard]] bool wait_for_next_offset(Partition partition, Offset next_offset) const;

  // A coupon for this user has SQLSTATE class 22.
  void refuse_user(const std::string& user);
  // No user any more.
  void refuse_no_user();
  // Details are asked for by a writer that somebody else has succeeded.
  void fence_details();
  // Even the dead letter of the record at this offset has.
  void refuse_dead_letter(Offset offset);
  void set_dispatch(std::uint32_t per_second);
  [[nodiscard]] std::uint32_t dispatch() const;
  void accept_dead_letters(Offset first, Offset last);
  [[nodiscard]] bool accepted(Offset first, Offset last) const;
  void set_down(bool down);
  // A transaction of more records is given up by the statement time-out, and leaves nothing.
  void set_records_in_time(std::int64_t records);
  [[nodiscard]] bool is_down() const;
  // For tests that spoil what is stored.
  void edit(Partition partition, const std::function<void(PartitionState&)>& change);

 private:
  [[nodiscard]] ports::TakenOver snapshot(Partition partition) const;
  [[nodiscard]] std::optional<ports::CommitAnswer> fault(const ports::CommitBatch& batch) const;
  static void apply(PartitionState& state, const ports::CommitBatch& batch);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<Partition, PartitionState> partitions_;
  std::set<std::string> refused_users_;
  std::set<Offset> refused_dead_letters_;
  std::vector<std::pair<Offset, Offset>> accepted_;
  std::uint32_t dispatch_ = 0;
  bool down_ = false;
  bool details_fenced_ = false;
  std::int64_t records_in_time_ = INT64_MAX;
};

class FakeStore final : public ports::CouponStore {
 public:
  explicit FakeStore(FakeDatabase& database) : database_(database) {}

  [[nodiscard]] Result<ports::TakenOver> take_over(Partition partition) override;
  [[nodiscard]] Result<ports::TakenOver> rebuild(Partition partition, Epoch epoch) override;
  [[nodiscard]] Result<std::vector<issuance::CampaignDetail>> load_details(std::span<const CampaignId> campaigns,
                                                                           std::uint64_t hash_seed) override;
  [[nodiscard]] ports::CommitAnswer commit(const ports::CommitBatch& batch) override;
  [[nodiscard]] ports::CommitAnswer probe(const ports::CommitBatch& batch) override;
  [[nodiscard]] Result<std::uint32_t> dispatch_per_second(Partition partition) override;
  [[nodiscard]] Result<bool> dead_letters_accepted(Partition partition, Offset first, Offset last) override;
  void cancel() override {}

 private:
  FakeDatabase& database_;
};

}  // namespace openrun::testing
