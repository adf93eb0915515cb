#include <algorithm>
#include <utility>

#include <openrun/sim/scheduler.hpp>

namespace openrun::sim {

void Scheduler::at(std::int64_t time_us, std::function<void()> work) {
  heap_.push_back({std::max(time_us, now_us_), planned_++, std::move(work)});
  std::ranges::push_heap(heap_, later);
}

bool Scheduler::step() {
  if (heap_.empty()) return false;
  std::ranges::pop_heap(heap_, later);
  const Event event = std::move(heap_.back());
  heap_.pop_back();
  now_us_ = event.time_us;
  ++events_;
  event.work();
  return true;
}

void Scheduler::run_until(std::int64_t time_us) {
  while (!heap_.empty() && heap_.front().time_us <= time_us) step();
  now_us_ = std::max(now_us_, time_us);
}

}  // namespace openrun::sim
