#include "reconciler/acknowledged.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <openrun/base/assert.hpp>

namespace openrun::reconciler {

std::uint64_t add_to_sum(std::uint64_t sum, CouponKey coupon) {
  const std::uint64_t weight = static_cast<std::uint64_t>(coupon.sequence.value) % 1'000'003 + 1;
  const std::uint64_t offset = static_cast<std::uint64_t>(coupon.request_offset.value) % (1ULL << 42);
  return (sum + weight * offset) % (1ULL << 62);
}

WatchAction Acknowledged::next(std::int64_t now_us) const {
  if (!missing_.empty()) return missing_.front();
  if (now_us < rest_until_us_) return Rest{rest_until_us_ - now_us};
  if (!open_) return OpenResults{};
  if (front_differs_ && !front_is_committed_) return AskCheckpoint{};
  if (front_differs_) return ListCoupons{told_.front().range};
  if (told_.empty() || reads_on_) return ReadResults{records_at_once};
  SumCoupons action;
  for (const Told& told : told_) {
    if (action.ranges.size() == ranges_at_once) break;
    action.ranges.push_back(told.range);
  }
  return action;
}

void Acknowledged::on_opened(std::int64_t now_us, const Result<void>& answer) {
  if (!answer) return failed(now_us);
  well();
  open_ = true;
}

void Acknowledged::on_results(std::int64_t now_us, const Result<std::vector<wire::ResultBatch>>& answer) {
  OPENRUN_ASSERT(told_.empty() || reads_on_, "results are read only once all before them are checked");
  if (!reads_on_) {
    newest_.clear();
    taken_ = 0;
  }
  reads_on_ = false;
  if (!answer) {
    // The position fell out of the topic: begin again at the look-back.
    if (answer.error().kind == Error::Kind::not_found) open_ = false;
    return failed(now_us);
  }
  well();
  for (const wire::ResultBatch& batch : *answer) take(batch);
  reads_on_ = answer->size() == records_at_once && taken_ < coupons_at_once;
}

void Acknowledged::take(const wire::ResultBatch& batch) {
  // By campaign, each in the order of offsets, and so of sequences.
  std::map<CampaignId, std::vector<CouponKey>> by_campaign;
  for (const wire::OutcomeEntry& entry : batch.entries) {
    if (entry.outcome != issuance::Outcome::issued) continue;
    by_campaign[entry.campaign].push_back({entry.sequence, entry.offset});
  }
  for (auto& [campaign, coupons] : by_campaign) {
    std::ranges::sort(coupons, {}, &CouponKey::sequence);
    Told*& newest = newest_[campaign];
    for (const CouponKey coupon : coupons) {
      // A range is asked about as a whole, so it holds nothing but what was told.
      if (newest == nullptr || newest->range.last.value + 1 != coupon.sequence.value) {
        newest = &told_.emplace_back(Told{{campaign, partition_, coupon.sequence, coupon.sequence}, {}, {}, {}});
      }
      Told& told = *newest;
      told.range.last = coupon.sequence;
      told.sum = {told.sum.coupons + 1, add_to_sum(told.sum.sum, coupon)};
      told.coupons.push_back(coupon);
      told.batch_end = std::max(told.batch_end, batch.last_offset + 1);
    }
    taken_ += coupons.size();
  }
}

void Acknowledged::on_sums(std::int64_t now_us, const Result<std::vector<CouponSum>>& answer) {
  if (!answer) return failed(now_us);
  well();
  OPENRUN_ASSERT(answer->size() <= told_.size() && !answer->empty(), "as many sums as ranges were asked about");
  for (const CouponSum& sum : *answer) {
    // The rest is asked about again, after this one.
    front_differs_ = sum != told_.front().sum;
    if (front_differs_) return;
    checked_ += told_.front().coupons.size();
    told_.pop_front();
  }
}

void Acknowledged::on_checkpoint(std::int64_t now_us, const Result<Offset>& answer) {
  if (!answer) return failed(now_us);
  well();
  OPENRUN_ASSERT(front_differs_ && !told_.empty(), "a checkpoint that nobody asked for");
  front_is_committed_ = *answer >= told_.front().batch_end;
  if (front_is_committed_) return;
  front_differs_ = false;
  rest_until_us_ = now_us + behind_wait_us;
}

void Acknowledged::on_coupons(std::int64_t now_us, const Result<std::vector<CouponKey>>& answer) {
  if (!answer) return failed(now_us);
  well();
  OPENRUN_ASSERT(front_differs_ && !told_.empty(), "coupons that nobody asked for");
  const Told told = std::move(told_.front());
  told_.pop_front();
  front_differs_ = front_is_committed_ = false;
  checked_ += told.coupons.size();
  for (const CouponKey coupon : told.coupons) {
    if (std::ranges::binary_search(*answer, coupon)) continue;
    if (reported_.size() >= reported_kept) reported_.clear();
    if (!reported_.emplace(told.range.campaign, coupon.sequence, coupon.request_offset).second) continue;
    missing_.push_back({told.range.campaign, coupon});
  }
}

void Acknowledged::on_reported() {
  missing_.pop_front();
}

void Acknowledged::failed(std::int64_t now_us) {
  retry_us_ = std::clamp(retry_us_ * 2, retry_us_min, retry_us_max);
  rest_until_us_ = now_us + retry_us_;
}

void Acknowledged::well() {
  retry_us_ = 0;
  rest_until_us_ = 0;
}

}  // namespace openrun::reconciler
