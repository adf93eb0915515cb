#include "issuer/loop.hpp"

#include <algorithm>
#include <utility>

#include <openrun/base/assert.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::issuer {
namespace {

constexpr const char* log_lost_runbook = "docs/runbooks/log-lost.md";

std::string number(std::int64_t value) {
  return std::to_string(value);
}

}  // namespace

IssuerLoop::IssuerLoop(Partition partition, const LoopSettings& settings, const crypto::CouponCodes& codes,
                       WinnerHash winner_hash, HeadersOf headers_of)
    : partition_(partition),
      settings_(settings),
      winner_hash_(std::move(winner_hash)),
      headers_of_(std::move(headers_of)),
      chains_(codes) {
  OPENRUN_ASSERT(settings_.batch_max >= 1 && settings_.batch_max <= limits::batch_records_max,
                 "batch_max out of bounds");
  OPENRUN_ASSERT(settings_.details_max >= 1, "a detail at a time at least");
  status_.batch_limit = settings_.batch_max;
}

// ---- what to do ----

std::optional<Action> IssuerLoop::next(Now now) {
  if (status_.progress_us == 0) status_.progress_us = now.monotonic_us;
  const auto from_outbox = [&]() -> std::optional<Action> {
    if (outbox_.empty()) return std::nullopt;
    std::optional<Action> action(std::move(outbox_.front()));
    outbox_.pop_front();
    return action;
  };
  if (auto action = from_outbox()) return action;
  if (!store_busy_) {
    if (auto action = next_store(now)) {
      store_busy_ = true;
      return action;
    }
  }
  if (!log_busy_) {
    if (auto action = next_log(now)) {
      log_busy_ = true;
      return action;
    }
  }
  return from_outbox();
}

