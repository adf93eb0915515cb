#include "relay/partition_relay.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <openrun/wire/result_batch.hpp>

#include "relay/dead_letter_headers.hpp"

namespace openrun::relay {
namespace {

constexpr std::size_t tail_records_max = 256;
constexpr std::chrono::milliseconds broker_timeout{5'000};

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

ports::Metrics::Labels labels_of(Partition partition) {
  return {{"partition", std::to_string(partition.value)}};
}

}  // namespace

PartitionRelay::PartitionRelay(Partition partition, RelayParts parts, std::unique_ptr<ports::Outbox> outbox,
                               const LoopSettings& settings, std::uint64_t first_token)
    : partition_(partition),
      parts_(std::move(parts)),
      outbox_(std::move(outbox)),
      loop_(settings, first_token),
      owned_(parts_.metrics.gauge("openrun_relay_owned", "1 while this relay is responsible for the partition",
                                  labels_of(partition))),
      backlog_(parts_.metrics.gauge("openrun_outbox_backlog", "Outbox rows not known to stand in the results topic",
                                    labels_of(partition))),
      cursor_(parts_.metrics.gauge("openrun_relay_cursor",
                                   "Offset below which every outbox row stands in the results topic",
                                   labels_of(partition))),
      no_progress_(parts_.metrics.gauge("openrun_relay_no_progress_seconds",
                                        "Since when no row was published though some wait, or nobody knows",
                                        labels_of(partition))),
      filled_(parts_.metrics.counter("openrun_relay_filled_total",
                                     "Outbox rows published by the relay because they were missing",
                                     labels_of(partition))),
      exported_(parts_.metrics.counter("openrun_dead_letters_exported_total", "Dead letters published to their topic",
                                       labels_of(partition))),
      pruned_(parts_.metrics.counter("openrun_outbox_pruned_total", "Outbox rows deleted after their retention",
                                     labels_of(partition))),
      thread_([this] { run(); }) {}

PartitionRelay::~PartitionRelay() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (waking_ != nullptr) waking_->wake();
  }
  wakes_.notify_all();
  thread_.join();
}

void PartitionRelay::set_owner(bool owner) {
  owner_ = owner;
}

void PartitionRelay::deliver(const ports::Delivery& delivery) {
  {
    const std::lock_guard lock(mutex_);
    deliveries_.push_back(delivery);
    if (waking_ != nullptr) waking_->wake();
  }
  wakes_.notify_all();
}

LoopStatus PartitionRelay::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::int64_t PartitionRelay::show_progress() {
  const std::int64_t progress_us = status().progress_us;
  const std::int64_t without_us = progress_us == 0 ? 0 : parts_.clock.monotonic_us() - progress_us;
  no_progress_.set(static_cast<double>(without_us) / 1e6);
  return without_us;
}

bool PartitionRelay::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

Now PartitionRelay::now() const {
  return {parts_.clock.monotonic_us(), parts_.clock.now()};
}

void PartitionRelay::run() {
  if (parts_.spans != nullptr) spans_.emplace(partition_, *parts_.spans, parts_.clock);
  while (!stopping()) {
    loop_.set_owner(owner_);
    owned_.set(owner_ ? 1 : 0);
    drain_deliveries();
    perform(loop_.next(now()));
    show_status();
  }
  drain_deliveries();
  if (const auto action = loop_.last_words()) perform(*action);
  owned_.set(0);
  backlog_.set(0);
}

void PartitionRelay::drain_deliveries() {
  std::vector<ports::Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    deliveries.swap(deliveries_);
  }
  for (const ports::Delivery& delivery : deliveries) {
    if (spans_) spans_->delivered(delivery.token, delivery.fate);
    loop_.on_delivery(now(), delivery.token, delivery.fate);
  }
}

void PartitionRelay::perform(const Action& action) {
  std::visit(
      Overloaded{
          [&](const ReadCursor&) { loop_.on_cursor(now(), outbox_->published_through(partition_)); },
          [&](const ScanEntries& a) { loop_.on_entries(now(), outbox_->entries(partition_, a.from, a.limit)); },
          [&](const OpenTail& a) { open_tail(a); },
          [&](const ReadTail& a) { read_tail(a); },
          [&](const FetchPayload& a) { loop_.on_payload(now(), outbox_->payload(partition_, a.first_offset)); },
          [&](const PublishRow& a) { publish(a); },
          [&](const PublishDeadLetter& a) { publish(a); },
          [&](const SaveCursor& a) { loop_.on_done(now(), outbox_->set_published_through(partition_, a.cursor)); },
          [&](const ListDeadLetters& a) {
            loop_.on_dead_letters(now(), outbox_->dead_letters_to_export(partition_, a.limit));
          },
          [&](const MarkExported& a) { loop_.on_done(now(), outbox_->mark_exported(partition_, a.ids)); },
          [&](const Prune& a) { loop_.on_pruned(now(), outbox_->prune(partition_, a.before, a.limit)); },
          [&](const Pause& a) { wait_for(a.duration_us); },
      },
      action);
}

