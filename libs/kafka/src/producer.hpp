// One idempotent librdkafka producer of one topic. The appender replaces it after a fatal error.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/ports/request_log.hpp>

#include "client.hpp"

namespace openrun::kafka {

// What one poll of the producer brought.
struct ProducerEvents {
  struct Answer {
    ports::Delivery delivery;
    bool outage = false;  // the log was down or slow, rather than this record being wrong
  };
  std::vector<Answer> answers;
  bool all_brokers_down = false;
  bool fatal = false;
  std::string reason;
};

// append() from one thread at a time, poll() from one other.
class Producer {
 public:
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  [[nodiscard]] static Result<std::unique_ptr<Producer>> make(const Options& options, const std::string& topic,
                                                              ports::Logger& logger);

  [[nodiscard]] Result<void> append(Partition partition, std::string_view key, std::string_view value,
                                    const ports::Headers& headers, std::uint64_t token);

  // What was appended so far goes now, not after the linger. Any thread; doesn't block.
  void send_now();

  // Waits for one event. One event carries the deliveries of a whole answer of the broker.
  void poll(std::chrono::milliseconds timeout, ProducerEvents& events);
  // Ends a poll() that waits, from any thread.
  void wake() { rd_kafka_queue_yield(events_.get()); }

  // Gives up everything that is queued or in flight; the deliveries come through poll().
  void purge();

  // Whether brokers answer and every partition of the topic has a leader.
  [[nodiscard]] bool connected(std::chrono::milliseconds timeout) const;

 private:
  Producer() = default;
  void run_sender();

  // Released in reverse order: the handle goes last.
  std::shared_ptr<Client> client_;
  std::string topic_name_;
  TopicPtr topic_;
  QueuePtr events_;

  // librdkafka ends its linger early only for who is inside its flush(), which waits for the broker's answers: so a
  // thread of its own is.
  std::mutex mutex_;
  std::condition_variable sender_wakes_;
  bool is_due_ = false;       // under mutex_
  bool is_stopping_ = false;  // under mutex_
  std::thread sender_;
};

}  // namespace openrun::kafka
