// Whether appends to one partition may pass, and what is still unacknowledged there. Plain values: times are given,
// nothing is locked; the appender does both.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace openrun::kafka {

using TimePoint = std::chrono::steady_clock::time_point;

// When the unacknowledged appends of a partition were accepted, oldest first. Run lengths of a millisecond, so that a
// full queue costs a few kilobytes. Deliveries come in order per partition, so each one takes the oldest away.
class Unacknowledged {
 public:
  void add(TimePoint now);
  void remove_oldest();
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::chrono::milliseconds oldest(TimePoint now) const;  // zero when there is none

 private:
  struct Run {
    std::int64_t at_ms = 0;
    std::size_t count = 0;
  };
  std::deque<Run> runs_;
  std::size_t size_ = 0;
};

// Refuses at once what would only wait in the queue until its time-out. Closed, it lets one append through in each
// probe_interval: the log's answer to it opens the gate again.
class Gate {
 public:
  static constexpr std::chrono::milliseconds probe_interval{250};

  explicit Gate(std::chrono::milliseconds stall_max) : stall_max_(stall_max) {}

  // `oldest`: the age of the oldest unacknowledged append of this partition.
  [[nodiscard]] bool admit(TimePoint now, std::chrono::milliseconds oldest);
  // An append was stored: the partition works.
  void stored() { state_ = State::open; }
  // An append was not acknowledged in time: only an acknowledgement proves the contrary.
  void timed_out() { state_ = State::stalled; }
  // No broker is connected any more / the brokers answer again.
  void disconnected();
  void connected();

 private:
  enum class State : std::uint8_t { open, disconnected, stalled };
  std::chrono::milliseconds stall_max_;
  State state_ = State::open;
  std::optional<TimePoint> last_probe_;
};

}  // namespace openrun::kafka
