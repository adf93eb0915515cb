// Reads openrun.results: one thread and one ResultsReader a partition. A thin shell.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/results/results_reader.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

class ResultsFeed {
 public:
  using Hooks = ResultsHooks;
  using Timing = ResultsTiming;

  ResultsFeed(ports::Log& log, Hooks hooks, const ports::Clock& clock, ports::Logger& logger, const Settings& settings,
              Timing timing);
  ~ResultsFeed();
  ResultsFeed(const ResultsFeed&) = delete;
  ResultsFeed& operator=(const ResultsFeed&) = delete;

  // Before start(). How far back each partition has to be read at least (see ResultsReader); one that is missing here
  // is read from its beginning.
  void read_back(std::map<Partition, Timestamp> decided_until) { decided_until_ = std::move(decided_until); }
  void start();
  void stop();

  // Instead of start(), for who drives the feed on one thread of its own: looks for partitions, and makes one step of a
  // partition's reader (see ResultsReader::step).
  void look_for_partitions();
  [[nodiscard]] std::int32_t readers() const;
  [[nodiscard]] std::chrono::milliseconds step(Partition partition);

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
    Reader(Partition partition, ResultsReader::Parts parts, std::optional<Timestamp> decided_until)
        : reader(partition, parts, decided_until) {}
    ResultsReader reader;
    std::thread thread;
  };
  void add_readers(std::int32_t partitions);
  // True when it should stop.
  [[nodiscard]] bool pause(std::chrono::milliseconds time);

  ports::Log& log_;
  Hooks hooks_;
  const ports::Clock& clock_;
  ports::Logger& logger_;
  const Settings& settings_;
  Timing timing_;
  std::optional<std::map<Partition, Timestamp>> decided_until_;

  mutable std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  bool driven_ = true;  // until start()
  std::int32_t request_partitions_ = 0;
  std::vector<std::unique_ptr<Reader>> readers_;  // partition p at p
  mutable std::atomic<bool> was_ready_{false};    // asked by every poll: without the lock
  std::thread supervisor_;
};

}  // namespace openrun::gateway
