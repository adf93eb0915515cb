// Tests against a real broker: OPENRUN_TEST_KAFKA names it. Each test has topics and a group of its own.
#pragma once

#include <chrono>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "admin.hpp"
#include "testing.hpp"

namespace openrun::kafka::testing {

inline constexpr std::chrono::seconds admin_timeout{30};

class BrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* brokers = std::getenv("OPENRUN_TEST_KAFKA");  // style: allow getenv, for tests
    if (brokers == nullptr || *brokers == '\0') GTEST_SKIP() << "OPENRUN_TEST_KAFKA names no broker";
    prefix = "test-" + std::to_string(getpid()) + "-" +
             std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    options = options_for(brokers, prefix);
    options.session_timeout = 2'000ms;
  }
  void TearDown() override {
    if (!options.brokers.empty())
      for (const auto& [topic, name] : options.topics) delete_topic(name);
  }

  void create(std::int32_t partitions = 2) {
    const auto made = create_topics(options, {.partitions = partitions}, admin_timeout);
    ASSERT_TRUE(made) << made.error().message;
  }

  // What no part of openrun does, and operators may.
  void delete_topic(const std::string& name) {
    with_admin([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
      rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(name.c_str());
      rd_kafka_DeleteTopics(handle, &topic, 1, nullptr, queue);
      rd_kafka_DeleteTopic_destroy(topic);
    });
  }
  void delete_records_before(const std::string& name, std::int32_t partition, std::int64_t offset) {
    with_admin([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
      rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
      rd_kafka_topic_partition_list_add(list, name.c_str(), partition)->offset = offset;
      rd_kafka_DeleteRecords_t* records = rd_kafka_DeleteRecords_new(list);
      rd_kafka_DeleteRecords(handle, &records, 1, nullptr, queue);
      rd_kafka_DeleteRecords_destroy(records);
      rd_kafka_topic_partition_list_destroy(list);
    });
  }
  void alter_topic(const std::string& name, const std::string& key, const std::string& value) {
    with_admin([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
      rd_kafka_ConfigResource_t* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str());
      rd_kafka_ConfigResource_set_config(resource, key.c_str(), value.c_str());
      rd_kafka_AlterConfigs(handle, &resource, 1, nullptr, queue);
      rd_kafka_ConfigResource_destroy(resource);
    });
  }

  std::string name_of(ports::Topic topic) const { return options.topics.at(topic); }

  // Stores `count` records and returns their deliveries.
  std::vector<ports::Delivery> store(std::size_t count, Partition partition = Partition{0},
                                     const ports::Headers& headers = {}) {
    Deliveries deliveries;
    {
      auto appender = make_appender(options, ports::Topic::requests, deliveries.collector(), logger).value();
      for (std::size_t i = 0; i < count; ++i)
        EXPECT_TRUE(appender->append(partition, "1", "value " + std::to_string(i), headers, i));
      EXPECT_TRUE(appender->flush(deadline_default));
    }
    auto got = deliveries.wait_for(count, 0ms);
    for (const auto& delivery : got) EXPECT_EQ(delivery.fate, ports::Delivery::Fate::stored);
    return got;
  }

  Options options;
  std::string prefix;
  ports::testing::RecordingLogger logger;

 private:
  template <class Ask>
  void with_admin(Ask ask) {
    auto client = Client::make(options, ClientSettings(), nullptr).value();
    const QueuePtr queue(rd_kafka_queue_new(client->get()));
    ask(client->get(), queue.get());
    const EventPtr event(rd_kafka_queue_poll(queue.get(), 20'000));
    ASSERT_TRUE(event);
    ASSERT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR)
        << rd_kafka_event_error_string(event.get());
  }
};

}  // namespace openrun::kafka::testing
