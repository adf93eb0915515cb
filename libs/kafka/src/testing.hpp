// What the tests of this library share. Linked by tests alone. Waits have deadlines.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <openrun/kafka/kafka.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/ports/testing/recording.hpp>

namespace openrun::kafka::testing {

using namespace std::chrono_literals;

inline constexpr std::chrono::seconds deadline_default{30};

// Asks again and again until it holds; false after the deadline.
inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds timeout = deadline_default) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::mutex mutex;
  std::condition_variable never;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::unique_lock lock(mutex);
    never.wait_for(lock, 2ms);
  }
  return true;
}

// Collects what an appender answers.
class Deliveries {
 public:
  [[nodiscard]] ports::LogAppender::OnDeliveries collector() {
    return [this](std::span<const ports::Delivery> batch) {
      {
        std::lock_guard lock(mutex_);
        all_.insert(all_.end(), batch.begin(), batch.end());
      }
      arrived_.notify_all();
    };
  }
  // All that came, once there are `count`, or after the deadline.
  [[nodiscard]] std::vector<ports::Delivery> wait_for(std::size_t count,
                                                      std::chrono::milliseconds timeout = deadline_default) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, timeout, [&] { return all_.size() >= count; });
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<ports::Delivery> all_;
};

inline Options options_for(std::string brokers, const std::string& prefix = "test") {
  Options options;
  options.brokers = std::move(brokers);
  options.client_id = "openrun-test";
  options.topics = {{ports::Topic::requests, prefix + ".requests"},
                    {ports::Topic::results, prefix + ".results"},
                    {ports::Topic::dead_letters, prefix + ".dead-letters"}};
  return options;
}

// librdkafka's own broker in this process. Its topics carry the producer's time.
class MockCluster {
 public:
  explicit MockCluster(int brokers = 1, int partitions = 2) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
    cluster_ = rd_kafka_mock_cluster_new(handle_, brokers);
    for (const auto& [topic, name] : options().topics)
      rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, brokers);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  [[nodiscard]] Options options() const { return options_for(rd_kafka_mock_cluster_bootstraps(cluster_)); }
  void down() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void up() { rd_kafka_mock_broker_set_up(cluster_, 1); }
  void answer_after(std::chrono::milliseconds time) {
    rd_kafka_mock_broker_set_rtt(cluster_, 1, static_cast<int>(time.count()));
  }
  // The next requests of this kind are answered so.
  void answer_with(std::int16_t api, std::vector<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, api, errors.size(), errors.data());
  }
  static constexpr std::int16_t api_produce = 0;
  static constexpr std::int16_t api_init_producer_id = 22;

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace openrun::kafka::testing
