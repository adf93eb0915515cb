#include "gateway/results/results_window.hpp"

#include <algorithm>
#include <bit>

namespace openrun::gateway {

ResultsWindow::ResultsWindow(std::size_t records) : capacity_(std::bit_ceil(std::max<std::size_t>(records, 2))) {}

ResultsWindow::~ResultsWindow() {
  for (auto& ring : rings_) delete ring.load();
}

ResultsWindow::Ring* ResultsWindow::find(Partition partition) const {
  if (partition.value < 0 || partition.value >= partitions_max) return nullptr;
  return rings_[static_cast<std::size_t>(partition.value)].load(std::memory_order_acquire);
}

ResultsWindow::Ring& ResultsWindow::ring(Partition partition) {
  if (Ring* found = find(partition)) return *found;
  std::lock_guard lock(growth_);
  if (Ring* found = find(partition)) return *found;
  Ring* raw = std::make_unique<Ring>(capacity_).release();
  rings_[static_cast<std::size_t>(partition.value)].store(raw, std::memory_order_release);
  return *raw;
}

void ResultsWindow::clear(Ring& ring, std::int64_t from, std::int64_t to) {
  ring.slots.clear(std::max(from, to - static_cast<std::int64_t>(capacity_)), to);
}

void ResultsWindow::sample(Ring& ring, std::int64_t before, std::int64_t now_us) {
  if (ring.sample_count > 0) {
    Sample& newest = ring.samples[(ring.sample_count - 1) % samples_kept];
    if (now_us - newest.time_us < sample_us) {
      newest.highest = ring.highest;
      return;
    }
  }
  ring.samples[ring.sample_count % samples_kept] = Sample{now_us, ring.highest, before};
  ++ring.sample_count;
}

// Makes [first, next) part of the ring; what newly lies between is a hole.
void ResultsWindow::advance(Ring& ring, std::int64_t first, std::int64_t next, std::int64_t now_us) {
  const auto capacity = static_cast<std::int64_t>(capacity_);
  if (!ring.seen) {
    ring.seen = true;
    ring.floor = first;
    ring.highest = first;
  }
  if (next > ring.highest) {
    const std::int64_t before = ring.highest;
    clear(ring, ring.highest, next);
    ring.highest = next;
    ring.floor = std::max(ring.floor, next - capacity);
    sample(ring, before, now_us);
  }
  if (first < ring.floor) {
    const std::int64_t floor = std::max({first, ring.highest - capacity, std::int64_t{0}});
    if (floor < ring.floor) {
      clear(ring, floor, ring.floor);
      ring.floor = floor;
    }
  }
}

void ResultsWindow::write(Ring& ring, const wire::OutcomeEntry& entry, Timestamp log_time) {
  if (entry.offset.value < ring.floor) return;
  const OutcomeSlots::Entry held = ring.slots.read(entry.offset);
  // A dead letter that was replayed meanwhile must not fall back when its batch comes once more.
  const bool replayed = entry.outcome == issuance::Outcome::dead_lettered && held.outcome != issuance::Outcome::none &&
                        held.nonce == entry.nonce;
  if (replayed) return;
  ring.slots.write(entry.offset, {entry.nonce, entry.outcome, entry.sequence, entry.issued_at}, log_time);
}

void ResultsWindow::follow_replay(Ring& ring, const wire::ResultBatch& batch, const wire::ReplayResult& replay) {
  const std::int64_t index = replay.offset - batch.first_offset;
  if (index < 0 || index >= static_cast<std::int64_t>(batch.entries.size())) return;
  if (replay.origin.value < ring.floor || replay.origin.value >= ring.highest) return;
  const OutcomeSlots::Entry origin = ring.slots.read(replay.origin);
  if (origin.outcome != issuance::Outcome::dead_lettered) return;
  const wire::OutcomeEntry& final = batch.entries[static_cast<std::size_t>(index)];
  ring.slots.write(replay.origin, {origin.nonce, final.outcome, final.sequence, final.issued_at}, batch.log_time);
}

void ResultsWindow::apply(const wire::ResultBatch& batch, std::int64_t now_us) {
  if (batch.partition.value < 0 || batch.partition.value >= partitions_max || batch.entries.empty()) return;
  Ring& target = ring(batch.partition);
  std::lock_guard lock(target.mutex);
  if (target.seen && batch.last_offset.value < target.highest - static_cast<std::int64_t>(capacity_)) return;
  advance(target, batch.first_offset.value, batch.last_offset.value + 1, now_us);
  for (const wire::OutcomeEntry& entry : batch.entries) write(target, entry, batch.log_time);
  for (const wire::ReplayResult& replay : batch.replays) follow_replay(target, batch, replay);
}

void ResultsWindow::repair(const wire::ResultBatch& batch, std::int64_t now_us) {
  const Ring* target = find(batch.partition);
  if (target == nullptr) return;
  {
    std::lock_guard lock(target->mutex);
    if (!target->seen || batch.first_offset.value < target->floor) return;
  }
  apply(batch, now_us);
}

void ResultsWindow::seed(Partition partition, Offset next_offset, std::int64_t now_us) {
  if (partition.value < 0 || partition.value >= partitions_max) return;
  Ring& target = ring(partition);
  std::lock_guard lock(target.mutex);
  if (target.seen && next_offset.value <= target.highest) return;
  advance(target, next_offset.value, next_offset.value, now_us);
}

std::int64_t ResultsWindow::passed_at(const Ring& ring, std::int64_t offset) {
  const std::size_t kept = std::min(ring.sample_count, samples_kept);
  std::int64_t passed = 0;
  for (std::size_t i = 1; i <= kept; ++i) {
    const Sample& sample = ring.samples[(ring.sample_count - i) % samples_kept];
    if (sample.highest <= offset) break;
    passed = sample.time_us;
  }
  return passed;
}

Found ResultsWindow::look_up(Partition partition, Offset offset, std::uint32_t nonce, std::int64_t now_us) const {
  Found found;
  const Ring* target = find(partition);
  if (target == nullptr) {
    found.position = offset.value;
    return found;
  }
  std::lock_guard lock(target->mutex);
  if (offset.value >= target->highest) {
    found.position = offset.value - target->highest;
    return found;
  }
  if (offset.value < target->floor) {
    found.kind = Found::Kind::too_old;
    return found;
  }
  const OutcomeSlots::Entry held = target->slots.read(offset);
  found.outcome = held.outcome;
  if (found.outcome == issuance::Outcome::none) {
    found.kind = Found::Kind::hole;
    found.missing_us = now_us - passed_at(*target, offset.value);
    return found;
  }
  if (held.nonce != nonce) {
    found.kind = Found::Kind::mismatch;
    found.outcome = issuance::Outcome::none;
    return found;
  }
  found.kind = Found::Kind::decided;
  found.sequence = held.sequence;
  found.issued_at = held.issued_at;
  return found;
}

Offset ResultsWindow::highest(Partition partition) const {
  const Ring* target = find(partition);
  if (target == nullptr) return Offset{0};
  std::lock_guard lock(target->mutex);
  return Offset{target->highest};
}

Offset ResultsWindow::lowest(Partition partition) const {
  const Ring* target = find(partition);
  if (target == nullptr) return Offset{0};
  std::lock_guard lock(target->mutex);
  return Offset{target->floor};
}

bool ResultsWindow::seen(Partition partition) const {
  const Ring* target = find(partition);
  if (target == nullptr) return false;
  std::lock_guard lock(target->mutex);
  return target->seen;
}

std::size_t ResultsWindow::exceptions(Partition partition) const {
  const Ring* target = find(partition);
  if (target == nullptr) return 0;
  std::lock_guard lock(target->mutex);
  return target->slots.exceptions();
}

std::optional<double> ResultsWindow::rate(Partition partition, std::int64_t now_us) const {
  const Ring* target = find(partition);
  if (target == nullptr) return std::nullopt;
  std::lock_guard lock(target->mutex);
  const std::size_t kept = std::min(target->sample_count, samples_kept);
  std::int64_t before = target->highest;
  std::int64_t since = now_us;
  for (std::size_t i = 1; i <= kept; ++i) {
    const Sample& sample = target->samples[(target->sample_count - i) % samples_kept];
    if (now_us - sample.time_us > rate_window_us) break;
    before = sample.before;
    since = sample.time_us;
  }
  const std::int64_t decided = target->highest - before;
  if (decided <= 0) return std::nullopt;
  // Right after a pause the first batch alone would promise any rate: never measure over less than this.
  constexpr std::int64_t measured_us_min = 200'000;
  return static_cast<double>(decided) * 1e6 / static_cast<double>(std::max(now_us - since, measured_us_min));
}

}  // namespace openrun::gateway
