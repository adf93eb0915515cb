// The log as one gateway sees it, which remembers when that gateway has read which results. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include <openrun/ports/request_log.hpp>
#include <openrun/sim/scheduler.hpp>

namespace openrun::simulation {

class ResultsWatch final : public ports::Log {
 public:
  ResultsWatch(const sim::Scheduler& scheduler, ports::Log& log) : scheduler_(scheduler), log_(log) {}

  // When the result of this request was read for the first time.
  [[nodiscard]] std::optional<std::int64_t> read_at_us(Partition partition, Offset offset) const;

  // ---- ports::Log ----
  [[nodiscard]] Result<std::unique_ptr<ports::LogReader>> open(ports::Topic topic, Partition partition,
                                                               Offset from) override;
  [[nodiscard]] Result<Offset> offset_at(ports::Topic topic, Partition partition, Timestamp time,
                                         std::chrono::milliseconds timeout) override {
    return log_.offset_at(topic, partition, time, timeout);
  }
  [[nodiscard]] Result<std::int32_t> partitions(ports::Topic topic, std::chrono::milliseconds timeout) override {
    return log_.partitions(topic, timeout);
  }

 private:
  class Reader;
  struct Batch {
    Offset last_offset;
    std::int64_t read_us = 0;
  };
  void has_read(const ports::LogRecord& record);

  const sim::Scheduler& scheduler_;
  ports::Log& log_;
  std::map<Partition, std::map<Offset, Batch>> batches_;  // by first offset
};

}  // namespace openrun::simulation
