#include <openrun/kafka/inspection.hpp>

#include "admin.hpp"

namespace openrun::kafka {

Result<ports::LogState> inspect_log(const Options& options, const std::map<std::string, ports::Topic>& groups,
                                    std::chrono::milliseconds timeout) {
  auto admin = Admin::make(options, timeout);
  if (!admin) return std::unexpected(admin.error());
  if (const auto brokers = (*admin)->broker_ids(); !brokers) return std::unexpected(brokers.error());
  ports::LogState state;
  for (const auto topic : {ports::Topic::requests, ports::Topic::results, ports::Topic::dead_letters}) {
    const auto name = topic_name(options, topic);
    if (!name) return std::unexpected(name.error());
    state.topics.emplace(topic, (*admin)->partitions(*name, topic == ports::Topic::requests));
  }
  for (const auto& [group, topic] : groups) {
    const auto name = topic_name(options, topic);
    if (!name) return std::unexpected(name.error());
    state.groups.emplace(group, (*admin)->group(group, *name));
  }
  return state;
}

}  // namespace openrun::kafka
