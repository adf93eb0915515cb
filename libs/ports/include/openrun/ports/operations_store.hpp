// What the store knows of the parts that run beside a gateway: for those who watch. Implemented by libs/postgres. One
// thread at a time; calls block, bounded by the statement time-out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/audit_results.hpp>

namespace openrun::ports {

// Counts that could grow without bound are not counted further than this.
inline constexpr std::int64_t watched_count_max = 10'000;

struct WatchedPartition {
  Partition partition;
  Epoch epoch;
  Offset next_offset;
  Offset published_through;                    // rows of the outbox before it are known to be in the results topic
  std::int64_t outbox_backlog = 0;             // rows that are not, at most watched_count_max
  std::int64_t open_dead_letters = 0;          // neither resolved nor given up, at most watched_count_max
  std::optional<Timestamp> committed_at;       // the newest batch that is kept; empty where none is
  std::optional<Timestamp> unpublished_since;  // the oldest row of the backlog; empty without one
};

// Connections of one part, by the name that it gave itself: "openrun-issuer/3/17" writes partition 3 under epoch 17.
struct WatchedConnections {
  std::string application;
  std::string address;  // of the client; empty for a local socket, or where this role may not see it
  std::int64_t connections = 0;
  Timestamp since;  // of the oldest
};

struct WatchedStore {
  Timestamp now;                                // by the store's clock, as all times here
  std::vector<WatchedPartition> partitions;     // ascending; at most 1,024
  std::vector<WatchedConnections> connections;  // by application and address; at most 4,096
  std::vector<AuditResult> audits;              // the newest of each kind that was ever kept
};

class OperationsStore {
 public:
  virtual ~OperationsStore() = default;
  // Of one moment.
  [[nodiscard]] virtual Result<WatchedStore> watch() = 0;
};

}  // namespace openrun::ports
