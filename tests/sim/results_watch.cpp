#include "results_watch.hpp"

#include <utility>

#include <openrun/wire/result_batch.hpp>

namespace openrun::simulation {

class ResultsWatch::Reader final : public ports::LogReader {
 public:
  Reader(ResultsWatch& watch, std::unique_ptr<ports::LogReader> reader) : watch_(watch), reader_(std::move(reader)) {}

  Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds timeout) override {
    auto batch = reader_->poll(records_max, timeout);
    if (batch) {
      for (const ports::LogRecord& record : batch->records) watch_.has_read(record);
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

void ResultsWatch::has_read(const ports::LogRecord& record) {
  const auto batch = wire::decode_result_batch(record.value);
  if (!batch) return;
  batches_[batch->partition].try_emplace(batch->first_offset, Batch{batch->last_offset, scheduler_.now_us()});
}

std::optional<std::int64_t> ResultsWatch::read_at_us(Partition partition, Offset offset) const {
  const auto batches = batches_.find(partition);
  if (batches == batches_.end()) return std::nullopt;
  auto batch = batches->second.upper_bound(offset);
  if (batch == batches->second.begin()) return std::nullopt;
  --batch;
  if (batch->second.last_offset < offset) return std::nullopt;
  return batch->second.read_us;
}

}  // namespace openrun::simulation
