// What the reconciler compares, as the store holds it. Implemented in main.cpp over Postgres.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/invariants.hpp>

namespace openrun::reconciler {

struct PartitionFacts {
  Partition partition;
  Epoch epoch;
  Offset next_offset;
  Offset outbox_first{-1};       // of the oldest kept row; -1 without rows
  Offset outbox_next{-1};        // one past the newest row's last_offset; -1 without rows
  std::int64_t outbox_gaps = 0;  // rows that do not begin where the one before ended
  Offset published_through;
  std::int64_t outbox_backlog = 0;  // rows not yet known to be published
  std::int64_t open_dead_letters = 0;
};

// One thread at a time. Calls block, each bounded by the statement time-out, and each reads one snapshot: what belongs
// together was true at one moment.
class Facts {
 public:
  virtual ~Facts() = default;
  // Campaigns with id above `after`, ascending, at most `limit`; only those that were changed at or after
  // `changed_since` (0: all). Duplicate claims are counted only where that is 0. Of one that is `known`, from an answer
  // before that was sound, the coupons that were there then are taken for what they were, and not read again; unless
  // its counter has run back since, as that of a restored store.
  [[nodiscard]] virtual Result<std::vector<issuance::StoredCampaign>> stored_campaigns(
      CampaignId after, std::size_t limit, Timestamp changed_since,
      std::span<const issuance::StoredCampaign> known) = 0;
  // Gaps are looked for from the offset that `sound_through` names for the partition, or in all of its outbox.
  [[nodiscard]] virtual Result<std::vector<PartitionFacts>> partitions(
      const std::map<Partition, Offset>& sound_through) = 0;
};

// A coupon by the two numbers that whoever was told of it knows.
struct CouponKey {
  Sequence sequence;
  Offset request_offset;
  auto operator<=>(const CouponKey&) const = default;
};

// Coupons of one campaign with sequences `first` to `last` whose requests stood in `partition`.
struct CouponRange {
  CampaignId campaign;
  Partition partition;
  Sequence first;
  Sequence last;
};
// How many they are, and a sum over sequences and offsets that differs where one of them is another (add_to_sum).
struct CouponSum {
  std::int64_t coupons = 0;
  std::uint64_t sum = 0;
  bool operator==(const CouponSum&) const = default;
};

// Another view of the same store, for another thread; as Facts otherwise.
class Coupons {
 public:
  virtual ~Coupons() = default;
  // One for each range, in their order, in one question.
  [[nodiscard]] virtual Result<std::vector<CouponSum>> sums(const std::vector<CouponRange>& ranges) = 0;
  // Ascending.
  [[nodiscard]] virtual Result<std::vector<CouponKey>> coupons(const CouponRange& range) = 0;
  // next_offset by partition.
  [[nodiscard]] virtual Result<std::map<Partition, Offset>> checkpoints() = 0;
};

}  // namespace openrun::reconciler