void PartitionRelay::open_tail(const OpenTail& action) {
  {
    const std::lock_guard lock(mutex_);
    waking_ = nullptr;
  }
  reader_.reset();
  // A first reader, to learn the topic's end; the tail begins at its end where nothing is unpublished.
  auto reader = parts_.log.open(ports::Topic::results, partition_, Offset{0});
  if (!reader) return loop_.on_tail_opened(now(), std::unexpected(reader.error()));
  auto bounds = (*reader)->bounds(broker_timeout);
  if (!bounds) return loop_.on_tail_opened(now(), bounds);
  Offset from = bounds->end;
  if (action.since) {
    const auto found = parts_.log.offset_at(ports::Topic::results, partition_, *action.since, broker_timeout);
    if (!found) return loop_.on_tail_opened(now(), std::unexpected(found.error()));
    from = std::clamp(*found, bounds->begin, bounds->end);
  }
  reader->reset();
  reader = parts_.log.open(ports::Topic::results, partition_, from);
  if (!reader) return loop_.on_tail_opened(now(), std::unexpected(reader.error()));
  reader_ = std::move(*reader);
  position_ = from;
  {
    const std::lock_guard lock(mutex_);
    waking_ = reader_.get();
  }
  loop_.on_tail_opened(now(), ports::LogBounds{from, bounds->end});
}

void PartitionRelay::read_tail(const ReadTail& action) {
  {
    // What was delivered before this poll would not wake it.
    const std::lock_guard lock(mutex_);
    if (!deliveries_.empty() || stopping_) return;
  }
  auto batch = reader_->poll(tail_records_max, std::chrono::milliseconds((action.timeout_us + 999) / 1'000));
  if (!batch) return loop_.on_tail(now(), std::unexpected(batch.error()), position_);
  std::vector<SeenRange> ranges;
  ranges.reserve(batch->records.size());
  for (const ports::LogRecord& record : batch->records) {
    position_ = record.offset + 1;
    // A record that is no batch covers nothing: the row is then missing, and is published again.
    if (const auto decoded = wire::decode_result_batch(record.value); decoded && decoded->partition == partition_) {
      ranges.push_back({decoded->first_offset, decoded->last_offset});
    }
  }
  loop_.on_tail(now(), std::move(ranges), position_);
}

void PartitionRelay::publish(const PublishRow& action) {
  if (spans_) spans_->publishing(action.token, action.payload);
  const auto accepted =
      parts_.results.append(partition_, std::to_string(partition_.value), action.payload, {}, action.token);
  if (!accepted) {
    if (spans_) spans_->delivered(action.token, ports::Delivery::Fate::failed);
    return loop_.on_delivery(now(), action.token, ports::Delivery::Fate::failed);
  }
  if (!parts_.logger.writes(ports::LogLevel::debug)) return;
  const auto results = wire::decode_result_batch(action.payload);
  if (!results) return;
  for (const auto& [offset, trace] : results->traces) {
    const wire::OutcomeEntry& entry = results->entry(offset);
    log_traced(parts_.logger, ports::LogLevel::debug, "outcome published by the relay",
               {trace, entry.campaign, partition_, offset}, to_string(entry.outcome));
  }
}

void PartitionRelay::publish(const PublishDeadLetter& action) {
  const ports::DeadLetterRow& row = action.dead_letter.row;
  const auto accepted = parts_.dead_letters.append(
      partition_, row.key, row.value, dead_letter_headers(action.dead_letter, partition_, parts_.requests_topic),
      action.token);
  const auto trace = parse_traceparent(ports::header(row.headers, traceparent_name));
  parts_.logger.debug("dead letter exported", {{"trace_id", trace ? trace_id_text(*trace) : std::string()},
                                               {"partition", std::int64_t{partition_.value}},
                                               {"offset", row.offset.value},
                                               {"reason", row.reason}});
  if (!accepted) loop_.on_delivery(now(), action.token, ports::Delivery::Fate::failed);
}

void PartitionRelay::wait_for(std::int64_t duration_us) {
  std::unique_lock lock(mutex_);
  wakes_.wait_for(lock, std::chrono::microseconds(duration_us), [&] { return stopping_ || !deliveries_.empty(); });
}

void PartitionRelay::show_status() {
  const LoopStatus& status = loop_.status();
  backlog_.set(owner_ ? static_cast<double>(status.backlog) : 0);
  cursor_.set(static_cast<double>(status.cursor.value));
  filled_.add(static_cast<double>(status.filled - shown_.filled));
  exported_.add(static_cast<double>(status.exported - shown_.exported));
  pruned_.add(static_cast<double>(status.pruned - shown_.pruned));
  // Once per change: a store that is down for an hour is one line, not thousands.
  if (status.trouble.empty() != told_trouble_.empty()) {
    const std::int64_t partition = partition_.value;
    if (status.trouble.empty()) parts_.logger.info("the relay works again", {{"partition", partition}});
    if (!status.trouble.empty())
      parts_.logger.warning("the relay waits", {{"partition", partition}, {"error", status.trouble}});
    told_trouble_ = status.trouble;
  }
  if (status.filled != shown_.filled) {
    parts_.logger.info("published outbox rows that were missing in the results topic",
                       {{"partition", std::int64_t{partition_.value}},
                        {"rows", static_cast<std::int64_t>(status.filled - shown_.filled)}});
  }
  shown_ = status;
  const std::lock_guard lock(mutex_);
  status_ = status;
}

}  // namespace openrun::relay
