// What can be said of each part from what the store, the log and this gateway tell. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/operations/system_watch.hpp"
#include "gateway/readiness.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

enum class PartState : std::uint8_t { ok, trouble, unknown };
[[nodiscard]] std::string_view to_string(PartState state);

struct PartHealth {
  std::string_view name;  // gateway, log, store, issuer, relay, reconciler
  PartState state = PartState::unknown;
  std::string detail;  // one sentence, fit for anybody's eyes; empty where there is nothing to say
};

// A partition in which something waits and nothing was committed for so long makes no progress; a row of the outbox
// that is not known to be published for so long is late.
inline constexpr std::int64_t progress_ms_max = 10'000;

[[nodiscard]] std::vector<PartHealth> health_of_parts(const std::optional<SystemState>& state, const Observed& observed,
                                                      const Settings& settings);

// The connections of who writes this partition under its present epoch; null where nobody does.
[[nodiscard]] const ports::WatchedConnections* writer_of(const ports::WatchedStore& store,
                                                         const ports::WatchedPartition& partition);
// Milliseconds since the newest commit of the partition; empty where none is kept.
[[nodiscard]] std::optional<std::int64_t> committed_ms_ago(const ports::WatchedStore& store,
                                                           const ports::WatchedPartition& partition);

}  // namespace openrun::gateway
