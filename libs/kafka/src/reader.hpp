// Reads one partition through a librdkafka handle of its own, by the simple consumer (no group).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openrun/ports/request_log.hpp>

#include "client.hpp"

namespace openrun::kafka {

// The first offset whose record is not older than `time` (ms since 1970); negative where there is none. librdkafka's
// names for the two ends of a partition are allowed as well. Any thread.
[[nodiscard]] Result<std::int64_t> query_offset(const Client& client, const std::string& topic, Partition partition,
                                                std::int64_t time, std::chrono::milliseconds timeout);

// The watermarks of one partition, asked of its leader. Any thread.
[[nodiscard]] Result<ports::LogBounds> query_bounds(const Client& client, const std::string& topic, Partition partition,
                                                    std::chrono::milliseconds timeout);

// The messages of one poll. They keep their handle, so a batch may outlive its reader.
struct MessageBatch {
  explicit MessageBatch(std::shared_ptr<Client> handle) : client(std::move(handle)) {}
  ~MessageBatch();
  MessageBatch(const MessageBatch&) = delete;
  MessageBatch& operator=(const MessageBatch&) = delete;

  std::shared_ptr<Client> client;
  std::vector<rd_kafka_message_t*> messages;
};

class Reader final : public ports::LogReader {
 public:
  // `questions`: another handle, for what is asked about the log. On the reader's own connection a question would wait
  // behind the fetch that the broker holds back until a record comes.
  [[nodiscard]] static Result<std::unique_ptr<ports::LogReader>> open(const Options& options, const std::string& topic,
                                                                      Partition partition, Offset from,
                                                                      std::shared_ptr<Client> questions,
                                                                      ports::Logger& logger);
  ~Reader() override;

  [[nodiscard]] Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds timeout) override;
  [[nodiscard]] Result<ports::LogBounds> bounds(std::chrono::milliseconds timeout) override;
  [[nodiscard]] ports::Headers headers(const ports::LogRecord& record) const override;
  // The mark stays until a poll() has seen it: a wake that comes just before the wait is not lost.
  void wake() override;

 private:
  Reader(std::string topic, Partition partition, Offset from, std::shared_ptr<Client> questions, ports::Logger& logger)
      : topic_name_(std::move(topic)),
        partition_(partition),
        next_(from),
        questions_(std::move(questions)),
        logger_(logger) {}

  void take(rd_kafka_message_t* message, MessageBatch& batch);
  void drain(std::size_t records_max, MessageBatch& batch);
  [[nodiscard]] ports::LogBatch to_log_batch(std::shared_ptr<MessageBatch> batch);
  void probe(std::chrono::milliseconds timeout);
  void lose(const std::string& why);

  const std::string topic_name_;
  const Partition partition_;
  Offset next_;  // the offset that the next record has at least
  const std::shared_ptr<Client> questions_;
  ports::Logger& logger_;

  std::optional<Error> lost_;     // final: the position is outside the log
  std::optional<Error> trouble_;  // the broker cannot be reached, until it answers again
  std::chrono::steady_clock::time_point next_probe_;
  bool told_of_time_type_ = false;

  // Released in reverse order: the handle goes last.
  std::shared_ptr<Client> client_;
  TopicPtr topic_;
  QueuePtr queue_;
  bool started_ = false;
  std::shared_ptr<MessageBatch> last_;
  std::vector<rd_kafka_message_t*> scratch_;
};

}  // namespace openrun::kafka
