// What happens when, on simulated time. Events of one moment run in the order in which they were planned, so a run is a
// function of its inputs. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace openrun::sim {

class Scheduler {
 public:
  [[nodiscard]] std::int64_t now_us() const { return now_us_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

  // At that moment, or now where it has passed.
  void at(std::int64_t time_us, std::function<void()> work);
  void after(std::int64_t delay_us, std::function<void()> work) { at(now_us_ + delay_us, std::move(work)); }

  // Runs the next event; false where none is planned.
  bool step();
  // Runs all events up to that moment, and stands there then.
  void run_until(std::int64_t time_us);

 private:
  struct Event {
    std::int64_t time_us = 0;
    std::uint64_t number = 0;
    std::function<void()> work;
  };
  [[nodiscard]] static bool later(const Event& a, const Event& b) {
    return a.time_us != b.time_us ? a.time_us > b.time_us : a.number > b.number;
  }

  std::int64_t now_us_ = 0;
  std::uint64_t planned_ = 0;
  std::uint64_t events_ = 0;
  std::vector<Event> heap_;  // the next one in front
};

}  // namespace openrun::sim
