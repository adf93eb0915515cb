// One machine's clock on simulated time: its wall clock may be ahead or behind, and may be set while it runs; its
// monotonic clock is true. One thread at a time.
#pragma once

#include <cstdint>

#include <openrun/ports/clock.hpp>
#include <openrun/sim/scheduler.hpp>

namespace openrun::sim {

// The wall-clock time at the scheduler's zero.
inline constexpr std::int64_t epoch_ms = 1'764'000'000'000;

class Clock final : public ports::Clock {
 public:
  explicit Clock(const Scheduler& scheduler, std::int64_t ahead_ms = 0) : scheduler_(scheduler), ahead_ms_(ahead_ms) {}

  [[nodiscard]] Timestamp now() const override { return Timestamp{epoch_ms + scheduler_.now_us() / 1'000 + ahead_ms_}; }
  // A process does not start at zero.
  [[nodiscard]] std::int64_t monotonic_us() const override { return scheduler_.now_us() + 1'000'000; }

  void set_ahead_ms(std::int64_t ahead_ms) { ahead_ms_ = ahead_ms; }
  [[nodiscard]] std::int64_t ahead_ms() const { return ahead_ms_; }

 private:
  const Scheduler& scheduler_;
  std::int64_t ahead_ms_;
};

}  // namespace openrun::sim
