#include <algorithm>

#include <openrun/sim/broker.hpp>

namespace openrun::sim {
namespace {

std::unexpected<Error> away() {
  return fail(Error::Kind::unavailable, "the broker cannot be reached");
}

}  // namespace

class Broker::Reader final : public ports::LogReader {
 public:
  Reader(Broker& broker, ports::Topic topic, Partition partition, Offset from)
      : broker_(broker), topic_(topic), partition_(partition), position_(from.value) {}

  Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds /*timeout*/) override {
    if (!broker_.available_) return away();
    const Contents& contents = broker_.contents(topic_, partition_);
    const auto end = static_cast<std::int64_t>(contents.records.size());
    if (position_ < contents.begin || position_ > end) {
      return fail(Error::Kind::not_found, "the position is outside the log");
    }
    ports::LogBatch batch;
    while (position_ < end && batch.records.size() < records_max) {
      const Record& record = contents.records[static_cast<std::size_t>(position_)];
      batch.records.push_back({partition_, Offset{position_}, record.time, record.key, record.value,
                               ports::header(record.headers, traceparent_name)});
      ++position_;
    }
    return batch;
  }
  Result<ports::LogBounds> bounds(std::chrono::milliseconds /*timeout*/) override {
    if (!broker_.available_) return away();
    return broker_.bounds(topic_, partition_);
  }
  ports::Headers headers(const ports::LogRecord& record) const override {
    return broker_.records(topic_, partition_).at(static_cast<std::size_t>(record.offset.value)).headers;
  }
  void wake() override {}

 private:
  Broker& broker_;
  const ports::Topic topic_;
  const Partition partition_;
  std::int64_t position_;
};

Offset Broker::append(ports::Topic topic, Partition partition, std::string_view key, std::string_view value,
                      const ports::Headers& headers) {
  Contents& target = contents(topic, partition);
  const Offset offset{static_cast<std::int64_t>(target.records.size())};
  target.records.push_back({clock_.now(), std::string(key), std::string(value), headers});
  if (on_append) on_append(topic, partition, offset, target.records.back());
  const auto waiting = std::exchange(target.waiting, {});
  for (const auto& wake : waiting) wake();
  return offset;
}

void Broker::expire(ports::Topic topic, Partition partition, Offset begin) {
  Contents& target = contents(topic, partition);
  target.begin = std::clamp(begin.value, target.begin, static_cast<std::int64_t>(target.records.size()));
}

void Broker::truncate(ports::Topic topic, Partition partition, Offset end) {
  Contents& target = contents(topic, partition);
  target.records.resize(std::min(target.records.size(), static_cast<std::size_t>(end.value)));
  target.begin = std::min(target.begin, end.value);
}

void Broker::call_at_append(ports::Topic topic, Partition partition, std::function<void()> wake) {
  contents(topic, partition).waiting.push_back(std::move(wake));
}

const std::deque<Broker::Record>& Broker::records(ports::Topic topic, Partition partition) const {
  static const std::deque<Record> none;
  const auto found = contents_.find({topic, partition});
  return found == contents_.end() ? none : found->second.records;
}

ports::LogBounds Broker::bounds(ports::Topic topic, Partition partition) const {
  const auto found = contents_.find({topic, partition});
  if (found == contents_.end()) return {};
  return {Offset{found->second.begin}, Offset{static_cast<std::int64_t>(found->second.records.size())}};
}

Result<std::unique_ptr<ports::LogReader>> Broker::open(ports::Topic topic, Partition partition, Offset from) {
  if (!available_) return away();
  return std::make_unique<Reader>(*this, topic, partition, from);
}

Result<Offset> Broker::offset_at(ports::Topic topic, Partition partition, Timestamp time,
                                 std::chrono::milliseconds /*timeout*/) {
  if (!available_) return away();
  const Contents& target = contents(topic, partition);
  for (std::size_t i = static_cast<std::size_t>(target.begin); i < target.records.size(); ++i) {
    if (target.records[i].time >= time) return Offset{static_cast<std::int64_t>(i)};
  }
  return Offset{static_cast<std::int64_t>(target.records.size())};
}

Result<std::int32_t> Broker::partitions(ports::Topic /*topic*/, std::chrono::milliseconds /*timeout*/) {
  if (!available_) return away();
  return partitions_;
}

}  // namespace openrun::sim
