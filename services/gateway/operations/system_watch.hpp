// How far every partition is: its log's end as Kafka tells it, its frontier and its backlogs as the store tells them.
// It is looked at when somebody asks, once a second at most, on the thread that asks; nobody asks, nothing is looked
// at.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/operations_store.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::gateway {

struct QueueState {
  ports::WatchedPartition stored;
  std::optional<Offset> log_end;  // empty while Kafka does not answer
  // The oldest undecided record is at most so old: since the end of the log was first seen beyond the frontier, which
  // is right to the interval of looking, or, where nobody looked before, as the log tells, right to a thirtieth. Empty
  // where the length is unknown; 0 where nothing waits.
  std::optional<std::int64_t> oldest_ms;

  [[nodiscard]] std::optional<std::int64_t> length() const {
    if (!log_end) return std::nullopt;
    return std::max<std::int64_t>(0, log_end->value - stored.next_offset.value);
  }
};

struct SystemState {
  Timestamp looked_at;                       // by this gateway's clock
  std::optional<ports::WatchedStore> store;  // empty where it did not answer
  std::vector<QueueState> queues;            // of the newest answer of the store
};

class SystemWatch {
 public:
  using Factory = std::function<std::unique_ptr<ports::OperationsStore>()>;
  // `log` and `clock` outlive it.
  SystemWatch(ports::Log& log, const ports::Clock& clock, Factory factory)
      : log_(log), clock_(clock), factory_(std::move(factory)) {}

  // Blocks for Kafka and the store where the last look is older than a second; while another thread looks, the state of
  // its last look. Empty before the first look is done. Any thread but an I/O thread.
  [[nodiscard]] std::optional<SystemState> look();

  static constexpr std::int64_t fresh_ms = 900;
  static constexpr std::chrono::milliseconds broker_timeout{1'000};
  // Who looked so long ago has not been watching.
  static constexpr std::int64_t watched_ms = 3'000;
  // Queues whose age the log is asked for in one look, each with age_questions_max questions at most.
  static constexpr int aged_queues_max = 16;
  static constexpr int age_questions_max = 25;
  // Ends of the log that are remembered of a partition, one a look.
  static constexpr std::size_t ends_kept = 600;

 private:
  struct Seen {
    Offset end;
    std::int64_t at_us;
  };
  struct Look {
    bool is_log_there = true;
    int ages_left = 0;  // queues whose age the log may still be asked for
  };
  [[nodiscard]] SystemState look_now(bool was_watching);
  [[nodiscard]] QueueState queue_of(const ports::WatchedPartition& stored, Look& look);
  // How old the record at the frontier is, by the log's times.
  [[nodiscard]] std::int64_t age_ms(const ports::WatchedPartition& stored);
  void remember(const ports::WatchedPartition& stored, Offset end, std::int64_t now_us);

  ports::Log& log_;
  const ports::Clock& clock_;
  Factory factory_;
  std::mutex looking_;  // held while one looks: guards what follows
  std::unique_ptr<ports::OperationsStore> store_;
  std::map<Partition, std::deque<Seen>> ends_;
  std::mutex mutex_;  // guards what follows
  std::optional<SystemState> state_;
  std::int64_t looked_us_ = 0;
};

}  // namespace openrun::gateway
