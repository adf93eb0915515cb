// Whether every coupon that anybody was told of stands in the store: sans-I/O, for one partition of the results topic.
// It is told what happened and says what to do next. One thread.
//
// A row that is missing is never a race. Whoever publishes a result does it after the commit that wrote the coupons was
// answered (or the checkpoint said that it had been written), a result is read here after it was published, and the
// question to the store begins after that: its snapshot holds the commit, on the primary. Coupons are never deleted. So
// there is nothing to wait for and nothing to forgive. A row that is not there is looked for twice all the same, one by
// one after the sums differed.
//
// One thing can take rows back: a store that was restored to an earlier moment. It is known by its checkpoint, which
// was committed together with the rows and stands before them then. What was told beyond it waits until the issuers
// have decided it once more, and is checked then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <variant>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/wire/result_batch.hpp>

#include "reconciler/facts.hpp"

namespace openrun::reconciler {

// Coupons that were told and are not in the store, since the start; counted by one thread, read by another.
using MissingCoupons = std::atomic<std::uint64_t>;

// ---- what to do: each is performed at once and answered before next() is called again ----

struct OpenResults {};  // at the first record not older than the look-back; answer: on_opened
struct ReadResults {    // answer: on_results
  std::size_t records_max = 0;
};
struct SumCoupons {  // answer: on_sums
  std::vector<CouponRange> ranges;
};
struct AskCheckpoint {};  // the partition's next_offset as committed; answer: on_checkpoint
struct ListCoupons {      // answer: on_coupons
  CouponRange range;
};
// Somebody was told of this coupon, and the store has none such. No answer.
struct ReportMissing {
  CampaignId campaign;
  CouponKey coupon;
};
struct Rest {
  std::int64_t duration_us = 0;
};
using WatchAction = std::variant<OpenResults, ReadResults, SumCoupons, AskCheckpoint, ListCoupons, ReportMissing, Rest>;

class Acknowledged {
 public:
  explicit Acknowledged(Partition partition) : partition_(partition) {}

  [[nodiscard]] WatchAction next(std::int64_t now_us) const;

  void on_opened(std::int64_t now_us, const Result<void>& answer);
  // Records that are no batch of this partition are left out.
  void on_results(std::int64_t now_us, const Result<std::vector<wire::ResultBatch>>& answer);
  // In the order of the ranges that were asked about.
  void on_sums(std::int64_t now_us, const Result<std::vector<CouponSum>>& answer);
  void on_checkpoint(std::int64_t now_us, const Result<Offset>& answer);
  void on_coupons(std::int64_t now_us, const Result<std::vector<CouponKey>>& answer);
  void on_reported();

  // Coupons that were told, and found or reported.
  [[nodiscard]] std::uint64_t checked() const { return checked_; }
  // Nothing that was read waits for its check.
  [[nodiscard]] bool idle() const { return told_.empty() && missing_.empty(); }

  static constexpr std::size_t records_at_once = 8;          // of the results topic; each holds 10,000 outcomes at most
  static constexpr std::size_t coupons_at_once = 20'000;     // are read before the store is asked, if they are there
  static constexpr std::size_t ranges_at_once = 1'000;       // in one question to the store
  static constexpr std::size_t reported_kept = 10'000;       // results come twice; above that one may be reported twice
  static constexpr std::int64_t behind_wait_us = 1'000'000;  // for a store that stands before what was told
  static constexpr std::int64_t retry_us_min = 200'000;
  static constexpr std::int64_t retry_us_max = 5'000'000;

 private:
  struct Told {
    CouponRange range;
    CouponSum sum;
    std::vector<CouponKey> coupons;  // ascending, sequences without a gap
    Offset batch_end;  // they are committed once the checkpoint stands here, one past the last batch of them
  };
  void take(const wire::ResultBatch& batch);
  void failed(std::int64_t now_us);
  void well();

  const Partition partition_;
  bool open_ = false;
  std::deque<Told> told_;  // read and not checked yet
  // While more is read: a question costs the store as much for one coupon of a campaign as for many, and small batches
  // of many campaigns hold one of each.
  bool reads_on_ = false;
  std::map<CampaignId, Told*> newest_;  // of each campaign, in told_
  std::size_t taken_ = 0;               // coupons
  bool front_differs_ = false;          // the first of them has to be looked at one by one
  bool front_is_committed_ = false;
  std::deque<ReportMissing> missing_;
  std::set<std::tuple<CampaignId, Sequence, Offset>> reported_;
  std::uint64_t checked_ = 0;
  std::int64_t retry_us_ = 0;
  std::int64_t rest_until_us_ = 0;
};

// What CouponSum::sum adds up, over any set of coupons; the store computes the same.
[[nodiscard]] std::uint64_t add_to_sum(std::uint64_t sum, CouponKey coupon);

}  // namespace openrun::reconciler
