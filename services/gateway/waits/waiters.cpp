#include "gateway/waits/waiters.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {
namespace {

bool ends_wait(const Found& found) {
  return found.kind == Found::Kind::decided || found.kind == Found::Kind::mismatch;
}

}  // namespace

std::uint32_t Waiters::take_entry() {
  if (free_ != none) {
    const std::uint32_t index = free_;
    free_ = entries_[index].next;
    return index;
  }
  entries_.emplace_back();
  return static_cast<std::uint32_t>(entries_.size() - 1);
}

void Waiters::link(std::uint32_t index, std::int64_t step) {
  const auto bucket = static_cast<std::uint32_t>(static_cast<std::uint64_t>(step) % wheel_steps);
  Entry& entry = entries_[index];
  entry.bucket = bucket;
  entry.previous = none;
  entry.next = wheel_[bucket];
  if (entry.next != none) entries_[entry.next].previous = index;
  wheel_[bucket] = index;
}

void Waiters::unlink(std::uint32_t index) {
  Entry& entry = entries_[index];
  if (entry.next != none) entries_[entry.next].previous = entry.previous;
  if (entry.previous != none) {
    entries_[entry.previous].next = entry.next;
  } else {
    wheel_[entry.bucket] = entry.next;
  }
}

std::unique_ptr<Waiting> Waiters::free_entry(std::uint32_t index) {
  unlink(index);
  Entry& entry = entries_[index];
  std::unique_ptr<Waiting> waiting = std::move(entry.waiting);
  entry.next = free_;
  free_ = index;
  --size_;
  return waiting;
}

void Waiters::forget_offset(std::uint32_t index) {
  const Entry& entry = entries_[index];
  ByOffset& offsets = by_partition_[entry.partition];
  for (auto [at, end] = offsets.equal_range(entry.offset); at != end; ++at) {
    if (at->second == index) {
      offsets.erase(at);
      return;
    }
  }
}

void Waiters::add(Partition partition, Offset offset, std::uint32_t nonce, std::unique_ptr<Waiting> waiting,
                  std::int64_t now_us, std::int64_t deadline_us) {
  if (const Found found = window_.look_up(partition, offset, nonce, now_us); ends_wait(found)) {
    waiting->decided(found, now_us);
    return;
  }
  if (step_ < 0) step_ = now_us / step_us;
  // Rounded up, so that no wait ends before its time; bounded, so that the wheel never laps.
  const std::int64_t step = std::clamp<std::int64_t>((deadline_us + step_us - 1) / step_us, step_ + 1,
                                                     step_ + static_cast<std::int64_t>(wheel_steps) - 1);
  const std::uint32_t index = take_entry();
  Entry& entry = entries_[index];
  entry.partition = partition;
  entry.offset = offset;
  entry.nonce = nonce;
  entry.waiting = std::move(waiting);
  link(index, step);
  ByOffset& offsets = by_partition_[partition];
  offsets.emplace_hint(offsets.end(), offset, index);
  ++size_;
}

Offset Waiters::applied(Partition partition, Offset first, Offset last, std::int64_t now_us, std::size_t& left) {
  Offset unseen = last + 1;
  const auto found_partition = by_partition_.find(partition);
  if (found_partition == by_partition_.end()) return unseen;
  auto done = std::exchange(done_, {});
  ByOffset& offsets = found_partition->second;
  for (auto at = offsets.lower_bound(first); at != offsets.end() && at->first <= last;) {
    const Entry& entry = entries_[at->second];
    const Found found = window_.look_up(partition, entry.offset, entry.nonce, now_us);
    if (!ends_wait(found)) {
      ++at;
      continue;
    }
    if (done.size() == left) {
      unseen = at->first;
      break;
    }
    done.emplace_back(free_entry(at->second), found);
    at = offsets.erase(at);
  }
  // Last, because an answer may bring the next request of its connection, and with it a new wait.
  left -= done.size();
  for (auto& [waiting, found] : done) waiting->decided(found, now_us);
  done.clear();
  done_ = std::move(done);
  return unseen;
}

void Waiters::expire_bucket(std::size_t bucket) {
  std::vector<std::unique_ptr<Waiting>> over;
  while (wheel_[bucket] != none) {
    const std::uint32_t index = wheel_[bucket];
    forget_offset(index);
    over.push_back(free_entry(index));
  }
  for (auto& waiting : over) waiting->expired();
}

std::vector<Waiters::Missing> Waiters::tick(std::int64_t now_us) {
  const std::int64_t now_step = now_us / step_us;
  if (step_ < 0) step_ = now_step;
  const std::int64_t first = std::max(step_ + 1, now_step - static_cast<std::int64_t>(wheel_steps) + 1);
  for (std::int64_t step = first; step <= now_step; ++step) {
    step_ = step;
    expire_bucket(static_cast<std::size_t>(static_cast<std::uint64_t>(step) % wheel_steps));
  }
  std::vector<Missing> missing;
  for (auto& [partition, offsets] : by_partition_) {
    if (offsets.empty()) continue;
    const Entry& oldest = entries_[offsets.begin()->second];
    const Found found = window_.look_up(partition, oldest.offset, oldest.nonce, now_us);
    if (found.kind == Found::Kind::too_old ||
        (found.kind == Found::Kind::hole && found.missing_us >= missing_after_ms * 1'000)) {
      missing.push_back({partition, oldest.offset});
    }
  }
  return missing;
}

void Waiters::release() {
  std::vector<std::unique_ptr<Waiting>> over;
  for (std::size_t bucket = 0; bucket < wheel_steps; ++bucket) {
    while (wheel_[bucket] != none) over.push_back(free_entry(wheel_[bucket]));
  }
  by_partition_.clear();
  for (auto& waiting : over) waiting->expired();
}

}  // namespace openrun::gateway
