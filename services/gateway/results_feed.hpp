// Reads openrun.results: one thread a partition, from window_age_s back on, for ever. A thin shell; what is read goes
// to `apply`.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/results_progress.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

class ResultsFeed {
 public:
  struct Hooks {
    // On the partition's reader thread. `live`: the end seen at start was reached before this record.
    std::function<void(const wire::ResultBatch&, bool live)> apply;
    // The partition retains no record at all: where the issuer stands must come from elsewhere.
    std::function<void(Partition)> nothing_retained;
    // openrun.requests has this many partitions; called when it changes, and never with fewer than before.
    std::function<void(std::int32_t)> request_partitions;
  };
  struct Timing {
    std::chrono::milliseconds poll{100};
    std::chrono::milliseconds sample{1'000};  // between two looks at a partition's end
    std::chrono::milliseconds broker{1'000};  // for one question to the broker
    std::chrono::milliseconds retry{200};
    std::chrono::milliseconds partitions{5'000};  // between two looks for new partitions
  };

  ResultsFeed(ports::Log& log, Hooks hooks, const ports::Clock& clock, ports::Logger& logger, const Settings& settings,
              Timing timing);
  ~ResultsFeed();
  ResultsFeed(const ResultsFeed&) = delete;
  ResultsFeed& operator=(const ResultsFeed&) = delete;

  void start();
  void stop();

  // Any thread. Every partition was once read to the end that it had when it was opened first; once true, it stays so.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] std::int64_t behind_us() const;
  struct PartitionLag {
    Partition partition;
    std::int64_t records;
    std::int64_t behind_us;
  };
  [[nodiscard]] std::vector<PartitionLag> lags() const;

 private:
  struct Reader {
    Partition partition;
    ResultsProgress progress;
    std::thread thread;
  };
  void look_for_partitions();
  void add_readers(std::int32_t partitions);
  void run(Reader& reader);
  [[nodiscard]] std::unique_ptr<ports::LogReader> open(Reader& reader, bool from_beginning);
  void read(Reader& reader, ports::LogReader& log_reader, bool& out_of_range);
  void apply(Reader& reader, const ports::LogRecord& record);
  // True when it should stop.
  [[nodiscard]] bool pause(std::chrono::milliseconds time);

  ports::Log& log_;
  Hooks hooks_;
  const ports::Clock& clock_;
  ports::Logger& logger_;
  const Settings& settings_;
  Timing timing_;

  mutable std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  std::int32_t request_partitions_ = 0;
  std::vector<std::unique_ptr<Reader>> readers_;  // partition p at p
  mutable std::atomic<bool> was_ready_{false};    // asked by every poll: without the lock
  std::thread supervisor_;
};

}  // namespace openrun::gateway
