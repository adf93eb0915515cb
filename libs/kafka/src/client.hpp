// What every part of this library shares: one librdkafka handle with its settings, and the translation of its errors.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>

#include <openrun/base/result.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/ports/log.hpp>

#include "password.hpp"
#include "refusals.hpp"

namespace openrun::kafka {

struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct TopicDeleter {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct PartitionListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
struct MetadataDeleter {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, TopicDeleter>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, EventDeleter>;
using PartitionListPtr = std::unique_ptr<rd_kafka_topic_partition_list_t, PartitionListDeleter>;
using MetadataPtr = std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter>;

// How one kind of handle differs from the others.
struct ClientSettings {
  rd_kafka_type_t type = RD_KAFKA_CONSUMER;
  // Defaults that Options::extra may override.
  std::vector<std::pair<std::string, std::string>> tuning;
  // What the ports promise: Options::extra may not name these.
  std::vector<std::pair<std::string, std::string>> guarantees;
  int events = 0;  // RD_KAFKA_EVENT_*
  // Called on the thread that polls the handle. Empty: librdkafka logs its errors instead.
  std::function<void(rd_kafka_resp_err_t, const char* reason)> on_error;
  // Consumer groups only; called on the thread that polls the handle.
  std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> on_rebalance;
};

// Owns a handle. librdkafka needs it to outlive every message, queue and topic of it; the destructor blocks until its
// threads have ended. get() may be used from any thread.
class Client {
 public:
  // `logger` may be null: log lines are then dropped. Error::Kind::invalid names the setting that librdkafka refused.
  [[nodiscard]] static Result<std::shared_ptr<Client>> make(const Options& options, ClientSettings settings,
                                                            ports::Logger* logger);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }

  // Asks the brokers about one topic. Unknown topics are a not_found that says how to make them.
  [[nodiscard]] Result<MetadataPtr> metadata(const std::string& topic, std::chrono::milliseconds timeout) const;

  // To be called before whatever may have to connect, as often as one likes: the next connection is made with the
  // password that stands in Options::password_file now. Any thread.
  void follow_password() const;
  // A broker has answered: whatever kept this handle out is over. Any thread.
  void served() const { refusals_->served(); }
  // The error, with what keeps this handle out behind it.
  [[nodiscard]] Error explained(Error error) const { return refusals_->explained(std::move(error)); }

 private:
  Client() = default;
  [[nodiscard]] rd_kafka_resp_err_t ask(rd_kafka_topic_t* topic, const rd_kafka_metadata_t*& raw,
                                        std::chrono::milliseconds timeout) const;
  friend struct Trampoline;

  rd_kafka_t* handle_ = nullptr;
  ports::Logger* logger_ = nullptr;
  ClientSettings settings_;
  std::string user_;
  std::unique_ptr<FollowedPassword> password_;  // empty where it does not stand in a file
  std::unique_ptr<Refusals> refusals_;
};

[[nodiscard]] Result<std::string> topic_name(const Options& options, ports::Topic topic);

// `what` says what was being done, for the operator.
[[nodiscard]] Error to_error(rd_kafka_resp_err_t code, const std::string& what);

// Errors that come from a broker which is gone, slow or not the leader: the same call may succeed later.
[[nodiscard]] bool is_outage(rd_kafka_resp_err_t code);

// librdkafka takes its time-outs as int; negative would mean for ever.
[[nodiscard]] int timeout_ms(std::chrono::milliseconds timeout);

}  // namespace openrun::kafka
