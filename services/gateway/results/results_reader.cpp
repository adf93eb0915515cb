#include "gateway/results/results_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <openrun/ports/stream.hpp>

namespace openrun::gateway {
namespace {
constexpr std::size_t records_per_poll = 256;
}

std::unique_ptr<ports::LogReader> ResultsReader::open() {
  const auto broker = parts_.timing.broker;
  Timestamp since = from_beginning_ ? Timestamp{0} : parts_.clock.now() + -parts_.settings.window_age_s * 1'000;
  if (decided_until_) since = std::max(Timestamp{0}, std::min(since, *decided_until_ + -broker_clocks_ms_max));
  auto from = parts_.log.offset_at(ports::Topic::results, partition_, since, broker);
  if (!from) return nullptr;
  auto opened = parts_.log.open(ports::Topic::results, partition_, *from);
  if (!opened) return nullptr;
  const auto bounds = (*opened)->bounds(broker);
  if (!bounds) return nullptr;
  if (bounds->begin < bounds->end && *from >= bounds->end) {
    // Nothing is younger than the window, but the last record still tells where the issuer stands.
    from = bounds->end + -1;
    opened = parts_.log.open(ports::Topic::results, partition_, *from);
    if (!opened) return nullptr;
  }
  progress_.opened(*from, bounds->end, parts_.clock.monotonic_us());
  retained_end_ = bounds->end;
  return std::move(*opened);
}

void ResultsReader::apply(const ports::LogRecord& record) {
  const Result<wire::ResultBatch> batch = wire::decode_result_batch(record.value);
  if (batch && batch->partition == partition_) {
    parts_.hooks.apply(*batch, progress_.ready());
    for (const auto& [offset, trace] : batch->traces) {
      const wire::OutcomeEntry& entry = batch->entry(offset);
      log_traced(parts_.logger, ports::LogLevel::debug, "outcome is known here",
                 {trace, entry.campaign, partition_, offset}, to_string(entry.outcome));
    }
    return;
  }
  // Its outcomes are in the outbox; whoever asks for them is answered from there.
  parts_.logger.error("result record is no batch of its partition",
                      {{"partition", std::int64_t{partition_.value}},
                       {"offset", record.offset.value},
                       {"error", batch ? std::string("names another partition") : batch.error().message}});
}

// Where the issuer listens is in each of its records, and an old one may name an issuer that is gone.
void ResultsReader::take_invitation(const ports::LogRecord& newest) {
  if (!parts_.hooks.invited || !progress_.ready()) return;
  const ports::Headers headers = log_reader_->headers(newest);
  const std::string_view invitation = ports::header(headers, ports::invitation_name);
  if (!invitation.empty()) parts_.hooks.invited(invitation);
}

void ResultsReader::sample() {
  const std::int64_t now_us = parts_.clock.monotonic_us();
  if (now_us - sampled_us_ < parts_.timing.sample.count() * 1'000) return;
  sampled_us_ = now_us;
  if (const auto bounds = log_reader_->bounds(parts_.timing.broker)) progress_.sampled(bounds->end, now_us);
}

std::chrono::milliseconds ResultsReader::step() {
  if (!log_reader_) {
    log_reader_ = open();
    if (!log_reader_) return parts_.timing.retry;
    sampled_us_ = parts_.clock.monotonic_us();
  }
  const auto batch = log_reader_->poll(records_per_poll, parts_.timing.poll);
  if (!batch && batch.error().kind == Error::Kind::not_found) {
    parts_.logger.warning("results were cut below the reader; reading on from what is retained",
                          {{"partition", std::int64_t{partition_.value}}, {"error", batch.error().message}});
    from_beginning_ = true;
    log_reader_.reset();
    return parts_.timing.retry;
  }
  if (!batch) {
    sample();
    return parts_.timing.retry;
  }
  for (const ports::LogRecord& record : batch->records) {
    apply(record);
    progress_.reached(record.offset + 1);
  }
  if (retained_end_ && progress_.position() >= *retained_end_) {
    retained_end_.reset();
    parts_.hooks.frontier_unknown(partition_);
  }
  if (!batch->records.empty()) take_invitation(batch->records.back());
  sample();
  return {};
}

}  // namespace openrun::gateway
