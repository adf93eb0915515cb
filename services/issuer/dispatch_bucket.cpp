#include "issuer/dispatch_bucket.hpp"

#include <algorithm>

#include <openrun/base/assert.hpp>

namespace openrun::issuer {

std::int64_t DispatchBucket::capacity() const {
  return std::max(token, static_cast<std::int64_t>(rate_.value_or(0)) * burst_us);
}

void DispatchBucket::refill(std::int64_t now_us) {
  // A second fills any bucket; cutting there keeps the product within 64 bits after an idle month.
  const std::int64_t elapsed = std::clamp<std::int64_t>(now_us - refilled_us_, 0, 1'000'000 * token);
  refilled_us_ = std::max(refilled_us_, now_us);
  const std::int64_t rate = rate_.value_or(0);
  if (rate == 0) return;
  const std::int64_t full_after_us = (capacity() - std::min(level_, capacity())) / rate + 1;
  level_ = elapsed >= full_after_us ? capacity() : std::min(capacity(), level_ + elapsed * rate);
}

void DispatchBucket::set_rate(std::uint32_t per_second, std::int64_t now_us) {
  if (rate_ == per_second) return;
  refill(now_us);
  refilled_us_ = std::max(refilled_us_, now_us);
  const bool was_unlimited = rate_.value_or(0) == 0;
  rate_ = per_second;
  level_ = was_unlimited ? token : std::min(level_, capacity());
}

bool DispatchBucket::take(std::int64_t now_us) {
  OPENRUN_ASSERT(rate_.has_value(), "a request may pass only once the dispatch rate is known");
  if (*rate_ == 0) return true;
  refill(now_us);
  if (level_ < token) return false;
  level_ -= token;
  return true;
}

std::int64_t DispatchBucket::next_token_us(std::int64_t now_us) const {
  const std::int64_t rate = rate_.value_or(0);
  if (rate == 0) return now_us;
  const std::int64_t lacking = token - level_;
  if (lacking <= 0) return now_us;
  return std::max(refilled_us_ + (lacking + rate - 1) / rate, now_us + wake_interval_us);
}

}  // namespace openrun::issuer
