#include "gateway/waits/lanes.hpp"

#include <algorithm>
#include <utility>

#include <openrun/base/assert.hpp>

namespace openrun::gateway {

void Lane::append(ports::LogAppender& appender, Partition partition, std::string_view key, std::string_view value,
                  const std::optional<TraceContext>& trace, std::unique_ptr<Submission> submission) {
  const std::uint64_t token = pending_.open(std::move(submission));
  pending_count_.fetch_add(1, std::memory_order_relaxed);
  count_partition(partition);
  const std::size_t few = partitions_ == 1 ? group_min : few_a_partition * partitions_;
  if (gathered_.appends.empty() && (waiting() <= few || released_)) {
    append_now(appender, partition, key, value, trace, token);
    if (all_have_come()) send_now(appender);
    return;
  }
  gathered_.appends.push_back({partition, key.size(), value.size(), trace, token});
  gathered_.bytes.append(key).append(value);
  gathering_for_ = &appender;
  const bool is_whole = all_have_come();
  if (is_whole ||
      gathered_.appends.size() >= std::clamp(waiting() / groups_under_way, group_min * partitions_, group_max)) {
    append_group(appender);
    if (is_whole) send_now(appender);
  } else if (gathered_.appends.size() == 1) {
    look_again(1, 1);
  }
}

void Lane::count_partition(Partition partition) {
  if (met_.size() < partitions_max && std::ranges::find(met_, partition) == met_.end()) met_.push_back(partition);
  if (++round_ < waiting()) return;
  partitions_ = met_.size();
  met_.clear();
  round_ = 0;
}

// Calls that come over no connection of this thread (gRPC's) leave the appender to itself.
bool Lane::all_have_come() const {
  return pending_.size() == io_.awake_connections();
}

void Lane::send_now(ports::LogAppender& appender) {
  const std::int64_t now_us = clock_.monotonic_us();
  if (sent_us_ && now_us - *sent_us_ < send_gap_us) return;
  sent_us_ = now_us;
  appender.send_now();
}

void Lane::look_again(std::size_t size, int looks) {
  io_.after(group_quiet_ms, [this, group = groups_, size, looks] {
    if (group != groups_) return;
    const std::size_t now = gathered_.appends.size();
    const int looks_max = waiting() <= group_min ? few_quiet_looks : group_quiet_looks;
    if (now != size && looks < looks_max) return look_again(now, looks + 1);
    append_group(*gathering_for_);
    send_now(*gathering_for_);
  });
}

void Lane::append_now(ports::LogAppender& appender, Partition partition, std::string_view key, std::string_view value,
                      const std::optional<TraceContext>& trace, std::uint64_t token) {
  static const ports::Headers no_headers;
  const Result<void> accepted =
      trace ? appender.append(partition, key, value, {{traceparent_name, to_traceparent(*trace)}}, token)
            : appender.append(partition, key, value, no_headers, token);
  if (accepted) return;
  pending_count_.fetch_sub(1, std::memory_order_relaxed);
  pending_.close(token)->not_stored(accepted.error().kind);
}

// Who is refused is told within, and may come again at once: into the next group.
void Lane::append_group(ports::LogAppender& appender) {
  ++groups_;
  Group group = std::exchange(gathered_, std::exchange(spare_, {}));
  std::string_view bytes = group.bytes;
  for (const Gathered& one : group.appends) {
    append_now(appender, one.partition, bytes.substr(0, one.key_bytes), bytes.substr(one.key_bytes, one.value_bytes),
               one.trace, one.token);
    bytes.remove_prefix(one.key_bytes + one.value_bytes);
  }
  group.appends.clear();
  group.bytes.clear();
  spare_ = std::move(group);
}

void Lane::release() {
  released_ = true;
  if (!gathered_.appends.empty()) append_group(*gathering_for_);
  waiters_.release();
}

void Lane::hold(Partition partition, Offset offset, std::uint32_t nonce, std::unique_ptr<Waiting> waiting,
                std::int64_t now_us, std::int64_t deadline_us) {
  listening_.store(true, std::memory_order_relaxed);
  waiters_.add(partition, offset, nonce, std::move(waiting), now_us, deadline_us);
  arm();
}

void Lane::deliver(std::span<const ports::Delivery> deliveries) {
  {
    std::lock_guard lock(mailbox_);
    deliveries_.insert(deliveries_.end(), deliveries.begin(), deliveries.end());
    if (std::exchange(deliveries_posted_, true)) return;
  }
  io_.post([this] { take_deliveries(); });
}

void Lane::take_deliveries() {
  if (delivered_ == delivering_.size()) {
    delivering_.clear();
    delivered_ = 0;
    std::lock_guard lock(mailbox_);
    std::swap(delivering_, deliveries_);
  }
  const std::size_t end = std::min(delivered_ + answers_a_turn_max, delivering_.size());
  const std::int64_t now_us = clock_.monotonic_us();
  while (delivered_ < end) {
    const ports::Delivery& delivery = delivering_[delivered_++];
    std::unique_ptr<Submission> submission = pending_.close(delivery.token);
    if (!submission) continue;
    pending_count_.fetch_sub(1, std::memory_order_relaxed);
    if (delivery.fate == ports::Delivery::Fate::stored) {
      Submission& stored = *submission;
      stored.stored(std::move(submission), delivery.partition, delivery.offset, now_us);
    } else {
      submission->not_stored(Error::Kind::unavailable);
    }
  }
  {
    std::lock_guard lock(mailbox_);
    deliveries_posted_ = delivered_ < delivering_.size() || !deliveries_.empty();
    if (!deliveries_posted_) return;
  }
  io_.post([this] { take_deliveries(); });
}

void Lane::applied(Partition partition, Offset first, Offset last) {
  if (!listening_.load(std::memory_order_relaxed)) return;
  {
    std::lock_guard lock(mailbox_);
    const auto same =
        std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& range) { return range.partition == partition; });
    if (same == ranges_.end()) {
      ranges_.push_back({partition, first, last});
    } else {
      same->first = std::min(same->first, first);
      same->last = std::max(same->last, last);
    }
    if (std::exchange(ranges_posted_, true)) return;
  }
  io_.post([this] { take_ranges(); });
}

