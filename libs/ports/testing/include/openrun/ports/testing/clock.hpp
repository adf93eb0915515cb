// A clock that stands still until a test moves it. For tests alone. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include <openrun/base/ids.hpp>
#include <openrun/ports/clock.hpp>

namespace openrun::ports::testing {

class FakeClock final : public Clock {
 public:
  // Wall clock and monotonic clock do not begin at the same number, so that no test mistakes one for the other.
  explicit FakeClock(Timestamp start = Timestamp{1'800'000'000'000}) : start_(start) {}

  [[nodiscard]] Timestamp now() const override { return Timestamp{start_.value + passed_us_ / 1'000}; }
  [[nodiscard]] std::int64_t monotonic_us() const override { return monotonic_start_us + passed_us_; }

  void advance_ms(std::int64_t ms) { passed_us_ += ms * 1'000; }

 private:
  static constexpr std::int64_t monotonic_start_us = 1'000'000'000;
  const Timestamp start_;
  std::atomic<std::int64_t> passed_us_{0};
};

}  // namespace openrun::ports::testing
