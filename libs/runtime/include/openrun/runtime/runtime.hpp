// What every daemon's main needs: the system's clock, signals, an orderly stop.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include <openrun/ports/clock.hpp>

namespace openrun::runtime {

class SystemClock final : public ports::Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] std::int64_t monotonic_us() const override;
};

// Blocks SIGTERM and SIGINT in the calling thread and all that it starts later; SIGPIPE is ignored. Construct first
// thing in main.
class StopSignal {
 public:
  StopSignal();
  // True once a stop was asked for, by a signal or by request().
  [[nodiscard]] bool wait_for(std::chrono::milliseconds timeout);
  [[nodiscard]] bool requested() const { return requested_; }
  void request();  // any thread

 private:
  std::atomic<bool> requested_{false};
};

// Calls `on_hang_up` after each SIGHUP, one call at a time, on a thread of its own; several that come during a call are
// one. Blocks SIGHUP in the calling thread and all that it starts later: construct before those. Destroying waits for a
// call that runs.
class HangUpSignal {
 public:
  explicit HangUpSignal(std::function<void()> on_hang_up);
  ~HangUpSignal();
  HangUpSignal(const HangUpSignal&) = delete;
  HangUpSignal& operator=(const HangUpSignal&) = delete;

 private:
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace openrun::runtime