std::optional<Action> IssuerLoop::next_log(Now now) {
  if (revoked_ || stopping_ || now.monotonic_us < log_retry_at_us_) return std::nullopt;
  log_retry_at_us_ = 0;
  switch (phase_) {
    case Phase::opening:
      return OpenLog{open_from_};
    case Phase::checking:
      return AskBounds{takeover_bounds_timeout};
    case Phase::verifying:
    case Phase::running:
      break;
    default:
      return std::nullopt;
  }
  if (phase_ == Phase::running && now.monotonic_us >= bounds_at_us_) return AskBounds{bounds_timeout};
  // One read at a time, and only once all of the last one is decided: the buffer is bounded by one read.
  if (!buffer_empty()) return std::nullopt;
  const std::int64_t wake_in_us = std::max<std::int64_t>(wake_at_us() - now.monotonic_us, 0);
  reading_ = true;
  return ReadLog{settings_.batch_max,
                 std::chrono::milliseconds((std::min(wake_in_us, read_timeout_us_max) + 999) / 1'000)};
}

std::int64_t IssuerLoop::wake_at_us() const {
  if (phase_ == Phase::stopped || phase_ == Phase::finished) return never_us;
  std::int64_t at = never_us;
  const auto also = [&](bool relevant, std::int64_t us) {
    if (relevant) at = std::min(at, us);
  };
  const bool taken = phase_ != Phase::starting && phase_ != Phase::rebuilding;
  also(!store_busy_ && (!taken || !missing_.empty()), store_retry_at_us_);
  also(!store_busy_ && taken, dispatch_at_us_);
  also(!store_busy_ && bulk_.has_value(), bulk_ ? bulk_->ask_at_us : never_us);
  if (revoked_ || stopping_) return at;
  also(!log_busy_ && taken && log_retry_at_us_ > 0, log_retry_at_us_);
  also(!log_busy_ && phase_ == Phase::running, std::max(bounds_at_us_, log_retry_at_us_));
  also(phase_ == Phase::running, decide_at_us_);
  return at;
}

bool IssuerLoop::finished() const {
  return (phase_ == Phase::stopped || phase_ == Phase::finished) && !store_busy_ && outbox_.empty();
}

void IssuerLoop::on_revoked() {
  if (revoked_) return;
  revoked_ = true;
  if (reading_) outbox_.emplace_back(InterruptRead{});
}

// ---- the log's channel ----

bool IssuerLoop::take_log_answer() {
  OPENRUN_ASSERT(log_busy_, "an answer of the log that nobody asked for");
  log_busy_ = false;
  reading_ = false;
  return !std::exchange(log_answer_stale_, false) && !revoked_ && !stopping_;
}

void IssuerLoop::log_failed(Now now, const Error& error) {
  if (error.kind == Error::Kind::not_found) return log_lost("the position is outside the log: " + error.message);
  log_retry_at_us_ = now.monotonic_us + log_retry_us;
  if (!std::exchange(log_told_, true)) {
    tell({Notice::Kind::log_unavailable, "LOG_UNAVAILABLE", error.message, status_.next_offset, status_.next_offset});
  }
}

void IssuerLoop::on_opened(Now now, Result<void> answer) {
  if (!take_log_answer()) return;
  if (!answer) return log_failed(now, answer.error());
  // Opened again at next_offset because nothing before it is kept: then there is nothing to compare with either.
  const bool reopened = machine_->next_offset().value > 0 && open_from_ == machine_->next_offset();
  if (reopened) return begin_running(now);
  phase_ = Phase::checking;
}

void IssuerLoop::on_bounds(Now now, Result<ports::LogBounds> answer) {
  if (!take_log_answer()) return;
  bounds_at_us_ = now.monotonic_us + bounds_interval_us;
  if (!answer) return log_failed(now, answer.error());
  log_told_ = false;
  const auto [begin, end] = *answer;
  status_.log_end = end;
  if (end == status_.next_offset) status_.progress_us = now.monotonic_us;
  const Offset next = machine_->next_offset();
  if (end < next) {
    return log_lost("the log ends at " + number(end.value) + ", and everything below " + number(next.value) +
                    " is decided: it was truncated or created anew");
  }
  if (phase_ != Phase::checking) return;
  if (begin > next) {
    return log_lost("the log begins at " + number(begin.value) + ", and the records from " + number(next.value) +
                    " on were never decided");
  }
  if (next.value == 0) return begin_running(now);
  if (begin == next) {
    open_from_ = next;
    phase_ = Phase::opening;
    return;
  }
  phase_ = Phase::verifying;
}

void IssuerLoop::on_records(Now now, Result<ports::LogBatch> answer) {
  if (!take_log_answer()) return;
  if (!answer) return log_failed(now, answer.error());
  if (answer->records.empty()) return;
  log_told_ = false;
  OPENRUN_ASSERT(buffer_empty(), "records arrive only once all before them are decided");
  buffer_ = std::move(*answer);
  buffer_position_ = 0;
  if (phase_ != Phase::verifying) return;
  verify(buffer_.records.front());
  if (stopping_) return;
  buffer_position_ = 1;
  begin_running(now);
}

void IssuerLoop::verify(const ports::LogRecord& record) {
  const Offset last = machine_->next_offset() + -1;
  if (record.offset == last && wire::fingerprint(record.offset, record.value) == fingerprint_) return;
  log_lost("the record at offset " + number(last.value) +
           " is not the one that was decided there: the log was created anew");
}

void IssuerLoop::begin_running(Now now) {
  phase_ = Phase::running;
  bounds_at_us_ = now.monotonic_us + bounds_interval_us;
  status_.state = LoopStatus::State::running;
  status_.reason.clear();
  status_.message.clear();
  const auto kind = std::exchange(was_running_, true) ? Notice::Kind::rebuilt : Notice::Kind::taken_over;
  tell({kind, "", "", machine_->next_offset(), status_.log_end});
}

void IssuerLoop::log_lost(const std::string& what) {
  stop("LOG_LOST",
       "partition " + number(partition_.value) + ": " + what +
           ". Nothing is decided until an operator has looked: see " + log_lost_runbook,
       log_lost_runbook);
}

// ---- common ----

// The commit in flight is still answered, and what stands decided before a new version is still committed.
void IssuerLoop::stop(std::string reason, std::string message, std::string runbook) {
  if (stopping_) return;
  const bool keep_pending = reason == "DECISION_VERSION" || reason == "RECORD_VERSION";
  stopping_ = Stop{std::move(reason), std::move(message), std::move(runbook)};
  if (!keep_pending) {
    pending_.reset();
    bulk_.reset();
    search_.reset();
  }
  if (reading_) outbox_.emplace_back(InterruptRead{});
}

void IssuerLoop::tell(Notice notice) {
  outbox_.emplace_back(Tell{std::move(notice)});
}

std::int64_t IssuerLoop::backoff_us() {
  backoff_ms_ = std::clamp(backoff_ms_ * 2, settings_.retry_ms_min, settings_.retry_ms_max);
  return backoff_ms_ * 1'000;
}

}  // namespace openrun::issuer
