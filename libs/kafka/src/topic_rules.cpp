#include "topic_rules.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace openrun::kafka {
namespace {

// Kafka's own default. It holds a full batch of the producer (1,000,000 bytes), a batch of results and the largest dead
// letter.
constexpr std::int64_t message_bytes_min = 1'048'588;
constexpr std::int32_t production_replicas_min = 3;
constexpr std::int32_t production_insync_min = 2;

std::string value_of(const ConfigMap& configs, const std::string& key) {
  const auto found = configs.find(key);
  return found == configs.end() ? std::string("(not told)") : found->second;
}

std::optional<std::int64_t> number_of(const ConfigMap& configs, const std::string& key) {
  const auto found = configs.find(key);
  if (found == configs.end()) return std::nullopt;
  std::int64_t value = 0;
  const auto* end = found->second.data() + found->second.size();
  const auto [stop, code] = std::from_chars(found->second.data(), end, value);
  if (code != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::string how_to_set(const std::string& name, const std::string& setting) {
  return "kafka-configs.sh --bootstrap-server \"$OPENRUN_KAFKA\" --alter --topic " + name + " --add-config " + setting;
}

void judge_text(std::vector<TopicFinding>& findings, const std::string& name, const ConfigMap& configs,
                const std::string& key, const std::string& wanted, const std::string& why) {
  const auto value = value_of(configs, key);
  if (value == wanted) return;
  findings.push_back({name, false, key + " is " + value + " and must be " + wanted + ": " + why,
                      how_to_set(name, key + "=" + wanted)});
}

void judge_number(std::vector<TopicFinding>& findings, const std::string& name, const ConfigMap& configs,
                  const std::string& key, std::int64_t minimum, const std::string& why) {
  const auto value = number_of(configs, key);
  if (value && *value >= minimum) return;
  findings.push_back(
      {name, false,
       key + " is " + value_of(configs, key) + " and must be at least " + std::to_string(minimum) + ": " + why,
       how_to_set(name, key + "=" + std::to_string(minimum))});
}

// Each partition keeps the replicas that it has, and is given to brokers in turn until it has enough.
std::string how_to_replicate(const std::string& name, const TopicDescription& topic, std::int32_t wanted) {
  std::string plan;
  for (const auto& [partition, held] : topic.replicas) {
    std::vector<std::int32_t> replicas = held;
    for (std::size_t i = 0; i < topic.brokers.size() && std::ssize(replicas) < wanted; ++i) {
      const std::int32_t broker = topic.brokers[(static_cast<std::size_t>(partition) + i) % topic.brokers.size()];
      if (std::ranges::find(replicas, broker) == replicas.end()) replicas.push_back(broker);
    }
    std::string list;
    for (const std::int32_t broker : replicas) list += (list.empty() ? "" : ",") + std::to_string(broker);
    plan += (plan.empty() ? "" : ",");
    plan += R"({"topic":")" + name + R"(","partition":)" + std::to_string(partition) + R"(,"replicas":[)" + list + "]}";
  }
  return R"(echo '{"version":1,"partitions":[)" + plan +
         R"(]}' | kafka-reassign-partitions.sh --bootstrap-server "$OPENRUN_KAFKA" --execute )" +
         "--reassignment-json-file /dev/stdin";
}

// One finding at a time: min.insync.replicas can follow only what there are replicas for.
void judge_replicas(std::vector<TopicFinding>& findings, const std::string& name, const TopicDescription& topic,
                    const TopicSettings& settings) {
  const auto insync_min = settings.production ? std::max(settings.min_insync_replicas, production_insync_min)
                                              : settings.min_insync_replicas;
  const auto replicas_min = settings.production ? std::max(insync_min, production_replicas_min) : insync_min;
  const auto insync = number_of(topic.configs, "min.insync.replicas");
  const std::string stuck = !insync || *insync <= topic.replicas_min()
                                ? ""
                                : ": with min.insync.replicas " + std::to_string(*insync) + " nothing can be appended";
  if (topic.replicas_min() < replicas_min) {
    std::string text = "a partition has " + std::to_string(topic.replicas_min()) + " replicas and must have at least " +
                       std::to_string(replicas_min) + (settings.production ? " in production" : "") + stuck;
    const bool is_possible = std::ssize(topic.brokers) >= replicas_min;
    if (!is_possible) text += "; Kafka shows " + std::to_string(topic.brokers.size()) + " brokers";
    findings.push_back(
        {name, false, std::move(text),
         is_possible ? how_to_replicate(name, topic, replicas_min) : "docs/configuration.md#what-must-be-set"});
    return;
  }
  judge_number(findings, name, topic.configs, "min.insync.replicas", insync_min,
               "an acknowledged request must survive the loss of a broker");
  if (!stuck.empty())
    findings.push_back({name, false, "a partition has " + std::to_string(topic.replicas_min()) + " replicas" + stuck,
                        how_to_set(name, "min.insync.replicas=" + std::to_string(insync_min))});
}

}  // namespace

ConfigMap topic_configs_of(const TopicSettings& settings) {
  return {
      {"message.timestamp.type", "LogAppendTime"},
      {"cleanup.policy", "delete"},
      {"retention.bytes", "-1"},
      {"retention.ms", std::to_string(settings.retention_ms)},
      {"unclean.leader.election.enable", "false"},
      {"min.insync.replicas", std::to_string(settings.min_insync_replicas)},
      {"max.message.bytes", std::to_string(message_bytes_min)},
  };
}

std::vector<TopicFinding> judge_topic(const std::string& name, const TopicDescription& topic,
                                      const TopicSettings& settings) {
  std::vector<TopicFinding> findings;
  if (!topic.exists) return {{name, false, "does not exist", "openrun topics create"}};
  if (topic.partitions < settings.partitions)
    findings.push_back(
        {name, false,
         "has " + std::to_string(topic.partitions) + " partitions of " + std::to_string(settings.partitions),
         "openrun topics create"});
  judge_text(findings, name, topic.configs, "message.timestamp.type", "LogAppendTime",
             "decisions go by the time at which the broker took a record");
  judge_text(findings, name, topic.configs, "cleanup.policy", "delete",
             "compaction would remove requests of the same key");
  judge_text(findings, name, topic.configs, "retention.bytes", "-1",
             "a limit in bytes removes undecided requests when many come at once");
  judge_text(findings, name, topic.configs, "unclean.leader.election.enable", "false",
             "a leader that is behind would lose acknowledged requests");
  judge_number(findings, name, topic.configs, "max.message.bytes", message_bytes_min, "a producer's batch must fit");
  judge_replicas(findings, name, topic, settings);
  if (findings.empty())
    findings.push_back({name, true, std::to_string(topic.partitions) + " partitions, settings as they must be"});
  const auto retention = number_of(topic.configs, "retention.ms");
  if (retention && *retention != -1 && *retention < settings.retention_ms)
    findings.push_back({name, true,
                        "warning: retention.ms is " + std::to_string(*retention) + ", shorter than the configured " +
                            std::to_string(settings.retention_ms),
                        how_to_set(name, "retention.ms=" + std::to_string(settings.retention_ms))});
  return findings;
}

TopicFinding judge_broker(std::int32_t broker, const Result<ConfigMap>& configs) {
  const std::string name = "broker " + std::to_string(broker);
  if (!configs)
    return {
        name, true, "warning: auto.create.topics.enable could not be read (" + configs.error().message + ")",
        "kafka-configs.sh --bootstrap-server \"$OPENRUN_KAFKA\" --describe --all --broker " + std::to_string(broker)};
  const auto value = value_of(*configs, "auto.create.topics.enable");
  if (value == "false") return {name, true, "auto.create.topics.enable is false"};
  return {name, false,
          "auto.create.topics.enable is " + value +
              " and must be false: a topic that appears by itself has the wrong settings. A broker reads it when it "
              "starts: restart it behind the command, which goes to the end of its server.properties",
          "echo auto.create.topics.enable=false >>\"$SERVER_PROPERTIES\""};
}

}  // namespace openrun::kafka
