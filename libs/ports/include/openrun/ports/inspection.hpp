// What Postgres and Kafka tell of themselves, for those who look before an event. Plain values, filled by libs/postgres
// and libs/kafka; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::ports {

// ---- the store ----

// Transactions, the oldest ones, and standbys.
inline constexpr std::int64_t inspected_rows_max = 32;

// A transaction that is not over; not the one that asks.
struct OpenTransaction {
  std::int64_t pid = 0;  // 0: a prepared one, which belongs to no process
  std::string name;      // application_name, or the name under which it was prepared
  std::string user;
  std::string database;
  std::int64_t open_ms = 0;
};

struct OpenTransactions {
  std::vector<OpenTransaction> open;  // the oldest first
  std::int64_t hidden = 0;            // sessions that this role may not see
};

struct Standby {
  std::string name;
  std::string state;       // streaming, catchup, ...
  std::string sync_state;  // async, potential, sync, quorum
  std::int64_t behind_bytes = 0;
};

struct Standbys {
  std::vector<Standby> connected;
  std::int64_t hidden = 0;
  bool commits_wait = false;  // synchronous_standby_names names some
};

// The log that the store writes its commits into.
struct StoreWal {
  std::int64_t segment_bytes = 0;
  std::int64_t kept_bytes = 0;  // min_wal_size
};

struct StoreConnections {
  std::int64_t used = 0;
  std::int64_t most = 0;  // for others than superusers
};

// What it takes to survive a crash: on or off, synchronous_commit also local, remote_write, remote_apply.
struct StoreDurability {
  std::string fsync;
  std::string full_page_writes;
  std::string synchronous_commit;
};

struct StoreArchive {
  bool is_on = false;
  std::optional<Timestamp> failing_since;  // the newest failure, where nothing was archived after it
};

// What could not be asked says why. invalid: the role lacks a right, which pg_monitor has; unavailable: it took too
// long, or a lock was not given; internal: anything else, as where the server does not know the question.
struct StoreServer {
  std::string role;  // who asks, and may lack a right
  Result<bool> is_writable;
  Result<StoreDurability> durability;
  Result<StoreWal> wal;
  Result<std::int64_t> segments_ahead;  // of it, made and not yet written to
  Result<StoreConnections> connections;
  Result<std::int64_t> backups;  // base backups that run now
  Result<OpenTransactions> transactions;
  Result<Standbys> standbys;
  Result<StoreArchive> archive;
};

// The two things that a daemon insists on at its start. Unavailable where Postgres could not be asked.
struct SchemaState {
  Result<void> steps;  // conflict: one is missing; not_found: all are; invalid: the schema is newer than this program
  Result<void> code_key;
};

// ---- the log ----

// A setting of a topic or a broker that is relied on.
struct TopicFinding {
  std::string topic;
  bool ok = false;
  std::string text;      // what is right or wrong
  std::string fix = {};  // NOLINT(readability-redundant-member-init): how to mend it, also where it is a warning alone

  [[nodiscard]] std::string whole() const { return fix.empty() ? text : text + "; mend it with: " + fix; }
};

struct LogPartitionState {
  Partition partition;
  bool has_leader = false;
  std::int32_t replicas = 0;
  std::int32_t in_sync = 0;
  std::optional<LogBounds> bounds;  // empty where the leader did not tell, or was not asked
};

struct GroupMember {
  std::string name;  // its static instance id, or the id that the broker gave it
  std::string host;
  std::vector<Partition> partitions;  // ascending
};

struct GroupState {
  bool is_stable = false;  // false: partitions are being dealt out, or there is no member
  std::vector<GroupMember> members;
};

struct LogState {
  std::map<Topic, Result<std::vector<LogPartitionState>>> topics;  // partitions ascending
  std::map<std::string, Result<GroupState>> groups;                // by their names
};

}  // namespace openrun::ports
