// The log in memory: three topics of so many partitions, LogAppendTime from a clock of its own that may step back,
// retention, and times at which nobody can reach it. Nothing blocks: a poll that finds nothing returns nothing, and who
// wants to wait asks to be called. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openrun/ports/request_log.hpp>
#include <openrun/sim/clock.hpp>

namespace openrun::sim {

class Broker final : public ports::Log {
 public:
  struct Record {
    Timestamp time;
    std::string key;
    std::string value;
    ports::Headers headers;
  };

  Broker(const Scheduler& scheduler, std::int32_t partitions) : clock_(scheduler), partitions_(partitions) {}

  [[nodiscard]] Clock& clock() { return clock_; }
  void set_available(bool available) { available_ = available; }
  [[nodiscard]] bool available() const { return available_; }

  // Whatever the availability: whoever appends has looked. Calls who waits for this partition.
  Offset append(ports::Topic topic, Partition partition, std::string_view key, std::string_view value,
                const ports::Headers& headers = {});
  // Readers see nothing below `begin` any more; records() still does.
  void expire(ports::Topic topic, Partition partition, Offset begin);

  // The log has lost everything from `end` on, as after an election that was not clean: what is appended next stands
  // there. Nobody may hold a record of it.
  void truncate(ports::Topic topic, Partition partition, Offset end);

  // Calls `wake` once: at the next append to the partition. Forgotten by then is what a dead process has asked.
  void call_at_append(ports::Topic topic, Partition partition, std::function<void()> wake);
  // Sees every record right after it was appended.
  std::function<void(ports::Topic, Partition, Offset, const Record&)> on_append;

  // All that was ever appended and not truncated, by offset.
  [[nodiscard]] const std::deque<Record>& records(ports::Topic topic, Partition partition) const;
  [[nodiscard]] ports::LogBounds bounds(ports::Topic topic, Partition partition) const;
  [[nodiscard]] std::int32_t partitions() const { return partitions_; }

  // ---- ports::Log ----
  [[nodiscard]] Result<std::unique_ptr<ports::LogReader>> open(ports::Topic topic, Partition partition,
                                                               Offset from) override;
  [[nodiscard]] Result<Offset> offset_at(ports::Topic topic, Partition partition, Timestamp time,
                                         std::chrono::milliseconds timeout) override;
  [[nodiscard]] Result<std::int32_t> partitions(ports::Topic topic, std::chrono::milliseconds timeout) override;

 private:
  class Reader;
  struct Contents {
    std::int64_t begin = 0;
    std::deque<Record> records;  // stable, so that readers hand out views
    std::vector<std::function<void()>> waiting;
  };
  [[nodiscard]] Contents& contents(ports::Topic topic, Partition partition) { return contents_[{topic, partition}]; }

  Clock clock_;
  std::int32_t partitions_;
  bool available_ = true;
  std::map<std::pair<ports::Topic, Partition>, Contents> contents_;
};

}  // namespace openrun::sim
