#include "gateway/results/results_feed.hpp"

#include <algorithm>
#include <utility>

namespace openrun::gateway {
ResultsFeed::ResultsFeed(ports::Log& log, Hooks hooks, const ports::Clock& clock, ports::Logger& logger,
                         const Settings& settings, Timing timing)
    : log_(log), hooks_(std::move(hooks)), clock_(clock), logger_(logger), settings_(settings), timing_(timing) {}

ResultsFeed::~ResultsFeed() {
  stop();
}

void ResultsFeed::start() {
  driven_ = false;
  supervisor_ = std::thread([this] {
    bool settled = false;
    do {
      look_for_partitions();
      settled = (!hooks_.look_at_store || hooks_.look_at_store()) && !readers_.empty();
    } while (!pause(settled ? timing_.partitions : timing_.retry));
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
    const Partition partition{static_cast<std::int32_t>(readers_.size())};
    const ResultsReader::Parts parts{log_, hooks_, clock_, logger_, settings_, timing_};
    std::optional<Timestamp> decided_until;
    if (decided_until_) {
      const auto found = decided_until_->find(partition);
      decided_until = found == decided_until_->end() ? Timestamp{0} : found->second;
    }
    Reader& target = *readers_.emplace_back(std::make_unique<Reader>(partition, parts, decided_until));
    if (driven_) continue;
    target.thread = std::thread([this, &target] {
      while (!pause(target.reader.step())) continue;
    });
  }
}

std::int32_t ResultsFeed::readers() const {
  std::lock_guard lock(mutex_);
  return static_cast<std::int32_t>(readers_.size());
}

std::chrono::milliseconds ResultsFeed::step(Partition partition) {
  return readers_.at(static_cast<std::size_t>(partition.value))->reader.step();
}

bool ResultsFeed::ready() const {
  if (was_ready_.load(std::memory_order_acquire)) return true;
  std::lock_guard lock(mutex_);
  const bool all = !readers_.empty() &&
                   std::ranges::all_of(readers_, [](const auto& reader) { return reader->reader.progress().ready(); });
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
    lags.push_back(
        {reader->reader.partition(), reader->reader.progress().lag(), reader->reader.progress().behind_us(now_us)});
  }
  return lags;
}

}  // namespace openrun::gateway
