#include "results_watch.hpp"

#include <utility>

namespace openrun::simulation {

class ResultsWatch::Reader final : public ports::LogReader {
 public:
  Reader(ResultsWatch& watch, std::unique_ptr<ports::LogReader> reader) : watch_(watch), reader_(std::move(reader)) {}

  Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds timeout) override {
    auto batch = reader_->poll(records_max, timeout);
    if (batch) {
      for (const ports::LogRecord& record : batch->records) {
        if (const auto results = wire::decode_result_batch(record.value)) watch_.learned(*results);
      }
    }
    return batch;
  }
  Result<ports::LogBounds> bounds(std::chrono::milliseconds timeout) override { return reader_->bounds(timeout); }
  ports::Headers headers(const ports::LogRecord& record) const override { return reader_->headers(record); }
  void wake() override { reader_->wake(); }

 private:
  ResultsWatch& watch_;
  std::unique_ptr<ports::LogReader> reader_;
};

Result<std::unique_ptr<ports::LogReader>> ResultsWatch::open(ports::Topic topic, Partition partition, Offset from) {
  auto opened = log_.open(topic, partition, from);
  if (!opened || topic != ports::Topic::results) return opened;
  return std::make_unique<Reader>(*this, std::move(*opened));
}

bool ResultsWatch::learned(const wire::ResultBatch& batch) {
  const Batch now{batch.last_offset, scheduler_.now_us()};
  return batches_[batch.partition].try_emplace(batch.first_offset, now).second;
}

Offset ResultsWatch::newest(Partition partition) const {
  const auto batches = batches_.find(partition);
  return batches == batches_.end() ? Offset{-1} : batches->second.rbegin()->second.last_offset;
}

std::optional<std::int64_t> ResultsWatch::learned_at_us(Partition partition, Offset offset) const {
  const auto batches = batches_.find(partition);
  if (batches == batches_.end()) return std::nullopt;
  auto batch = batches->second.upper_bound(offset);
  if (batch == batches->second.begin()) return std::nullopt;
  --batch;
  if (batch->second.last_offset < offset) return std::nullopt;
  return batch->second.learned_us;
}

}  // namespace openrun::simulation
