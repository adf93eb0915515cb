#include "issuer/partition_worker.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <openrun/wire/result_batch.hpp>

namespace openrun::issuer {
namespace {

// More of one batch are not worth a line each: the table has them all.
constexpr std::size_t dead_letter_lines_max = 10;

// The longest nap of a thread that has nothing planned: a bound, not a rhythm.
constexpr std::int64_t nap_us_max = 1'000'000;

ports::Headers invitation_of(const ports::Broadcaster* stream) {
  if (stream == nullptr) return {};
  return {{std::string(ports::invitation_name), stream->invitation()}};
}

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace

PartitionWorker::PartitionWorker(Partition partition, WorkerParts parts, std::unique_ptr<ports::CouponStore> store,
                                 const LoopSettings& settings)
    : partition_(partition),
      parts_(parts),
      store_(std::move(store)),
      hash_seed_(settings.hash_seed),
      invitation_(invitation_of(parts.stream)),
      started_us_(parts.clock.monotonic_us()),
      metrics_(parts.metrics, partition),
      loop_(
          partition, settings, parts.codes,
          [this](CampaignId campaign, std::string_view user) { return parts_.user_hash(campaign.value, user); },
          [this](const ports::LogRecord& record) { return reader_->headers(record); }) {
  log_thread_ = std::thread([this] { run_log(); });
  store_thread_ = std::thread([this] { run_store(); });
}

PartitionWorker::~PartitionWorker() {
  abandon();
  log_thread_.join();
  store_thread_.join();
}

// ---- from outside ----

void PartitionWorker::revoke() {
  const std::lock_guard lock(mutex_);
  metrics_.retire();
  loop_.on_revoked();
  pump(now());
  log_wakes_.notify_one();
  store_wakes_.notify_one();
}

void PartitionWorker::abandon() {
  revoke();
  store_->cancel();
}

bool PartitionWorker::wait_finished(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, deadline, [&] { return threads_running_ == 0; });
}

LoopStatus PartitionWorker::status() const {
  const std::lock_guard lock(mutex_);
  return loop_.status();
}

// ---- the threads ----

Now PartitionWorker::now() const {
  return {parts_.clock.monotonic_us(), parts_.clock.now()};
}

void PartitionWorker::run_log() {
  std::unique_lock lock(mutex_);
  while (!loop_.finished()) {
    const Now at = now();
    loop_.decide(at);
    pump(at);
    if (log_slot_) {
      const Action action = std::move(*log_slot_);
      log_slot_.reset();
      perform_log(lock, action);
      continue;
    }
    if (loop_.finished()) break;
    const std::int64_t wake_at_us = std::min(loop_.wake_at_us(), at.monotonic_us + nap_us_max);
    log_wakes_.wait_for(lock, std::chrono::microseconds(std::max<std::int64_t>(wake_at_us - at.monotonic_us, 0)));
  }
  thread_ended();
}

void PartitionWorker::run_store() {
  std::unique_lock lock(mutex_);
  while (true) {
    store_wakes_.wait(lock, [&] { return store_slot_.has_value() || loop_.finished(); });
    if (!store_slot_) break;
    const Action action = std::move(*store_slot_);
    store_slot_.reset();
    perform_store(lock, action);
    pump(now());
    // What was waiting for this answer may go on: records to decide, the log to be opened.
    log_wakes_.notify_one();
  }
  thread_ended();
}

void PartitionWorker::thread_ended() {
  --threads_running_;
  log_wakes_.notify_one();
  store_wakes_.notify_one();
  ended_.notify_all();
}

void PartitionWorker::pump(Now at) {
  while (auto action = loop_.next(at)) {
    if (is_store_action(*action)) {
      store_slot_ = std::move(action);
      store_wakes_.notify_one();
    } else if (is_log_action(*action)) {
      log_slot_ = std::move(action);
      log_wakes_.notify_one();
    } else {
      perform_now(*action);
    }
  }
  if (loop_.finished()) store_wakes_.notify_one();
  show_status();
}

// ---- blocking calls ----

void PartitionWorker::perform_store(std::unique_lock<std::mutex>& lock, const Action& action) {
  const auto blocking = [&](auto call) {
    lock.unlock();
    auto answer = call();
    lock.lock();
    return answer;
  };
  const auto commit_to = [&](const ports::CommitBatch& batch, bool probe) {
    IssuerSpans::CommitTimes times;
    const auto answer = blocking([&] { return commit(batch, probe, times); });
    commit_times_ = times;
    loop_.on_commit(now(), answer);
  };
  std::visit(Overloaded{
                 [&](const TakeOver&) {
                   auto answer = blocking([&] { return store_->take_over(partition_); });
                   loop_.on_taken_over(now(), std::move(answer));
                 },
                 [&](const Rebuild& rebuild) {
                   auto answer = blocking([&] { return store_->rebuild(partition_, rebuild.epoch); });
                   loop_.on_taken_over(now(), std::move(answer));
                 },
                 [&](const LoadDetails& load) {
                   auto answer = blocking([&] { return store_->load_details(load.campaigns, hash_seed_); });
                   loop_.on_details(now(), std::move(answer));
                 },
                 [&](const QueryDispatchRate&) {
                   auto answer = blocking([&] { return store_->dispatch_per_second(partition_); });
                   loop_.on_dispatch_rate(now(), std::move(answer));
                 },
                 [&](const QueryBulkAcceptance& query) {
                   auto answer =
                       blocking([&] { return store_->dead_letters_accepted(partition_, query.first, query.last); });
                   loop_.on_bulk_acceptance(now(), std::move(answer));
                 },
                 [&](const Commit& request) { commit_to(*request.batch, false); },
                 [&](const Probe& request) { commit_to(*request.batch, true); },
                 [](const auto&) {},
             },
             action);
}

ports::CommitAnswer PartitionWorker::commit(const ports::CommitBatch& batch, bool probe,
                                            IssuerSpans::CommitTimes& times) {
  if (probe) return store_->probe(batch);
  times.begun_us = parts_.clock.monotonic_us();
  ports::CommitAnswer answer = store_->commit(batch);
  times.ended_us = parts_.clock.monotonic_us();
  metrics_.commit_answered(answer.outcome, static_cast<double>(times.ended_us - times.begun_us) / 1e6);
  return answer;
}

void PartitionWorker::perform_log(std::unique_lock<std::mutex>& lock, const Action& action) {
  if (const auto* open_log = std::get_if<OpenLog>(&action)) {
    auto answer = open(lock, open_log->from);
    loop_.on_opened(now(), std::move(answer));
  } else if (const auto* read = std::get_if<ReadLog>(&action)) {
    lock.unlock();
    auto answer = reader_->poll(read->records_max, read->timeout);
    lock.lock();
    loop_.on_records(now(), std::move(answer));
  } else {
    const auto timeout = std::get<AskBounds>(action).timeout;
    lock.unlock();
    auto answer = reader_->bounds(timeout);
    lock.lock();
    loop_.on_bounds(now(), std::move(answer));
  }
}

Result<void> PartitionWorker::open(std::unique_lock<std::mutex>& lock, Offset from) {
  std::unique_ptr<ports::LogReader> old = std::move(reader_);
  lock.unlock();
  old.reset();
  auto opened = parts_.log.open(ports::Topic::requests, partition_, from);
  lock.lock();
  if (!opened) return std::unexpected(std::move(opened.error()));
  reader_ = std::move(*opened);
  return {};
}

// ---- at once ----

void PartitionWorker::perform_now(const Action& action) {
  if (const auto* result = std::get_if<Publish>(&action)) {
    publish(*result);
  } else if (const auto* told = std::get_if<Tell>(&action)) {
    tell(told->notice);
  } else if (const auto* stop = std::get_if<Stop>(&action)) {
    tell_stop(*stop);
  } else if (std::holds_alternative<InterruptRead>(action) && reader_) {
    reader_->wake();
  }
}

void PartitionWorker::publish(const Publish& action) {
  if (parts_.stream != nullptr) parts_.stream->send(action.batch->payload);
  const std::string key = std::to_string(partition_.value);
  const auto token = static_cast<std::uint64_t>(action.batch->expected_next_offset.value);
  if (parts_.spans != nullptr) {
    parts_.spans->committed(partition_, action.facts, commit_times_);
    parts_.spans->publishing(partition_, token, action.facts);
  }
  const bool queued = parts_.results.append(partition_, key, action.batch->payload, invitation_, token).has_value();
  metrics_.published(queued);
  if (!queued && parts_.spans != nullptr) parts_.spans->not_published(partition_, token);
  log_decided(*action.batch);
  metrics_.batch_committed(action.facts,
                           static_cast<double>(parts_.clock.now() - action.facts.oldest_record) / 1'000.0);
}

void PartitionWorker::log_decided(const ports::CommitBatch& batch) {
  std::size_t lines = 0;
  for (const ports::DeadLetterRow& row : batch.dead_letters) {
    if (++lines > dead_letter_lines_max) break;
    const auto trace = parse_traceparent(ports::header(row.headers, traceparent_name));
    parts_.logger.warning("a record became a dead letter", {{"trace_id", trace ? trace_id_text(*trace) : std::string()},
                                                            {"partition", std::int64_t{partition_.value}},
                                                            {"offset", row.offset.value},
                                                            {"reason", row.reason}});
  }
  if (!parts_.logger.writes(ports::LogLevel::debug)) return;
  const auto results = wire::decode_result_batch(batch.payload);
  if (!results) return;
  for (const auto& [offset, trace] : results->traces) {
    const wire::OutcomeEntry& entry = results->entry(offset);
    log_traced(parts_.logger, ports::LogLevel::debug, "request decided and committed",
               {trace, entry.campaign, partition_, offset}, to_string(entry.outcome));
  }
}

void PartitionWorker::tell(const Notice& notice) {
  using Kind = Notice::Kind;
  const auto log = [&](ports::LogLevel level, std::string_view message) {
    parts_.logger.log(level, message,
                      {{"partition", std::int64_t{partition_.value}},
                       {"epoch", loop_.status().epoch.value},
                       {"first_offset", notice.first.value},
                       {"last_offset", notice.last.value},
                       {"reason", notice.reason},
                       {"detail", notice.detail}});
  };
  switch (notice.kind) {
    case Kind::taken_over:
      metrics_.taken_over(static_cast<double>(parts_.clock.monotonic_us() - started_us_) / 1e6);
      return log(ports::LogLevel::info, "partition taken over");
    case Kind::dropped:
      metrics_.dropped(notice.reason);
      return log(ports::LogLevel::warning, "decisions dropped, the state is read again");
    case Kind::rebuilt:
      return log(ports::LogLevel::info, "partition rebuilt");
    case Kind::record_refused:
      return log(ports::LogLevel::error, "the store refuses a record, it becomes a dead letter");
    case Kind::clock_ahead:
      return log(ports::LogLevel::error, "a record is from the future, deciding pauses");
    case Kind::clock_caught_up:
      return log(ports::LogLevel::info, "our clock has caught up, deciding goes on");
    case Kind::bulk_dead_letters:
      return log(ports::LogLevel::error, "too many dead letters, deciding waits for an operator");
    case Kind::bulk_accepted:
      return log(ports::LogLevel::warning, "an operator accepted the dead letters, deciding goes on");
    case Kind::batch_shrunk:
      return log(ports::LogLevel::warning, "the store is too slow for a batch of this size");
    case Kind::store_unavailable:
      return log(ports::LogLevel::warning, "the store is unavailable, trying again");
    case Kind::log_unavailable:
      return log(ports::LogLevel::warning, "the log is unavailable, trying again");
  }
}

void PartitionWorker::tell_stop(const Stop& stop) {
  if (stop.reason == "FENCED") metrics_.fenced();
  const LoopStatus& status = loop_.status();
  parts_.logger.log(stop.runbook.empty() ? ports::LogLevel::warning : ports::LogLevel::critical, "partition stopped",
                    {{"partition", std::int64_t{partition_.value}},
                     {"epoch", status.epoch.value},
                     {"next_offset", status.next_offset.value},
                     {"log_end", status.log_end.value},
                     {"reason", stop.reason},
                     {"detail", stop.message},
                     {"runbook", stop.runbook}});
}

std::int64_t PartitionWorker::show_progress() {
  const std::lock_guard lock(mutex_);
  const std::int64_t progress_us = loop_.status().progress_us;
  const std::int64_t without_us = progress_us == 0 ? 0 : parts_.clock.monotonic_us() - progress_us;
  metrics_.set_no_progress(static_cast<double>(without_us) / 1e6);
  return without_us;
}

void PartitionWorker::show_status() {
  const LoopStatus& status = loop_.status();
  const bool held = status.state == LoopStatus::State::stopped || status.state == LoopStatus::State::waiting;
  metrics_.set_stopped(held ? status.reason : "");
  metrics_.set_progress(status.next_offset, status.log_end);
  metrics_.set_clock_ahead(status.clock_ahead_ms);
  metrics_.set_dispatch_rate(status.dispatch_per_second);
  metrics_.set_batch_limit(status.batch_limit);
}

}  // namespace openrun::issuer
