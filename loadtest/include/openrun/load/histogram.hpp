// Latencies in a log-linear histogram (after Gil Tene's HdrHistogram): 64 linear steps in every power of two, so that a
// value is off by less than 1.6 %. Microseconds, up to 2^40. One thread at a time.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace openrun::load {

class Histogram {
 public:
  void record(std::int64_t microseconds);
  void merge(const Histogram& other);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double mean_us() const;
  [[nodiscard]] std::int64_t max_us() const { return max_; }
  // The smallest recorded step that at least `percent` of the values do not exceed; 0 without values.
  [[nodiscard]] std::int64_t percentile_us(double percent) const;

 private:
  static constexpr unsigned step_bits = 6;
  static constexpr unsigned powers = 40;
  static std::size_t index_of(std::uint64_t value);
  static std::int64_t upper_bound_of(std::size_t index);

  std::array<std::uint64_t, (powers - step_bits + 2) << step_bits> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace openrun::load
