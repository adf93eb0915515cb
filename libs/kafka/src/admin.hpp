// What `openrun topics` and `openrun check` need of Kafka's Admin API. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/ports/inspection.hpp>

#include "client.hpp"

namespace openrun::kafka {

using ConfigMap = std::map<std::string, std::string>;

struct TopicDescription {
  bool exists = false;
  std::int32_t partitions = 0;
  std::map<std::int32_t, std::vector<std::int32_t>> replicas;  // which brokers hold each partition
  std::vector<std::int32_t> brokers;                           // which there are, ascending
  ConfigMap configs;

  // Of the partition that has fewest; 0 where there is none.
  [[nodiscard]] std::int32_t replicas_min() const;
};

class Admin {
 public:
  // Every call is bounded by what is left of `timeout`, counted from here.
  [[nodiscard]] static Result<std::unique_ptr<Admin>> make(const Options& options, std::chrono::milliseconds timeout);

  // Existence, partitions, replicas and brokers; no configs.
  [[nodiscard]] Result<TopicDescription> topic(const std::string& name);
  [[nodiscard]] Result<ConfigMap> topic_configs(const std::string& name);
  [[nodiscard]] Result<std::vector<std::int32_t>> broker_ids();
  [[nodiscard]] Result<ConfigMap> broker_configs(std::int32_t broker);

  // With the bounds of each where they are asked for and its leader tells them in a second; after the first one that
  // does not, nobody is asked.
  [[nodiscard]] Result<std::vector<ports::LogPartitionState>> partitions(const std::string& topic, bool with_bounds);
  // A group that nobody ever joined has no members. Members' partitions are those of `topic`.
  [[nodiscard]] Result<ports::GroupState> group(const std::string& name, const std::string& topic);

  [[nodiscard]] Result<void> create_topic(const std::string& name, std::int32_t partitions,
                                          std::int32_t replication_factor, const ConfigMap& configs);
  [[nodiscard]] Result<void> grow_topic(const std::string& name, std::int32_t partitions);
  // Waits until the brokers show the topic with at least so many partitions, each with a leader.
  [[nodiscard]] Result<void> wait_for(const std::string& name, std::int32_t partitions);

 private:
  explicit Admin(std::chrono::steady_clock::time_point deadline) : deadline_(deadline) {}

  [[nodiscard]] std::chrono::milliseconds left() const;
  [[nodiscard]] Result<ConfigMap> configs(rd_kafka_ResourceType_t type, const std::string& name);
  // The answer to the request that was just made; `what` says which, for the operator.
  [[nodiscard]] Result<EventPtr> answer(const std::string& what);

  std::chrono::steady_clock::time_point deadline_;
  std::shared_ptr<Client> client_;
  QueuePtr queue_;
};

}  // namespace openrun::kafka
