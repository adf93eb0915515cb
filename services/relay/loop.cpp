#include "relay/loop.hpp"

#include <algorithm>
#include <utility>

#include <openrun/base/assert.hpp>

namespace openrun::relay {

// ---- what to do ----

Action RelayLoop::next(Now now) {
  if (status_.progress_us == 0) status_.progress_us = now.monotonic_us;
  if (now.monotonic_us < pause_until_us_) return Pause{pause_until_us_ - now.monotonic_us};
  switch (phase_) {
    case Phase::cursor:
      return ReadCursor{};
    case Phase::first_scan:
      return ScanEntries{scan_from_, scan_limit};
    case Phase::open_tail: {
      std::optional<Timestamp> since;
      if (oldest_created_at_) since = *oldest_created_at_ + -clock_slack_ms;
      return OpenTail{since};
    }
    case Phase::running:
      break;
  }
  if (auto action = next_publication(now)) return std::move(*action);
  if (auto action = next_due(now)) return std::move(*action);
  return ReadTail{std::max<std::int64_t>(wake_us(now) - now.monotonic_us, 0)};
}

std::optional<Action> RelayLoop::next_publication(Now now) {
  if (!pending_payloads_.empty()) {
    PublishRow action = std::move(pending_payloads_.front());
    pending_payloads_.pop_front();
    return action;
  }
  if (!to_export_.empty()) {
    const std::uint64_t token = next_token_++;
    dead_letter_tokens_.emplace(token, to_export_.front().id);
    PublishDeadLetter action{token, std::move(to_export_.front())};
    to_export_.pop_front();
    return action;
  }
  // Until the tail was read, nobody knows what is missing in it.
  if (!status_.caught_up || publishing() >= publishing_max) return std::nullopt;
  for (auto& [first, row] : rows_) {
    if (row.state != Row::State::missing) continue;
    // In order: a later row waits for an earlier one.
    if (now.monotonic_us - row.since_us < missing_after_us()) return std::nullopt;
    fetching_ = first;
    return FetchPayload{first};
  }
  return std::nullopt;
}

std::optional<Action> RelayLoop::next_due(Now now) {
  const std::int64_t us = now.monotonic_us;
  if (!exported_.empty()) {
    marking_ = std::exchange(exported_, {});
    return MarkExported{marking_};
  }
  if (us >= scan_at_us_ && rows_.size() < rows_max) return ScanEntries{scan_from_, scan_limit};
  if (!owner_) return std::nullopt;
  if (us >= save_at_us_ && status_.cursor > saved_cursor_) {
    saving_ = true;
    return SaveCursor{status_.cursor};
  }
  if (us >= dead_letters_at_us_) {
    dead_letters_at_us_ = us + dead_letter_interval_us;
    return ListDeadLetters{dead_letters_limit};
  }
  if (us >= prune_at_us_) {
    prune_at_us_ = us + prune_interval_us;
    return Prune{now.wall + -settings_.outcome_retention_ms, prune_limit};
  }
  return std::nullopt;
}

std::int64_t RelayLoop::wake_us(Now now) const {
  std::int64_t at = now.monotonic_us + settings_.standby_scan_interval_us;
  if (owner_) at = std::min({at, dead_letters_at_us_, prune_at_us_});
  if (rows_.size() < rows_max) at = std::min(at, scan_at_us_);
  if (owner_ && status_.cursor > saved_cursor_) at = std::min(at, save_at_us_);
  // With as many on their way as may be, the next delivery wakes the loop; to look at the clock until then would only
  // burn a core.
  for (const auto& [first, row] : rows_) {
    if (publishing() >= publishing_max) break;
    if (row.state != Row::State::missing) continue;
    if (status_.caught_up) at = std::min(at, row.since_us + missing_after_us());
    break;
  }
  return std::max(at, now.monotonic_us);
}

std::optional<Action> RelayLoop::last_words() const {
  if (!owner_ || phase_ != Phase::running || status_.cursor <= saved_cursor_) return std::nullopt;
  return SaveCursor{status_.cursor};
}

// ---- what happened ----

void RelayLoop::on_cursor(Now now, Result<Offset> answer) {
  if (!answer) return failed(now, answer.error());
  well();
  status_.cursor = saved_cursor_ = scan_from_ = *answer;
  phase_ = Phase::first_scan;
}

void RelayLoop::on_entries(Now now, Result<std::vector<ports::OutboxEntry>> answer) {
  if (!answer) return failed(now, answer.error());
  well();
  for (const ports::OutboxEntry& entry : *answer) {
    OPENRUN_ASSERT(entry.first_offset >= scan_from_ && entry.last_offset >= entry.first_offset,
                   "outbox rows out of order");
    if (!oldest_created_at_) oldest_created_at_ = entry.created_at;
    Row row{entry.last_offset, now.monotonic_us};
    if (const auto found = seen_.find(entry.first_offset); found != seen_.end()) {
      row.state = found->second >= entry.last_offset ? Row::State::published : Row::State::missing;
      seen_.erase(found);
    }
    rows_.emplace(entry.first_offset, row);
    scan_from_ = entry.last_offset + 1;
  }
  // What was seen below the rows that are known now belongs to no row that is still kept.
  seen_.erase(seen_.begin(), seen_.lower_bound(scan_from_));
  const bool more = answer->size() >= scan_limit;
  scan_at_us_ = more ? now.monotonic_us
                     : now.monotonic_us + (owner_ ? settings_.scan_interval_us : settings_.standby_scan_interval_us);
  if (phase_ == Phase::first_scan) phase_ = Phase::open_tail;
  advance(now);
  if (rows_.empty()) status_.progress_us = now.monotonic_us;
}

void RelayLoop::on_tail_opened(Now now, Result<ports::LogBounds> answer) {
  if (!answer) return failed(now, answer.error());
  well();
  tail_target_ = answer->end;
  status_.caught_up = answer->begin >= answer->end;
  phase_ = Phase::running;
}

void RelayLoop::on_tail(Now now, Result<std::vector<SeenRange>> ranges, Offset position) {
  if (!ranges) {
    // The position fell out of the topic (retention, or a topic made anew): begin again from what Postgres knows.
    if (ranges.error().kind == Error::Kind::not_found) {
      oldest_created_at_.reset();
      phase_ = Phase::open_tail;
      status_.caught_up = false;
    }
    return failed(now, ranges.error());
  }
  well();
  for (const SeenRange& range : *ranges) saw(range);
  if (position >= tail_target_) status_.caught_up = true;
  advance(now);
}

void RelayLoop::saw(SeenRange range) {
  if (range.first_offset < status_.cursor) return;
  if (const auto row = rows_.find(range.first_offset); row != rows_.end()) {
    if (range.last_offset >= row->second.last_offset) row->second.state = Row::State::published;
    return;
  }
  if (range.first_offset < scan_from_) return;
  Offset& last = seen_[range.first_offset];
  last = std::max(last, range.last_offset);
  // Forgetting one costs a second publication, nothing else.
  if (seen_.size() > seen_ahead_max) seen_.erase(std::prev(seen_.end()));
}

void RelayLoop::on_payload(Now now, Result<std::string> answer) {
  OPENRUN_ASSERT(fetching_.has_value(), "a payload that nobody asked for");
  const Offset first = *std::exchange(fetching_, std::nullopt);
  const auto row = rows_.find(first);
  if (!answer) {
    if (row != rows_.end()) row->second.since_us = now.monotonic_us - missing_after_us();
    return failed(now, answer.error());
  }
  well();
  if (row == rows_.end()) return;
  row->second.state = Row::State::publishing;
  const std::uint64_t token = next_token_++;
  row_tokens_.emplace(token, first);
  pending_payloads_.push_back(PublishRow{token, std::move(*answer)});
}

void RelayLoop::on_delivery(Now now, std::uint64_t token, ports::Delivery::Fate fate) {
  const bool stored = fate == ports::Delivery::Fate::stored;
  if (const auto found = row_tokens_.find(token); found != row_tokens_.end()) {
    const auto row = rows_.find(found->second);
    row_tokens_.erase(found);
    if (row == rows_.end()) return;
    // A row whose fate is unknown is published again: twice is allowed, not at all is not.
    if (stored) {
      row->second.state = Row::State::published;
      status_.filled += 1;
    } else if (row->second.state == Row::State::publishing) {
      row->second.state = Row::State::missing;
      row->second.since_us = now.monotonic_us;
    }
    return advance(now);
  }
  if (const auto found = dead_letter_tokens_.find(token); found != dead_letter_tokens_.end()) {
    if (stored) {
      exported_.push_back(found->second);
      status_.exported += 1;
    } else {
      exporting_.erase(found->second);
    }
    dead_letter_tokens_.erase(found);
  }
}

void RelayLoop::on_dead_letters(Now now, Result<std::vector<ports::ExportedDeadLetter>> answer) {
  if (!answer) return failed(now, answer.error());
  well();
  for (ports::ExportedDeadLetter& dead_letter : *answer) {
    if (exporting_.insert(dead_letter.id).second) to_export_.push_back(std::move(dead_letter));
  }
  if (answer->size() >= dead_letters_limit) dead_letters_at_us_ = now.monotonic_us + retry_us_min;
}

void RelayLoop::on_pruned(Now now, Result<std::size_t> answer) {
  if (!answer) return failed(now, answer.error());
  well();
  status_.pruned += *answer;
  if (*answer >= prune_limit) prune_at_us_ = now.monotonic_us;
}

void RelayLoop::on_done(Now now, Result<void> answer) {
  const bool saved = std::exchange(saving_, false);
  if (!answer) {
    // What could not be marked is marked later; it is not published again meanwhile.
    exported_.insert(exported_.end(), marking_.begin(), marking_.end());
    marking_.clear();
    return failed(now, answer.error());
  }
  well();
  if (saved) {
    saved_cursor_ = status_.cursor;
    save_at_us_ = now.monotonic_us + save_interval_us;
    return;
  }
  for (const std::int64_t id : marking_) exporting_.erase(id);
  marking_.clear();
}

// ---- common ----

void RelayLoop::advance(Now now) {
  while (!rows_.empty() && rows_.begin()->second.state == Row::State::published) {
    status_.progress_us = now.monotonic_us;
    status_.cursor = rows_.begin()->second.last_offset + 1;
    rows_.erase(rows_.begin());
  }
  status_.backlog = static_cast<std::size_t>(
      std::ranges::count_if(rows_, [](const auto& row) { return row.second.state != Row::State::published; }));
}

std::size_t RelayLoop::publishing() const {
  return row_tokens_.size();
}

// The store was put back to an earlier moment, or is another one. Rows that are known here as published may be decided
// again and be missing then, and a dead letter's handle may belong to another one.
void RelayLoop::forget() {
  phase_ = Phase::cursor;
  rows_.clear();
  seen_.clear();
  oldest_created_at_.reset();
  pending_payloads_.clear();
  row_tokens_.clear();
  dead_letter_tokens_.clear();
  exporting_.clear();
  to_export_.clear();
  exported_.clear();
  marking_.clear();
  status_.caught_up = false;
  status_.backlog = 0;
}

void RelayLoop::failed(Now now, const Error& error) {
  if (error.kind == Error::Kind::conflict) forget();
  retry_us_ = std::clamp(retry_us_ * 2, retry_us_min, retry_us_max);
  pause_until_us_ = now.monotonic_us + retry_us_;
  status_.trouble = error.message;
}

void RelayLoop::well() {
  retry_us_ = 0;
  status_.trouble.clear();
}

}  // namespace openrun::relay
