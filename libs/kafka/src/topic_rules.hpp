// What openrun insists on for its topics, as a pure function of what Kafka says about them.
#pragma once

#include <string>
#include <vector>

#include <openrun/kafka/kafka.hpp>

#include "admin.hpp"

namespace openrun::kafka {

// The settings with which `openrun topics create` makes a topic.
[[nodiscard]] ConfigMap topic_configs_of(const TopicSettings& settings);

// One finding for everything that is wrong; a single good one where nothing is.
[[nodiscard]] std::vector<TopicFinding> judge_topic(const std::string& name, const TopicDescription& topic,
                                                    const TopicSettings& settings);

// `configs`: of one broker. Topics that appear by themselves have the wrong settings.
[[nodiscard]] TopicFinding judge_broker(std::int32_t broker, const Result<ConfigMap>& configs);

}  // namespace openrun::kafka
