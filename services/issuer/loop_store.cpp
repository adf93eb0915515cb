// The store's channel: takeover, commits and what becomes of their answers.
#include <algorithm>
#include <utility>

#include <openrun/base/assert.hpp>

#include "issuer/loop.hpp"

namespace openrun::issuer {

// ---- what to ask ----

std::optional<Action> IssuerLoop::next_store(Now now) {
  if (phase_ == Phase::stopped || phase_ == Phase::finished) return std::nullopt;
  if (revoked_) {
    pending_.reset();
    phase_ = Phase::finished;
    status_.state = LoopStatus::State::finished;
    return std::nullopt;
  }
  if (stopping_ && (!pending_ || pending_->empty())) {
    end_stopped();
    return std::nullopt;
  }
  const bool may_ask = now.monotonic_us >= store_retry_at_us_;
  if (phase_ == Phase::starting) return may_ask ? std::optional<Action>(TakeOver{}) : std::nullopt;
  if (phase_ == Phase::rebuilding) return may_ask ? std::optional<Action>(Rebuild{epoch_}) : std::nullopt;
  if (auto action = next_running(now)) return action;
  if (!missing_.empty() && may_ask) return LoadDetails{missing_};
  if (now.monotonic_us >= dispatch_at_us_) return QueryDispatchRate{};
  return std::nullopt;
}

void IssuerLoop::end_stopped() {
  phase_ = Phase::stopped;
  status_.state = LoopStatus::State::stopped;
  status_.reason = stopping_->reason;
  status_.message = stopping_->message;
  outbox_.emplace_back(*stopping_);
}

std::optional<Action> IssuerLoop::next_running(Now now) {
  if (bulk_) {
    if (now.monotonic_us < bulk_->ask_at_us) return std::nullopt;
    return QueryBulkAcceptance{bulk_->first, bulk_->last};
  }
  if (search_) return next_trial();
  if (!pending_ || pending_->empty()) return std::nullopt;
  // Under full load the store is never free; a changed rate must be followed within a second all the same.
  if (now.monotonic_us >= dispatch_at_us_ + dispatch_overdue_us) return QueryDispatchRate{};
  return commit_pending(now);
}

std::optional<Action> IssuerLoop::next_trial() {
  if (!trial_complete_) return std::nullopt;
  OPENRUN_ASSERT(!pending_->empty(), "a trial holds the record at the checkpoint at least");
  in_flight_ = InFlight{pending_->seal(*machine_, chains_), pending_->facts(), true};
  pending_.reset();  // whatever the answer is, the machine is dropped
  return Probe{in_flight_->batch};
}

Action IssuerLoop::commit_pending(Now now) {
  const auto& dead = pending_->dead_letter_rows();
  // Each verdict of the store costs a search: so many of one batch are asked about like a batch that is mostly dead.
  const bool many_refused = refused_.size() > DeadLetterGate::run_length / 2;
  if (!bulk_accepted_ && !dead.empty() && (many_refused || gate_.closed_for(pending_->records(), dead.size()))) {
    bulk_ = BulkHold{dead.front().offset, dead.back().offset, now.monotonic_us, false};
    return QueryBulkAcceptance{bulk_->first, bulk_->last};
  }
  bulk_accepted_ = false;
  in_flight_ = InFlight{pending_->seal(*machine_, chains_), pending_->facts(), false};
  pending_.emplace(partition_, epoch_, machine_->next_offset());
  return Commit{in_flight_->batch};
}

// ---- takeover and rebuild ----

void IssuerLoop::on_taken_over(Now now, Result<ports::TakenOver> answer) {
  OPENRUN_ASSERT(store_busy_, "an answer of the store that nobody asked for");
  store_busy_ = false;
  if (revoked_) return;
  if (answer) return restore(std::move(*answer));
  if (phase_ == Phase::rebuilding && answer.error().kind == Error::Kind::conflict) {
    return fenced(answer.error().message);
  }
  store_failed(now, answer.error());
}

void IssuerLoop::fenced(const std::string& message) {
  pending_.reset();
  stop("FENCED",
       "partition " + std::to_string(partition_.value) + ": somebody else has taken it over (" + message + ")", "");
}

void IssuerLoop::restore(ports::TakenOver taken) {
  OPENRUN_ASSERT(taken.snapshot.partition == partition_, "the state of another partition");
  store_told_ = false;
  epoch_ = taken.epoch;
  fingerprint_ = taken.fingerprint;
  const Offset next = taken.snapshot.next_offset;
  settle_doubt(next);
  if (search_ && search_->first() != next) search_.reset();
  refused_.erase(refused_.begin(), refused_.lower_bound(next));
  status_.epoch = epoch_;
  status_.next_offset = next;
  phase_ = Phase::opening;
  open_from_ = Offset{std::max<std::int64_t>(next.value - 1, 0)};
  log_retry_at_us_ = 0;
  if (taken.snapshot.decision_version > issuance::decision_version_supported) {
    return stop_for_version(taken.snapshot.decision_version, next);
  }
  chains_.reset(taken);
  machine_.emplace(std::move(taken.snapshot), settings_.hash_seed);
  pending_.emplace(partition_, epoch_, next);
}

// The checkpoint says which way a commit went whose answer was lost. The epoch is still ours, so nobody else moved it.
void IssuerLoop::settle_doubt(Offset next_offset) {
  if (!doubtful_) return;
  InFlight doubtful = std::move(*doubtful_);
  doubtful_.reset();
  if (!doubtful.probe && doubtful.batch->next_offset == next_offset) committed(std::move(doubtful));
}

void IssuerLoop::store_failed(Now now, const Error& error) {
  store_retry_at_us_ = now.monotonic_us + backoff_us();
  if (status_.state != LoopStatus::State::running) {
    status_.reason = "STORE_UNAVAILABLE";
    status_.message = error.message;
  }
  if (!std::exchange(store_told_, true)) {
    tell({Notice::Kind::store_unavailable, "STORE_UNAVAILABLE", error.message, status_.next_offset,
          status_.next_offset});
  }
}

// Nothing decided since the checkpoint counts any more. Reads that are under way are answered into the void.
void IssuerLoop::drop(Now now, const char* reason, const std::string& detail, bool at_once) {
  tell({Notice::Kind::dropped, reason, detail, status_.next_offset, machine_->next_offset()});
  machine_.reset();
  pending_.reset();
  in_flight_.reset();
  missing_.clear();
  bulk_.reset();
  bulk_accepted_ = false;
  trial_complete_ = false;
  stopping_.reset();
  step_check_.clear();
  gate_.clear();
  clear_buffer();
  decide_at_us_ = never_us;
  if (log_busy_) {
    log_answer_stale_ = true;
    if (reading_) outbox_.emplace_back(InterruptRead{});
  }
  phase_ = Phase::rebuilding;
  status_.state = LoopStatus::State::rebuilding;
  status_.reason = reason;
  status_.message = detail;
  store_retry_at_us_ = at_once ? now.monotonic_us : now.monotonic_us + backoff_us();
}

// ---- other answers ----

void IssuerLoop::on_details(Now now, Result<std::vector<issuance::CampaignDetail>> answer) {
  OPENRUN_ASSERT(store_busy_ && !missing_.empty(), "an answer of the store that nobody asked for");
  store_busy_ = false;
  if (revoked_) return;
  if (!answer && answer.error().kind == Error::Kind::conflict) return fenced(answer.error().message);
  if (!answer) return store_failed(now, answer.error());
  OPENRUN_ASSERT(answer->size() == missing_.size(), "a detail for each campaign that was asked for");
  for (std::size_t i = 0; i < missing_.size(); ++i) {
    const issuance::Campaign* campaign = machine_->find(missing_[i]);
    issuance::CampaignDetail& detail = (*answer)[i];
    OPENRUN_ASSERT(campaign != nullptr, "the detail of a campaign that the machine does not know");
    // A writer that was fenced without knowing it sees the coupons of its successor. The rebuild tells it.
    if (detail.claims.size() != campaign->issued) {
      return drop(now, "STATE_DIFFERS",
                  "campaign " + std::to_string(campaign->id.value) + " has " + std::to_string(detail.claims.size()) +
                      " coupons, and " + std::to_string(campaign->issued) + " were expected");
    }
    machine_->restore(campaign->id, std::move(detail));
  }
  store_told_ = false;
  missing_.clear();
}

void IssuerLoop::on_dispatch_rate(Now now, Result<std::uint32_t> answer) {
  OPENRUN_ASSERT(store_busy_, "an answer of the store that nobody asked for");
  store_busy_ = false;
  dispatch_at_us_ = now.monotonic_us + dispatch_interval_us;
  if (!answer) return;
  bucket_.set_rate(*answer, now.monotonic_us);
  status_.dispatch_per_second = *answer;
}

void IssuerLoop::on_bulk_acceptance(Now now, Result<bool> answer) {
  OPENRUN_ASSERT(store_busy_ && bulk_, "an answer of the store that nobody asked for");
  store_busy_ = false;
  if (revoked_) return;
  if (answer && *answer) {
    if (bulk_->told) tell({Notice::Kind::bulk_accepted, "", "", bulk_->first, bulk_->last});
    bulk_.reset();
    bulk_accepted_ = true;
    gate_.clear();
    status_.state = LoopStatus::State::running;
    status_.reason.clear();
    status_.message.clear();
    return;
  }
  bulk_->ask_at_us = now.monotonic_us + bulk_question_interval_us;
  if (!answer || std::exchange(bulk_->told, true)) return;
  const std::string range = std::to_string(bulk_->first.value) + "-" + std::to_string(bulk_->last.value);
  status_.state = LoopStatus::State::waiting;
  status_.reason = "BULK_DEAD_LETTERS";
  status_.message =
      "partition " + std::to_string(partition_.value) + ": more than half of the records at " + range +
      " would be dead letters; none is written. If they are bad records and not a bad deployment: openrun dlq "
      "accept --partition " +
      std::to_string(partition_.value) + " --offsets " + range;
  tell({Notice::Kind::bulk_dead_letters, "BULK_DEAD_LETTERS", status_.message, bulk_->first, bulk_->last});
}

// ---- commits ----

void IssuerLoop::on_commit(Now now, const ports::CommitAnswer& answer) {
  OPENRUN_ASSERT(store_busy_ && in_flight_, "an answer of the store that nobody asked for");
  store_busy_ = false;
  InFlight done = std::move(*in_flight_);
  in_flight_.reset();
  if (answer.timed_out) shrink(done);
  using ports::CommitOutcome;
  switch (answer.outcome) {
    case CommitOutcome::committed:
      if (!done.probe) status_.progress_us = now.monotonic_us;
      return done.probe ? trial_answered(now, false, answer.message) : committed(std::move(done));
    case CommitOutcome::refused:
      return done.probe ? trial_answered(now, true, answer.message) : refused(now, done, answer.message);
    case CommitOutcome::fenced:
      return fenced(answer.message);
    case CommitOutcome::in_doubt:
      doubtful_ = std::move(done);
      return drop(now, "IN_DOUBT", answer.message);
    case CommitOutcome::rolled_back:
      return drop(now, "ROLLED_BACK", answer.message);
    case CommitOutcome::conflict:
      return drop(now, "CONFLICT", answer.message);
  }
}

void IssuerLoop::committed(InFlight done) {
  backoff_ms_ = 0;
  grow();
  status_.next_offset = done.batch->next_offset;
  refused_.erase(refused_.begin(), refused_.lower_bound(done.batch->next_offset));
  // Only now may anybody be told: a promise for a coupon that was rolled back could not be taken back.
  outbox_.emplace_back(Publish{std::move(done.batch), std::move(done.facts)});
}

// What the store cannot write within its time-out it never will: less at once, down to one record. A search for a
// record that it refuses begins anew in the smaller batch.
void IssuerLoop::shrink(const InFlight& timed_out) {
  commits_in_a_row_ = 0;
  search_.reset();
  const std::size_t limit = std::max<std::size_t>(std::min(status_.batch_limit, timed_out.facts.records) / 2, 1);
  if (limit >= status_.batch_limit) return;
  status_.batch_limit = limit;
  tell({Notice::Kind::batch_shrunk, "STORE_SLOW", "at most " + std::to_string(limit) + " records at once from now on",
        timed_out.batch->expected_next_offset, timed_out.batch->next_offset + -1});
}

void IssuerLoop::grow() {
  if (status_.batch_limit >= settings_.batch_max || ++commits_in_a_row_ < commits_before_growth) return;
  commits_in_a_row_ = 0;
  status_.batch_limit = std::min(status_.batch_limit * 2, settings_.batch_max);
}

void IssuerLoop::refused(Now now, const InFlight& batch, const std::string& message) {
  search_.emplace(batch.batch->expected_next_offset, batch.batch->next_offset + -1);
  if (search_->found()) return convict(now, message);
  drop(now, "REFUSED", message, true);
}

void IssuerLoop::trial_answered(Now now, bool was_refused, const std::string& message) {
  if (revoked_) return;
  OPENRUN_ASSERT(search_.has_value(), "a trial belongs to a search");
  search_->probed(was_refused);
  if (was_refused) refusal_ = message;
  if (search_->found()) return convict(now, refusal_);
  drop(now, "TRIAL", "", true);
}

// The record becomes a dead letter, and everything from the checkpoint on is decided again with that verdict: sequences
// must not have gaps.
void IssuerLoop::convict(Now now, const std::string& message) {
  const Offset guilty = search_->guilty();
  search_.reset();
  if (!refused_.emplace(guilty, message).second) {
    constexpr const char* runbook = "docs/runbooks/store-refused.md";
    return stop(wire::store_refused,
                "partition " + std::to_string(partition_.value) + ": the store refuses the record at offset " +
                    std::to_string(guilty.value) + " even as a dead letter (" + message + "): see " + runbook,
                runbook);
  }
  tell({Notice::Kind::record_refused, wire::store_refused, message, guilty, guilty});
  drop(now, "REFUSED", message, true);
}

}  // namespace openrun::issuer
