#include "gate.hpp"

#include <openrun/base/assert.hpp>

namespace openrun::kafka {
namespace {

std::int64_t to_ms(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

void Unacknowledged::add(TimePoint now) {
  const auto at_ms = to_ms(now);
  ++size_;
  if (!runs_.empty() && runs_.back().at_ms >= at_ms) {
    ++runs_.back().count;
    return;
  }
  runs_.push_back({at_ms, 1});
}

void Unacknowledged::remove_oldest() {
  OPENRUN_ASSERT(size_ > 0, "a delivery for an append that was never accepted");
  --size_;
  if (--runs_.front().count == 0) runs_.pop_front();
}

std::chrono::milliseconds Unacknowledged::oldest(TimePoint now) const {
  if (runs_.empty()) return std::chrono::milliseconds{0};
  return std::chrono::milliseconds{to_ms(now) - runs_.front().at_ms};
}

bool Gate::admit(TimePoint now, std::chrono::milliseconds oldest) {
  if (state_ == State::open && oldest <= stall_max_) return true;
  if (state_ == State::open) state_ = State::stalled;
  if (last_probe_ && now - *last_probe_ < probe_interval) return false;
  last_probe_ = now;
  return true;
}

void Gate::disconnected() {
  if (state_ == State::open) state_ = State::disconnected;
}

void Gate::connected() {
  // A stalled partition may have brokers that answer everything but appends (too few in-sync replicas).
  if (state_ == State::disconnected) state_ = State::open;
}

}  // namespace openrun::kafka
