// Whether a submit may come in, or the gateway is over its capacity and sheds it at the door, where it costs least.
//
// Overload shows as delay that stands: not one late acknowledgement, but intervals in which even the quickest one was
// late. That test is CoDel's (K. Nichols and V. Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012; RFC 8289).
// What follows is not CoDel's dropping, because what was accepted must stay: at the end of each such interval but the
// first, no larger share of the submits comes in than was done of those that asked in it, and a little less, so that
// the queue empties. So the share is right after one interval, whatever the load, and what is behind the queue never
// idles. At the end of any other interval the share is raised.
//
// Before that, submits stand in line at the server's door while the I/O thread has others to answer (ports::HttpLine).
// Who stood there for too long is refused here, so that it is told in the words of its dialect.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include <openrun/ports/metrics.hpp>

namespace openrun::gateway {

// Any thread.
class DelayGovernor {
 public:
  static constexpr std::int64_t interval_us = 100'000;
  static constexpr double share_min = 0.01;        // something always comes in, or nobody would learn that it is over
  static constexpr double emptying = 0.9;          // of what was done
  static constexpr double emptying_quickly = 0.7;  // where the delay is twice what it may be, or nothing is done
  static constexpr double raised_by = 1.1;
  static constexpr double raised_at_least = 0.01;

  explicit DelayGovernor(std::int64_t delay_us_max) : delay_us_max_(delay_us_max) {}

  // A submit asks, whether it comes in or not.
  void asked() { asked_.fetch_add(1, std::memory_order_relaxed); }
  // The delay of one that is done.
  void observe(std::int64_t delay_us, std::int64_t now_us);
  // Ends the interval where it is over. `standing_us`: how long the oldest that is still waiting has waited; it counts
  // where nothing was measured.
  void tick(std::int64_t standing_us, std::int64_t now_us);
  // Of the submits, from share_min to 1.
  [[nodiscard]] double share() const { return share_.load(std::memory_order_relaxed); }

 private:
  // `waited_us`: for how long somebody has been waiting up to now.
  void end_interval(std::int64_t standing_us, std::int64_t waited_us, std::int64_t now_us);

  static constexpr std::int64_t none = INT64_MAX;
  const std::int64_t delay_us_max_;
  std::atomic<std::int64_t> asked_{0};
  std::atomic<std::int64_t> done_{0};
  std::atomic<std::int64_t> least_us_{none};
  std::atomic<std::int64_t> ends_us_{0};
  // Whoever ends an interval writes these; the change of ends_us_ orders one writer after the other.
  std::atomic<bool> was_late_{false};
  std::atomic<double> share_{1.0};
};

struct AdmissionSettings {
  std::int64_t append_delay_ms_max = 0;  // from a submit to the log's acknowledgement; 0: never shed
  std::int64_t line_wait_ms_max = 0;     // for which a submit stands in line; 0: none does
};

class Admission {
 public:
  Admission(const AdmissionSettings& settings, const std::function<std::uint32_t()>& random_u32,
            ports::Metrics& metrics);

  // Any thread.
  // Whether the log's delay counts.
  [[nodiscard]] bool is_on() const { return is_on_; }
  // From a submit to its acknowledgement.
  void observe(std::int64_t delay_us, std::int64_t now_us);
  // `standing_us`: how long the oldest has waited that is not acknowledged.
  void tick(std::int64_t standing_us, std::int64_t now_us);
  // Draws whether this submit comes in; one that stood in line for too long does not.
  [[nodiscard]] bool admits(bool is_overdue = false);
  // Of the submits.
  [[nodiscard]] double share() const { return governor_.share(); }

 private:
  const std::function<std::uint32_t()>& random_u32_;
  const bool is_on_;
  DelayGovernor governor_;
  ports::Counter& shed_by_append_;
  ports::Counter& shed_by_line_;
};

}  // namespace openrun::gateway