void Lane::take_ranges() {
  if (applied_ == applying_.size()) {
    applying_.clear();
    applied_ = 0;
    std::lock_guard lock(mailbox_);
    std::swap(applying_, ranges_);
  }
  const std::int64_t now_us = clock_.monotonic_us();
  std::size_t left = answers_a_turn_max;
  for (; applied_ < applying_.size(); ++applied_) {
    Range& range = applying_[applied_];
    range.first = waiters_.applied(range.partition, range.first, range.last, now_us, left);
    if (range.first <= range.last) break;
  }
  {
    std::lock_guard lock(mailbox_);
    ranges_posted_ = applied_ < applying_.size() || !ranges_.empty();
    if (!ranges_posted_) return;
  }
  io_.post([this] { take_ranges(); });
}

void Lane::arm() {
  if (armed_ || waiters_.size() == 0) return;
  armed_ = true;
  io_.after(Waiters::step_us / 1'000, [this] { tick(); });
}

void Lane::tick() {
  armed_ = false;
  const auto missing = waiters_.tick(clock_.monotonic_us());
  if (repair_) {
    for (const Waiters::Missing& one : missing) repair_(one.partition, one.offset);
  }
  if (waiters_.size() == 0) listening_.store(false, std::memory_order_relaxed);
  arm();
}

Lanes::Lanes(std::span<ports::IoThread* const> threads, ResultsWindow& window, const ports::Clock& clock) {
  OPENRUN_ASSERT(threads.size() <= PendingToken::threads_max, "more I/O threads than a token can name");
  lanes_.reserve(threads.size());
  for (ports::IoThread* thread : threads) {
    OPENRUN_ASSERT(thread->index() == lanes_.size(), "I/O threads must come in the order of their index");
    lanes_.push_back(std::make_unique<Lane>(*thread, window, clock));
  }
}

void Lanes::set_repair(const Repair& repair) {
  for (auto& lane : lanes_) lane->set_repair(repair);
}

void Lanes::deliver(std::span<const ports::Delivery> deliveries) {
  if (lanes_.size() == 1) {
    lanes_.front()->deliver(deliveries);
    return;
  }
  std::vector<std::vector<ports::Delivery>> by_lane(lanes_.size());
  for (const ports::Delivery& delivery : deliveries) {
    const std::size_t lane = PendingToken::thread(delivery.token);
    if (lane < by_lane.size()) by_lane[lane].push_back(delivery);
  }
  for (std::size_t i = 0; i < by_lane.size(); ++i) {
    if (!by_lane[i].empty()) lanes_[i]->deliver(by_lane[i]);
  }
}

void Lanes::applied(Partition partition, Offset first, Offset last) {
  for (auto& lane : lanes_) lane->applied(partition, first, last);
}

void Lanes::release() {
  for (auto& lane : lanes_) {
    lane->io().post([raw = lane.get()] { raw->release(); });
  }
}

std::int64_t Lanes::pending() const {
  std::int64_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->pending();
  return sum;
}

}  // namespace openrun::gateway
