#include "gateway/results_feed.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {
namespace {
constexpr std::size_t records_per_poll = 256;
}

ResultsFeed::ResultsFeed(ports::Log& log, Hooks hooks, const ports::Clock& clock, ports::Logger& logger,
                         const Settings& settings, Timing timing)
    : log_(log), hooks_(std::move(hooks)), clock_(clock), logger_(logger), settings_(settings), timing_(timing) {}

ResultsFeed::~ResultsFeed() {
  stop();
}

void ResultsFeed::start() {
  supervisor_ = std::thread([this] {
    do {
      look_for_partitions();
    } while (!pause(readers_.empty() ? timing_.retry : timing_.partitions));
  });
}

void ResultsFeed::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
  for (auto& reader : readers_) {
    if (reader->thread.joinable()) reader->thread.join();
  }
}

bool ResultsFeed::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return stop_changed_.wait_for(lock, time, [this] { return stopping_; });
}

void ResultsFeed::look_for_partitions() {
  const auto results = log_.partitions(ports::Topic::results, timing_.broker);
  if (results) add_readers(std::min(*results, partitions_max));
  const auto requests = log_.partitions(ports::Topic::requests, timing_.broker);
  if (requests && *requests > request_partitions_) {
    request_partitions_ = *requests;
    hooks_.request_partitions(*requests);
  }
}

void ResultsFeed::add_readers(std::int32_t partitions) {
  std::lock_guard lock(mutex_);
  while (!stopping_ && static_cast<std::int32_t>(readers_.size()) < partitions) {
    auto reader = std::make_unique<Reader>();
    reader->partition = Partition{static_cast<std::int32_t>(readers_.size())};
    Reader& target = *reader;
    readers_.push_back(std::move(reader));
    target.thread = std::thread([this, &target] { run(target); });
  }
}

std::unique_ptr<ports::LogReader> ResultsFeed::open(Reader& reader, bool from_beginning) {
  const Timestamp since = from_beginning ? Timestamp{0} : clock_.now() + -settings_.window_age_s * 1'000;
  auto from = log_.offset_at(ports::Topic::results, reader.partition, since, timing_.broker);
  if (!from) return nullptr;
  auto opened = log_.open(ports::Topic::results, reader.partition, *from);
  if (!opened) return nullptr;
  const auto bounds = (*opened)->bounds(timing_.broker);
  if (!bounds) return nullptr;
  if (bounds->begin == bounds->end) {
    hooks_.nothing_retained(reader.partition);
  } else if (*from >= bounds->end) {
    // Nothing is younger than the window, but the last record still tells where the issuer stands.
    from = bounds->end + -1;
    opened = log_.open(ports::Topic::results, reader.partition, *from);
    if (!opened) return nullptr;
  }
  reader.progress.opened(*from, bounds->end, clock_.monotonic_us());
  return std::move(*opened);
}

void ResultsFeed::apply(Reader& reader, const ports::LogRecord& record) {
  const Result<wire::ResultBatch> batch = wire::decode_result_batch(record.value);
  if (batch && batch->partition == reader.partition) {
    hooks_.apply(*batch, reader.progress.ready());
    return;
  }
  // Its outcomes are in the outbox; whoever asks for them is answered from there.
  logger_.error("result record is no batch of its partition",
                {{"partition", std::int64_t{reader.partition.value}},
                 {"offset", record.offset.value},
                 {"error", batch ? std::string("names another partition") : batch.error().message}});
}

void ResultsFeed::read(Reader& reader, ports::LogReader& log_reader, bool& out_of_range) {
  std::int64_t sampled_us = clock_.monotonic_us();
  while (!pause(std::chrono::milliseconds(0))) {
    const auto batch = log_reader.poll(records_per_poll, timing_.poll);
    if (!batch && batch.error().kind == Error::Kind::not_found) {
      logger_.warning("results were cut below the reader; reading on from what is retained",
                      {{"partition", std::int64_t{reader.partition.value}}, {"error", batch.error().message}});
      out_of_range = true;
      return;
    }
    if (!batch && pause(timing_.retry)) return;
    if (batch) {
      for (const ports::LogRecord& record : batch->records) {
        apply(reader, record);
        reader.progress.reached(record.offset + 1);
      }
    }
    const std::int64_t now_us = clock_.monotonic_us();
    if (now_us - sampled_us < timing_.sample.count() * 1'000) continue;
    sampled_us = now_us;
    if (const auto bounds = log_reader.bounds(timing_.broker)) reader.progress.sampled(bounds->end, now_us);
  }
}

void ResultsFeed::run(Reader& reader) {
  bool from_beginning = false;
  for (;;) {
    const std::unique_ptr<ports::LogReader> log_reader = open(reader, from_beginning);
    if (log_reader) {
      bool out_of_range = false;
      read(reader, *log_reader, out_of_range);
      from_beginning = from_beginning || out_of_range;
    }
    if (pause(timing_.retry)) return;
  }
}

bool ResultsFeed::ready() const {
  if (was_ready_.load(std::memory_order_acquire)) return true;
  std::lock_guard lock(mutex_);
  const bool all =
      !readers_.empty() && std::ranges::all_of(readers_, [](const auto& reader) { return reader->progress.ready(); });
  if (all) was_ready_.store(true, std::memory_order_release);
  return all;
}

std::int64_t ResultsFeed::behind_us() const {
  std::int64_t behind = 0;
  for (const PartitionLag& lag : lags()) behind = std::max(behind, lag.behind_us);
  return behind;
}

std::vector<ResultsFeed::PartitionLag> ResultsFeed::lags() const {
  const std::int64_t now_us = clock_.monotonic_us();
  std::lock_guard lock(mutex_);
  std::vector<PartitionLag> lags;
  lags.reserve(readers_.size());
  for (const auto& reader : readers_) {
    lags.push_back({reader->partition, reader->progress.lag(), reader->progress.behind_us(now_us)});
  }
  return lags;
}

}  // namespace openrun::gateway
