#include <algorithm>
#include <cmath>

#include <openrun/load/histogram.hpp>

namespace openrun::load {

// Below 2^6 each value has a step of its own; above, the six bits after the leading one choose the step.
std::size_t Histogram::index_of(std::uint64_t value) {
  constexpr std::uint64_t steps = 1U << step_bits;
  if (value < steps) return value;
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - step_bits;
  return ((shift + 1) << step_bits) + ((value >> shift) - steps);
}

std::int64_t Histogram::upper_bound_of(std::size_t index) {
  constexpr std::uint64_t steps = 1U << step_bits;
  if (index < steps) return static_cast<std::int64_t>(index);
  const std::size_t shift = (index >> step_bits) - 1;
  const std::uint64_t step = (index & (steps - 1)) + steps;
  return static_cast<std::int64_t>(((step + 1) << shift) - 1);
}

void Histogram::record(std::int64_t microseconds) {
  const std::int64_t value = std::clamp<std::int64_t>(microseconds, 0, (1LL << powers) - 1);
  counts_[index_of(static_cast<std::uint64_t>(value))] += 1;
  count_ += 1;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

double Histogram::mean_us() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::int64_t Histogram::percentile_us(double percent) const {
  if (count_ == 0) return 0;
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100.0)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(upper_bound_of(i), max_);
  }
  return max_;
}

}  // namespace openrun::load
