#include "gateway/results/results_progress.hpp"

#include <algorithm>

namespace openrun::gateway {

void ResultsProgress::settle() {
  if (open_ && position_ >= open_->end) {
    caught_up_us_ = open_->time_us;
    open_.reset();
  }
  if (ready_at_ && position_ >= *ready_at_) ready_ = true;
}

void ResultsProgress::opened(Offset position, Offset end, std::int64_t now_us) {
  std::lock_guard lock(mutex_);
  position_ = position;
  end_ = end;
  if (!ready_at_) {
    ready_at_ = end;
    caught_up_us_ = now_us;
  } else if (!ready_) {
    // The log was cut before its end was reached: what is left of it is the new aim.
    ready_at_ = end;
  }
  open_ = Sample{end, now_us};
  settle();
}

void ResultsProgress::reached(Offset position) {
  std::lock_guard lock(mutex_);
  position_ = std::max(position_, position);
  end_ = std::max(end_, position_);
  settle();
}

void ResultsProgress::sampled(Offset end, std::int64_t now_us) {
  std::lock_guard lock(mutex_);
  end_ = std::max(end, position_);
  if (!open_) open_ = Sample{end, now_us};
  settle();
}

Offset ResultsProgress::position() const {
  std::lock_guard lock(mutex_);
  return position_;
}

bool ResultsProgress::ready() const {
  std::lock_guard lock(mutex_);
  return ready_;
}

std::int64_t ResultsProgress::behind_us(std::int64_t now_us) const {
  std::lock_guard lock(mutex_);
  return std::max<std::int64_t>(now_us - caught_up_us_, 0);
}

std::int64_t ResultsProgress::lag() const {
  std::lock_guard lock(mutex_);
  return end_ - position_;
}

}  // namespace openrun::gateway
