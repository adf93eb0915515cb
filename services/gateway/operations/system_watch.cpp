#include "gateway/operations/system_watch.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {

std::optional<SystemState> SystemWatch::look() {
  bool was_watching = false;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t since_us = clock_.monotonic_us() - looked_us_;
    if (state_ && since_us < fresh_ms * 1'000) return state_;
    was_watching = state_ && since_us < watched_ms * 1'000;
  }
  const std::unique_lock looking(looking_, std::try_to_lock);
  if (!looking.owns_lock()) {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  SystemState state = look_now(was_watching);
  const std::lock_guard lock(mutex_);
  looked_us_ = clock_.monotonic_us();
  state_ = std::move(state);
  return state_;
}

SystemState SystemWatch::look_now(bool was_watching) {
  SystemState state;
  state.looked_at = clock_.now();
  if (!factory_) return state;
  if (!store_) store_ = factory_();
  if (auto watched = store_->watch()) state.store = std::move(*watched);
  if (!state.store) return state;
  Look look{.is_log_there = true, .ages_left = was_watching ? 0 : aged_queues_max};
  for (const ports::WatchedPartition& stored : state.store->partitions) state.queues.push_back(queue_of(stored, look));
  return state;
}

// A Kafka that does not answer for one partition is not asked for the others: the thread is one of few.
QueueState SystemWatch::queue_of(const ports::WatchedPartition& stored, Look& look) {
  QueueState queue{stored, std::nullopt, std::nullopt};
  if (!look.is_log_there) return queue;
  // No record is that young, so the answer is the end.
  constexpr std::int64_t never_ms = 4'102'444'800'000;
  const auto end = log_.offset_at(ports::Topic::requests, stored.partition, Timestamp{never_ms}, broker_timeout);
  look.is_log_there = end.has_value();
  if (!end) return queue;
  queue.log_end = *end;
  const std::int64_t now_us = clock_.monotonic_us();
  remember(stored, *end, now_us);
  auto& ends = ends_[stored.partition];
  // What is first seen now may have waited for long where nobody was watching.
  if (!ends.empty() && ends.front().at_us == now_us && look.ages_left-- > 0)
    ends.front().at_us -= age_ms(stored) * 1'000;
  queue.oldest_ms = ends.empty() ? 0 : (now_us - ends.front().at_us) / 1'000;
  return queue;
}

// The log is only asked where a time stands in it: LogAppendTime never runs back, so the first record that is not older
// than some age stands behind the frontier exactly when the frontier's record is older. Doubling, then halving.
std::int64_t SystemWatch::age_ms(const ports::WatchedPartition& stored) {
  const Timestamp now = clock_.now();
  int questions = age_questions_max;
  const auto is_older = [&](std::int64_t ms) {
    questions -= 1;
    const auto at = log_.offset_at(ports::Topic::requests, stored.partition, now + -ms, broker_timeout);
    if (!at) questions = 0;
    return at && *at > stored.next_offset;
  };
  constexpr int halvings = 5;
  std::int64_t younger_ms = 0;
  std::int64_t older_ms = 1'000;
  while (questions > halvings && is_older(older_ms)) younger_ms = std::exchange(older_ms, older_ms * 2);
  for (int i = 0; i < halvings && questions > 0; ++i) {
    const std::int64_t middle_ms = (younger_ms + older_ms) / 2;
    (is_older(middle_ms) ? younger_ms : older_ms) = middle_ms;
  }
  return older_ms;
}

// Ascending ends, of which only those beyond the frontier say anything: the first of them was seen when the oldest
// undecided record was already there.
void SystemWatch::remember(const ports::WatchedPartition& stored, Offset end, std::int64_t now_us) {
  auto& ends = ends_[stored.partition];
  if (!ends.empty() && end < ends.back().end) ends.clear();
  if (ends.empty() || ends.back().end < end) ends.push_back({end, now_us});
  while (!ends.empty() && ends.front().end <= stored.next_offset) ends.pop_front();
  // The oldest stays, because it tells the age.
  if (ends.size() > ends_kept) ends.erase(ends.begin() + 1);
}

}  // namespace openrun::gateway
