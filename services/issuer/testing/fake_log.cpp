#include "issuer/testing/fake_log.hpp"

#include <algorithm>

namespace openrun::testing {

class FakeLogReader final : public ports::LogReader {
 public:
  FakeLogReader(FakeLog& log, FakeLog::Name name, Offset from) : log_(log), name_(name), position_(from.value) {}

  Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds timeout) override {
    std::unique_lock lock(log_.mutex_);
    FakeLog::Contents& contents = log_.contents_[name_];
    const auto out_of_range = [&] {
      return position_ < contents.begin || (position_ > contents.end && !log_.lenient_);
    };
    ++log_.stuck_;
    log_.appended_.wait(lock, [&] { return log_.wedge_ != FakeLog::Wedge::stuck || woken_; });
    --log_.stuck_;
    const auto silent = [&] { return log_.wedge_ == FakeLog::Wedge::silent; };
    ++log_.waiting_;
    log_.appended_.wait_for(lock, timeout, [&] {
      return log_.down_ || woken_ || out_of_range() || (!silent() && position_ < contents.end);
    });
    --log_.waiting_;
    woken_ = false;
    if (log_.down_) return fail(Error::Kind::unavailable, "the broker is down");
    if (out_of_range()) return fail(Error::Kind::not_found, "offset out of range");
    if (silent()) return ports::LogBatch{};
    auto copies = std::make_shared<std::vector<FakeLog::Stored>>();
    std::vector<std::int64_t> offsets;
    for (auto next = contents.records.lower_bound(position_);
         next != contents.records.end() && copies->size() < records_max; ++next) {
      offsets.push_back(next->first);
      copies->push_back(next->second);
      position_ = next->first + 1;
    }
    ports::LogBatch batch;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const FakeLog::Stored& stored = (*copies)[i];
      batch.records.push_back({name_.second, Offset{offsets[i]}, stored.time, stored.key, stored.value,
                               ports::header(stored.headers, traceparent_name)});
    }
    batch.owner = copies;
    return batch;
  }

  Result<ports::LogBounds> bounds(std::chrono::milliseconds /*timeout*/) override {
    const std::lock_guard lock(log_.mutex_);
    if (log_.down_) return fail(Error::Kind::unavailable, "the broker is down");
    const FakeLog::Contents& contents = log_.contents_[name_];
    return ports::LogBounds{Offset{contents.begin}, Offset{contents.end}};
  }

  ports::Headers headers(const ports::LogRecord& record) const override {
    const std::lock_guard lock(log_.mutex_);
    const auto& records = log_.contents_[name_].records;
    const auto found = records.find(record.offset.value);
    return found == records.end() ? ports::Headers{} : found->second.headers;
  }

  void wake() override {
    const std::lock_guard lock(log_.mutex_);
    woken_ = true;
    ++log_.wakes_;
    log_.appended_.notify_all();
  }

 private:
  FakeLog& log_;
  const FakeLog::Name name_;
  std::int64_t position_;
  bool woken_ = false;
};

Offset FakeLog::append(ports::Topic topic, Partition partition, Timestamp time, std::string value,
                       ports::Headers headers) {
  const std::lock_guard lock(mutex_);
  Contents& contents = contents_[{topic, partition}];
  const Offset offset{contents.end++};
  contents.records.emplace(offset.value,
                           Stored{time, std::to_string(partition.value), std::move(value), std::move(headers)});
  appended_.notify_all();
  return offset;
}

void FakeLog::expire(ports::Topic topic, Partition partition, Offset begin) {
  const std::lock_guard lock(mutex_);
  Contents& contents = contents_[{topic, partition}];
  contents.begin = begin.value;
  contents.end = std::max(contents.end, contents.begin);
  contents.records.erase(contents.records.begin(), contents.records.lower_bound(begin.value));
  appended_.notify_all();
}

void FakeLog::recreate(ports::Topic topic, Partition partition) {
  const std::lock_guard lock(mutex_);
  contents_[{topic, partition}] = {};
  appended_.notify_all();
}

void FakeLog::set_down(bool down) {
  const std::lock_guard lock(mutex_);
  down_ = down;
  appended_.notify_all();
}

void FakeLog::set_lenient(bool lenient) {
  const std::lock_guard lock(mutex_);
  lenient_ = lenient;
}

void FakeLog::set_wedge(Wedge wedge) {
  const std::lock_guard lock(mutex_);
  wedge_ = wedge;
  appended_.notify_all();
}

int FakeLog::stuck() const {
  const std::lock_guard lock(mutex_);
  return stuck_;
}

int FakeLog::wakes() const {
  const std::lock_guard lock(mutex_);
  return wakes_;
}

int FakeLog::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

ports::LogBounds FakeLog::bounds(ports::Topic topic, Partition partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = contents_.find({topic, partition});
  if (found == contents_.end()) return {};
  return {Offset{found->second.begin}, Offset{found->second.end}};
}

std::vector<FakeLog::Stored> FakeLog::records(ports::Topic topic, Partition partition) const {
  const std::lock_guard lock(mutex_);
  std::vector<Stored> all;
  const auto found = contents_.find({topic, partition});
  if (found == contents_.end()) return all;
  for (const auto& [offset, stored] : found->second.records) all.push_back(stored);
  return all;
}

Result<std::unique_ptr<ports::LogReader>> FakeLog::open(ports::Topic topic, Partition partition, Offset from) {
  const std::lock_guard lock(mutex_);
  if (down_) return fail(Error::Kind::unavailable, "the broker is down");
  contents_[{topic, partition}];
  return std::make_unique<FakeLogReader>(*this, Name{topic, partition}, from);
}

Result<Offset> FakeLog::offset_at(ports::Topic topic, Partition partition, Timestamp time,
                                  std::chrono::milliseconds /*timeout*/) {
  const std::lock_guard lock(mutex_);
  if (down_) return fail(Error::Kind::unavailable, "the broker is down");
  const Contents& contents = contents_[{topic, partition}];
  for (const auto& [offset, stored] : contents.records) {
    if (stored.time >= time) return Offset{offset};
  }
  return Offset{contents.end};
}

Result<std::int32_t> FakeLog::partitions(ports::Topic /*topic*/, std::chrono::milliseconds /*timeout*/) {
  return 4;
}

Result<void> FakeAppender::append(Partition partition, std::string_view /*key*/, std::string_view value,
                                  const ports::Headers& headers, std::uint64_t token) {
  const Offset offset = log_.append(topic_, partition, Timestamp{0}, std::string(value), headers);
  const ports::Delivery delivery{token, ports::Delivery::Fate::stored, partition, offset};
  if (on_deliveries_) on_deliveries_(std::span(&delivery, 1));
  return {};
}

}  // namespace openrun::testing
