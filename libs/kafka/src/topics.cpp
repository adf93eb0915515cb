#include <array>

#include <openrun/kafka/kafka.hpp>

#include "admin.hpp"
#include "topic_rules.hpp"

namespace openrun::kafka {
namespace {

using std::chrono::milliseconds;

// Results and dead letters of request partition p live in their partition p: they must be there first.
constexpr std::array creation_order = {ports::Topic::results, ports::Topic::dead_letters, ports::Topic::requests};

Result<TopicFinding> create_one(Admin& admin, const std::string& name, const TopicSettings& settings) {
  const auto topic = admin.topic(name);
  if (!topic) return std::unexpected(topic.error());
  const auto wanted = std::to_string(settings.partitions);
  if (!topic->exists) {
    if (auto made =
            admin.create_topic(name, settings.partitions, settings.replication_factor, topic_configs_of(settings));
        !made)
      return std::unexpected(made.error());
    if (auto there = admin.wait_for(name, settings.partitions); !there) return std::unexpected(there.error());
    return TopicFinding{name, true, "created with " + wanted + " partitions"};
  }
  const auto now = std::to_string(topic->partitions);
  if (topic->partitions >= settings.partitions) return TopicFinding{name, true, "is there with " + now + " partitions"};
  if (auto grown = admin.grow_topic(name, settings.partitions); !grown) return std::unexpected(grown.error());
  if (auto there = admin.wait_for(name, settings.partitions); !there) return std::unexpected(there.error());
  return TopicFinding{name, true, "grown from " + now + " to " + wanted + " partitions"};
}

}  // namespace

Result<std::vector<TopicFinding>> create_topics(const Options& options, const TopicSettings& settings,
                                                milliseconds timeout) {
  if (settings.partitions < 1) return fail(Error::Kind::invalid, "a topic needs at least one partition");
  auto admin = Admin::make(options, timeout);
  if (!admin) return std::unexpected(admin.error());
  std::vector<TopicFinding> findings;
  for (const auto topic : creation_order) {
    const auto name = topic_name(options, topic);
    if (!name) return std::unexpected(name.error());
    // The first failure ends it: requests must never have more partitions than results and dead letters.
    auto finding = create_one(**admin, *name, settings);
    if (!finding) return std::unexpected(finding.error());
    findings.push_back(std::move(*finding));
  }
  return findings;
}

Result<std::vector<TopicFinding>> check_topics(const Options& options, const TopicSettings& settings,
                                               milliseconds timeout) {
  auto admin = Admin::make(options, timeout);
  if (!admin) return std::unexpected(admin.error());
  std::vector<TopicFinding> findings;
  std::int32_t request_partitions = 0;
  for (const auto topic : {ports::Topic::requests, ports::Topic::results, ports::Topic::dead_letters}) {
    const auto name = topic_name(options, topic);
    if (!name) return std::unexpected(name.error());
    auto description = (*admin)->topic(*name);
    if (!description) return std::unexpected(description.error());
    if (description->exists) {
      auto configs = (*admin)->topic_configs(*name);
      if (!configs) return std::unexpected(configs.error());
      description->configs = std::move(*configs);
    }
    auto wanted = settings;
    if (topic == ports::Topic::requests)
      request_partitions = description->partitions;
    else
      wanted.partitions = std::max(wanted.partitions, request_partitions);
    for (auto& finding : judge_topic(*name, *description, wanted)) findings.push_back(std::move(finding));
  }
  const auto brokers = (*admin)->broker_ids();
  if (!brokers) return std::unexpected(brokers.error());
  for (const auto broker : *brokers) findings.push_back(judge_broker(broker, (*admin)->broker_configs(broker)));
  return findings;
}

}  // namespace openrun::kafka
