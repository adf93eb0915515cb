// The shell around the relay's loop of one partition: one thread that performs its actions, and no rules.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/outbox.hpp>
#include <openrun/ports/request_log.hpp>

#include "relay/fill_spans.hpp"
#include "relay/loop.hpp"

namespace openrun::relay {

// What all partitions of a process share; outlives them. Used from any thread.
struct RelayParts {
  ports::Log& log;
  ports::LogAppender& results;
  ports::LogAppender& dead_letters;
  ports::Clock& clock;
  ports::Logger& logger;
  ports::Metrics& metrics;
  std::string requests_topic;        // its name, for the headers of dead letters
  ports::SpanSink* spans = nullptr;  // null: tracing is off
};

// Every member may be called from any thread.
class PartitionRelay {
 public:
  // Starts the thread.
  PartitionRelay(Partition partition, RelayParts parts, std::unique_ptr<ports::Outbox> outbox,
                 const LoopSettings& settings, std::uint64_t first_token);
  // Saves the cursor and joins the thread; a call to the store that is under way is waited for.
  ~PartitionRelay();
  PartitionRelay(const PartitionRelay&) = delete;
  PartitionRelay& operator=(const PartitionRelay&) = delete;

  // Standing by at first.
  void set_owner(bool owner);
  void deliver(const ports::Delivery& delivery);
  // The tail was read once to its end: what is missing in the topic is known.
  [[nodiscard]] LoopStatus status() const;
  // Shows how long no row was published though some may wait, and returns it in microseconds. It does not depend on the
  // thread, which may be what is stuck.
  std::int64_t show_progress();

 private:
  void run();
  void perform(const Action& action);
  void open_tail(const OpenTail& action);
  void read_tail(const ReadTail& action);
  void publish(const PublishRow& action);
  void publish(const PublishDeadLetter& action);
  void wait_for(std::int64_t duration_us);
  void drain_deliveries();
  void show_status();
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] Now now() const;

  const Partition partition_;
  const RelayParts parts_;
  const std::unique_ptr<ports::Outbox> outbox_;
  RelayLoop loop_;  // the thread's own
  std::optional<FillSpans> spans_;
  std::unique_ptr<ports::LogReader> reader_;
  Offset position_;
  std::atomic<bool> owner_{false};
  std::string told_trouble_;
  LoopStatus shown_;
  ports::Gauge& owned_;
  ports::Gauge& backlog_;
  ports::Gauge& cursor_;
  ports::Gauge& no_progress_;
  ports::Counter& filled_;
  ports::Counter& exported_;
  ports::Counter& pruned_;

  mutable std::mutex mutex_;
  std::condition_variable wakes_;
  std::vector<ports::Delivery> deliveries_;
  LoopStatus status_;
  bool stopping_ = false;
  ports::LogReader* waking_ = nullptr;  // the reader that may be in poll()
  std::thread thread_;
};

}  // namespace openrun::relay
