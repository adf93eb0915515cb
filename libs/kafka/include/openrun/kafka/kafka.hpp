// The log ports over librdkafka 2.0.2. Apache Kafka's protocol names are used for settings.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/kafka/health.hpp>
#include <openrun/ports/inspection.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::kafka {

struct Options {
  std::string brokers;
  std::string client_id;
  std::map<ports::Topic, std::string> topics;  // names of the three topics
  std::chrono::microseconds linger{1'000};
  std::chrono::milliseconds delivery_timeout{5'000};
  std::int64_t queue_records_max = 200'000;
  std::int64_t queue_bytes_max = 256 * 1024 * 1024;
  std::chrono::milliseconds session_timeout{6'000};
  // How long the broker may collect before it answers a reader, for one that is in no hurry: each answer costs the
  // broker and both ends the same, however little is in it. 0: it answers as soon as there is a record.
  std::chrono::milliseconds read_gather{0};
  std::string instance_id;                   // static membership where not empty
  std::string password_file;                 // its first line is sasl.password, followed; empty: as `extra` says
  std::map<std::string, std::string> extra;  // passed to librdkafka as they are
  Health* health = nullptr;                  // where what keeps it out is told; outlives all made with these options
};

// An idempotent producer, acks=all; recreated in process after a fatal error (what was in flight is then `unknown`).
[[nodiscard]] Result<std::unique_ptr<ports::LogAppender>> make_appender(const Options& options, ports::Topic topic,
                                                                        ports::LogAppender::OnDeliveries on_deliveries,
                                                                        ports::Logger& logger);

[[nodiscard]] Result<std::unique_ptr<ports::Log>> make_log(const Options& options, ports::Logger& logger);

// `group` is the consumer group's name; assignment strategy `range`; nothing is consumed through it.
[[nodiscard]] Result<std::unique_ptr<ports::Membership>> make_membership(const Options& options, ports::Topic topic,
                                                                         const std::string& group,
                                                                         ports::Membership::Callbacks callbacks,
                                                                         ports::Logger& logger);

struct TopicSettings {
  std::int32_t partitions = 4;
  std::int32_t replication_factor = 1;
  std::int32_t min_insync_replicas = 1;
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;
  bool production = false;
};
using ports::TopicFinding;

// Creates what is missing and adds partitions (results and dead letters grow first); changes nothing else.
[[nodiscard]] Result<std::vector<TopicFinding>> create_topics(const Options& options, const TopicSettings& settings,
                                                              std::chrono::milliseconds timeout);
// LogAppendTime, delete policy, no size retention, no unclean election, no auto-create on the broker, enough
// partitions, max.message.bytes; in production replication 3 and min.insync.replicas 2.
[[nodiscard]] Result<std::vector<TopicFinding>> check_topics(const Options& options, const TopicSettings& settings,
                                                             std::chrono::milliseconds timeout);

}  // namespace openrun::kafka
