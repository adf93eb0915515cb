#include <memory>
#include <string>
#include <utility>

#include <openrun/postgres/operations_store.hpp>

#include "audit_result_row.hpp"
#include "session.hpp"

namespace openrun::postgres {
namespace {

// Every look-up goes by an index and ends after watched_count_max rows: this is asked every second.
const Statement watched_partitions{
    "watched_partitions",
    "SELECT checkpoint.partition, checkpoint.epoch, checkpoint.next_offset, progress.through, "
    "(SELECT count(*) FROM (SELECT FROM outbox WHERE outbox.partition = checkpoint.partition AND "
    "first_offset >= progress.through LIMIT $1) AS behind), "
    "(SELECT count(*) FROM (SELECT FROM dead_letter WHERE dead_letter.partition = checkpoint.partition AND "
    "final_offset IS NULL AND discarded_at IS NULL LIMIT $1) AS open), "
    "(SELECT created_at FROM outbox WHERE outbox.partition = checkpoint.partition ORDER BY first_offset DESC LIMIT 1), "
    "(SELECT created_at FROM outbox WHERE outbox.partition = checkpoint.partition AND "
    "first_offset >= progress.through ORDER BY first_offset LIMIT 1), now() "
    "FROM partition_checkpoint AS checkpoint LEFT JOIN relay_progress USING (partition) "
    "CROSS JOIN LATERAL (SELECT coalesce(relay_progress.published_through, 0) AS through) AS progress "
    "ORDER BY checkpoint.partition LIMIT 1024"};

const Statement watched_connections{
    "watched_connections",
    "SELECT application_name, coalesce(host(client_addr), '') AS address, count(*), min(backend_start), now() "
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'openrun-%' "
    "GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 4096"};

ports::WatchedPartition read_partition(const Rows& rows, int row) {
  ports::WatchedPartition partition;
  partition.partition = Partition{static_cast<std::int32_t>(rows.at(row, 0).integer())};
  partition.epoch = Epoch{rows.at(row, 1).integer()};
  partition.next_offset = Offset{rows.at(row, 2).integer()};
  partition.published_through = Offset{rows.at(row, 3).integer()};
  partition.outbox_backlog = rows.at(row, 4).integer();
  partition.open_dead_letters = rows.at(row, 5).integer();
  partition.committed_at = rows.at(row, 6).timestamp_or_null();
  partition.unpublished_since = rows.at(row, 7).timestamp_or_null();
  return partition;
}

class PostgresOperationsStore final : public ports::OperationsStore {
 public:
  PostgresOperationsStore(const Options& options, ports::Logger& logger) : session_(options, logger) {}

  Result<ports::WatchedStore> watch() override {
    Parameters parameters;
    parameters.int8(ports::watched_count_max);
    return session_.run_in_snapshot([&](Connection& connection) -> Sql<ports::WatchedStore> {
      ports::WatchedStore watched;
      const auto partitions = connection.query(watched_partitions, parameters);
      if (!partitions) return std::unexpected(partitions.error());
      const auto connections = connection.query(watched_connections);
      if (!connections) return std::unexpected(connections.error());
      const auto audits = connection.query(newest_audit_results);
      if (!audits) return std::unexpected(audits.error());
      for (int row = 0; row < audits->size(); ++row) watched.audits.push_back(read_audit_result(*audits, row));
      for (int row = 0; row < partitions->size(); ++row) watched.partitions.push_back(read_partition(*partitions, row));
      for (int row = 0; row < connections->size(); ++row) {
        watched.now = connections->at(row, 4).timestamp();
        watched.connections.push_back({connections->at(row, 0).string(), connections->at(row, 1).string(),
                                       connections->at(row, 2).integer(), connections->at(row, 3).timestamp()});
      }
      return watched;
    });
  }

 private:
  Session session_;
};

}  // namespace

std::unique_ptr<ports::OperationsStore> make_operations_store(const Options& options, ports::Logger& logger) {
  return std::make_unique<PostgresOperationsStore>(options, logger);
}

}  // namespace openrun::postgres
