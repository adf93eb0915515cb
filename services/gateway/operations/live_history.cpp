#include "gateway/operations/live_history.hpp"

#include <algorithm>

namespace openrun::gateway {
namespace {

constexpr std::int64_t ms_a_second = 1'000;

void add(HistorySecond& sum, const HistorySecond& one) {
  sum.issued += one.issued;
  sum.refused += one.refused;
  sum.dead_lettered += one.dead_lettered;
  sum.other += one.other;
  sum.accepted += one.accepted;
  sum.gate_refused += one.gate_refused;
  sum.decided.add(one.decided);
  sum.acknowledged.add(one.acknowledged);
}

}  // namespace

LiveHistory::LiveHistory(const Meters& meters, const ports::Clock& clock)
    : meters_(meters), clock_(clock), since_(clock.now()), ring_(history_seconds) {
  running_.second = since_.value / ms_a_second;
  base_ = read_meters();
}

LiveHistory::Base LiveHistory::read_meters() const {
  return {meters_.accepted.count(), meters_.gate_refusals(), meters_.acknowledge_seconds.tally().read()};
}

bool LiveHistory::is_new(const wire::ResultBatch& batch) {
  if (!seen_.contains(batch.partition) && seen_.size() >= static_cast<std::size_t>(partitions_max)) return false;
  Seen& seen = seen_[batch.partition];
  if (!seen.next) seen.next = batch.first_offset;
  if (batch.first_offset < *seen.next) return false;
  if (!seen.ahead.emplace(batch.first_offset, batch.last_offset).second) return false;
  if (seen.ahead.size() > batches_ahead_max) seen.next = seen.ahead.begin()->first;
  while (!seen.ahead.empty() && seen.ahead.begin()->first <= *seen.next) {
    seen.next = seen.ahead.begin()->second + 1;
    seen.ahead.erase(seen.ahead.begin());
  }
  return true;
}

// The meters only ever grow, so what they gained since the last look belongs to the second that ends; behind a quiet
// spell it belongs to the one that begins, because what is gained ends the spell.
void LiveHistory::roll() {
  const std::int64_t second = clock_.now().value / ms_a_second;
  if (second <= running_.second) return;
  const Base now = second == running_.second + 1 ? read_meters() : base_;
  running_.accepted = static_cast<std::uint32_t>(now.accepted - base_.accepted);
  running_.gate_refused = static_cast<std::uint32_t>(now.gate_refused - base_.gate_refused);
  for (std::size_t i = 0; i < latency_buckets; ++i)
    running_.acknowledged.of[i] = now.acknowledged.of[i] - base_.acknowledged.of[i];
  ring_[static_cast<std::size_t>(running_.second) % history_seconds] = running_;
  running_ = HistorySecond{};
  running_.second = second;
  base_ = now;
}

void LiveHistory::count(const wire::ResultBatch& batch, Timestamp now) {
  const auto waited_s = [&](Timestamp since) {
    return static_cast<double>(std::max<std::int64_t>(0, now.value - since.value)) / 1e3;
  };
  const auto observe = [&](Timestamp since) { ++running_.decided.of[LatencyCounts::bucket_of(waited_s(since) * 1e3)]; };
  for (const wire::OutcomeEntry& entry : batch.entries) {
    if (entry.outcome == issuance::Outcome::none) continue;
    ++totals_[static_cast<std::size_t>(entry.outcome) % totals_.size()];
    if (entry.outcome == issuance::Outcome::issued) {
      ++running_.issued;
      observe(entry.issued_at);
    } else if (issuance::is_request_refusal(entry.outcome) || entry.outcome == issuance::Outcome::issued_before) {
      ++running_.refused;
    } else if (entry.outcome == issuance::Outcome::dead_lettered) {
      ++running_.dead_lettered;
    } else {
      ++running_.other;
    }
  }
  // Of refusals the batch tells no times but its last record's.
  if (batch.entries.back().outcome != issuance::Outcome::issued) observe(batch.log_time);
}

void LiveHistory::apply(const wire::ResultBatch& batch) {
  const std::lock_guard lock(mutex_);
  roll();
  if (batch.entries.empty() || !is_new(batch)) return;
  count(batch, clock_.now());
}

OutcomeCounts LiveHistory::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::vector<HistorySecond> LiveHistory::seconds(std::int64_t after) {
  const std::lock_guard lock(mutex_);
  roll();
  const auto kept = static_cast<std::int64_t>(history_seconds);
  std::vector<HistorySecond> found;
  for (std::int64_t second = std::max(after + 1, running_.second - kept); second < running_.second; ++second) {
    const HistorySecond& one = ring_[static_cast<std::size_t>(second) % history_seconds];
    if (one.second == second) found.push_back(one);
  }
  return found;
}

HistorySecond LiveHistory::last(std::int64_t count) {
  HistorySecond sum;
  const std::int64_t now = clock_.now().value / ms_a_second;
  for (const HistorySecond& one : seconds(now - count - 1)) add(sum, one);
  sum.second = now;
  return sum;
}

}  // namespace openrun::gateway
