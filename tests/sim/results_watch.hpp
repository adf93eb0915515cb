// The log as one gateway sees it, which remembers when that gateway has learned which results, there or past it. One
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include <openrun/ports/request_log.hpp>
#include <openrun/sim/scheduler.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::simulation {

class ResultsWatch final : public ports::Log {
 public:
  ResultsWatch(const sim::Scheduler& scheduler, ports::Log& log) : scheduler_(scheduler), log_(log) {}

  // The gateway has read it, or heard it past the log; true: for the first time.
  bool learned(const wire::ResultBatch& batch);
  // When the result of this request was learned.
  [[nodiscard]] std::optional<std::int64_t> learned_at_us(Partition partition, Offset offset) const;
  // The highest offset of which that is known; -1 where there is none.
  [[nodiscard]] Offset newest(Partition partition) const;

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
    std::int64_t learned_us = 0;
  };

  const sim::Scheduler& scheduler_;
  ports::Log& log_;
  std::map<Partition, std::map<Offset, Batch>> batches_;  // by first offset
};

}  // namespace openrun::simulation
