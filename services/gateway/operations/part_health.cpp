#include "gateway/operations/part_health.hpp"

#include <algorithm>

namespace openrun::gateway {
namespace {

std::string seconds_text(std::int64_t ms) {
  return std::to_string(ms / 1'000) + " s";
}

bool is_connected(const ports::WatchedStore& store, std::string_view application) {
  return std::ranges::any_of(store.connections, [&](const auto& one) { return one.application == application; });
}

PartHealth issuer_health(const SystemState& state) {
  for (const QueueState& queue : state.queues) {
    const std::string number = std::to_string(queue.stored.partition.value);
    const auto idle_ms = committed_ms_ago(*state.store, queue.stored);
    const bool is_idle = !idle_ms || *idle_ms > progress_ms_max;
    if (is_idle && queue.oldest_ms.value_or(0) > progress_ms_max) {
      return {"issuer", PartState::trouble,
              "Partition " + number + " makes no progress: its oldest request has waited for " +
                  seconds_text(*queue.oldest_ms) + "."};
    }
    if (writer_of(*state.store, queue.stored) == nullptr)
      return {"issuer", PartState::trouble, "Nobody is connected who writes partition " + number + "."};
  }
  return {"issuer", PartState::ok, {}};
}

PartHealth relay_health(const SystemState& state) {
  if (!is_connected(*state.store, "openrun-relay"))
    return {"relay", PartState::trouble, "No relay is connected to Postgres."};
  for (const QueueState& queue : state.queues) {
    if (!queue.stored.unpublished_since) continue;
    const std::int64_t late_ms = state.store->now.value - queue.stored.unpublished_since->value;
    if (late_ms <= progress_ms_max) continue;
    return {"relay", PartState::trouble,
            "Partition " + std::to_string(queue.stored.partition.value) +
                " has outcomes that are not known to be published for " + seconds_text(late_ms) + "."};
  }
  return {"relay", PartState::ok, {}};
}

}  // namespace

std::string_view to_string(PartState state) {
  switch (state) {
    case PartState::ok:
      return "ok";
    case PartState::trouble:
      return "trouble";
    case PartState::unknown:
      break;
  }
  return "unknown";
}

std::vector<PartHealth> health_of_parts(const std::optional<SystemState>& state, const Observed& observed,
                                        const Settings& settings) {
  const auto told = [](std::string_view name, const std::string& trouble) {
    return PartHealth{name, trouble.empty() ? PartState::ok : PartState::trouble, trouble};
  };
  const std::vector<std::string> reasons = not_ready_reasons(observed, settings);
  std::vector<PartHealth> parts{told("gateway", reasons.empty() ? std::string() : reasons.front()),
                                told("log", observed.log_trouble), told("store", observed.store_trouble)};
  if (!state || !state->store) {
    for (const std::string_view name : {"issuer", "relay", "reconciler"})
      parts.push_back({name, PartState::unknown, "Postgres does not tell."});
    return parts;
  }
  parts.push_back(issuer_health(*state));
  parts.push_back(relay_health(*state));
  parts.push_back(is_connected(*state->store, "openrun-reconciler")
                      ? PartHealth{"reconciler", PartState::ok, {}}
                      : PartHealth{"reconciler", PartState::trouble, "No reconciler is connected to Postgres."});
  return parts;
}

const ports::WatchedConnections* writer_of(const ports::WatchedStore& store, const ports::WatchedPartition& partition) {
  const std::string name =
      "openrun-issuer/" + std::to_string(partition.partition.value) + "/" + std::to_string(partition.epoch.value);
  const auto found = std::ranges::find_if(store.connections, [&](const auto& one) { return one.application == name; });
  return found == store.connections.end() ? nullptr : &*found;
}

std::optional<std::int64_t> committed_ms_ago(const ports::WatchedStore& store,
                                             const ports::WatchedPartition& partition) {
  if (!partition.committed_at) return std::nullopt;
  return std::max<std::int64_t>(0, store.now.value - partition.committed_at->value);
}

}  // namespace openrun::gateway
