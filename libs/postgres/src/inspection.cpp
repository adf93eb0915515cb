#include <string_view>
#include <utility>

#include <openrun/postgres/inspection.hpp>

#include "session.hpp"

namespace openrun::postgres {
namespace {

const Statement inspected_role{"inspect_role", "SELECT current_user::text"};

const Statement inspected_is_writable{
    "inspect_writable", "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'"};

const Statement inspected_durability{"inspect_durability",
                                     "SELECT current_setting('fsync'), current_setting('full_page_writes'), "
                                     "current_setting('synchronous_commit')"};

const Statement inspected_wal{"inspect_wal",
                              "SELECT pg_size_bytes(current_setting('wal_segment_size')), "
                              "pg_size_bytes(current_setting('min_wal_size'))"};

// As config/postgres/wal-ahead.sql counts them.
const Statement inspected_segments_ahead{"inspect_segments_ahead",
                                         "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND "
                                         "name > pg_walfile_name(pg_current_wal_insert_lsn())"};

// reserved_connections is of version 16.
const Statement inspected_connections{"inspect_connections",
                                      "SELECT (SELECT sum(numbackends) FROM pg_stat_database)::bigint, "
                                      "current_setting('max_connections')::bigint - "
                                      "current_setting('superuser_reserved_connections')::bigint - "
                                      "coalesce(current_setting('reserved_connections', true), '0')::bigint"};

const Statement inspected_backups{"inspect_backups", "SELECT count(*) FROM pg_stat_progress_basebackup"};

const Statement inspected_transactions{
    "inspect_transactions",
    "SELECT pid, name, role, database, (extract(epoch FROM clock_timestamp() - since) * 1000)::bigint FROM ("
    "SELECT pid, application_name AS name, usename::text AS role, coalesce(datname, '')::text AS database, xact_start "
    "AS since FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid() "
    "UNION ALL SELECT 0, gid, owner::text, database::text, prepared FROM pg_prepared_xacts) AS open "
    "ORDER BY since LIMIT $1"};

// Without the right to see a session its kind is not told.
const Statement inspected_hidden_sessions{
    "inspect_hidden_sessions",
    "SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND backend_type IS NULL"};

// A base backup is told apart. What receives the log without replaying it has nothing to replay.
const Statement inspected_standbys{
    "inspect_standbys",
    "SELECT coalesce(application_name, ''), state, coalesce(sync_state, ''), "
    "coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, flush_lsn)), 0)::bigint "
    "FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup' ORDER BY 1 LIMIT $1"};
const Statement inspected_commits_wait{"inspect_commits_wait",
                                       "SELECT current_setting('synchronous_standby_names') <> ''"};

const Statement inspected_archive{
    "inspect_archive",
    "SELECT current_setting('archive_mode') <> 'off', CASE WHEN last_failed_time > "
    "coalesce(last_archived_time, '-infinity') THEN last_failed_time END FROM pg_stat_archiver"};

// Without to_error()'s hint: what is asked for here is Postgres's own, and no schema of openrun mends it.
Error refusal_of(const Failure& failure) {
  constexpr std::string_view insufficient_privilege = "42501";
  if (failure.sqlstate == insufficient_privilege) return {Error::Kind::invalid, failure.message};
  const bool was_late = to_error(failure).kind == Error::Kind::unavailable;
  return {was_late ? Error::Kind::unavailable : Error::Kind::internal, failure.message};
}

// The server's refusal is an answer; that it does not answer is none.
template <class Read>
auto ask(Connection& connection, const Statement& statement, const Parameters& parameters, Read read)
    -> Sql<Result<std::invoke_result_t<Read, const Rows&>>> {
  using Answer = Result<std::invoke_result_t<Read, const Rows&>>;
  auto rows = connection.query(statement, parameters);
  if (rows) return Answer(read(*rows));
  if (rows.error().cause != Failure::Cause::statement) return std::unexpected(std::move(rows.error()));
  return Answer(std::unexpected(refusal_of(rows.error())));
}

bool read_boolean(const Rows& rows) {
  return rows.at(0, 0).boolean();
}
std::int64_t read_integer(const Rows& rows) {
  return rows.at(0, 0).integer();
}

Sql<Result<ports::OpenTransactions>> ask_transactions(Connection& connection) {
  Parameters parameters;
  parameters.int8(ports::inspected_rows_max);
  auto answer = ask(connection, inspected_transactions, parameters, [](const Rows& rows) {
    ports::OpenTransactions told;
    for (int row = 0; row < rows.size(); ++row)
      told.open.push_back({rows.at(row, 0).integer(), rows.at(row, 1).string(), rows.at(row, 2).string(),
                           rows.at(row, 3).string(), rows.at(row, 4).integer()});
    return told;
  });
  if (!answer || !*answer) return answer;
  const auto hidden = ask(connection, inspected_hidden_sessions, {}, read_integer);
  if (!hidden) return std::unexpected(hidden.error());
  (*answer)->hidden = hidden->value_or(0);
  return answer;
}

Sql<Result<ports::Standbys>> ask_standbys(Connection& connection) {
  Parameters parameters;
  parameters.int8(ports::inspected_rows_max);
  auto answer = ask(connection, inspected_standbys, parameters, [](const Rows& rows) {
    ports::Standbys told;
    for (int row = 0; row < rows.size(); ++row) {
      if (rows.at(row, 1).is_null()) {
        ++told.hidden;
        continue;
      }
      told.connected.push_back(
          {rows.at(row, 0).string(), rows.at(row, 1).string(), rows.at(row, 2).string(), rows.at(row, 3).integer()});
    }
    return told;
  });
  if (!answer || !*answer) return answer;
  const auto wait = ask(connection, inspected_commits_wait, {}, read_boolean);
  if (!wait) return std::unexpected(wait.error());
  (*answer)->commits_wait = wait->value_or(false);
  return answer;
}

ports::StoreDurability read_durability(const Rows& rows) {
  return {rows.at(0, 0).string(), rows.at(0, 1).string(), rows.at(0, 2).string()};
}
ports::StoreWal read_wal(const Rows& rows) {
  return {rows.at(0, 0).integer(), rows.at(0, 1).integer()};
}
ports::StoreConnections read_connections(const Rows& rows) {
  return {rows.at(0, 0).integer(), rows.at(0, 1).integer()};
}
ports::StoreArchive read_archive(const Rows& rows) {
  return {rows.at(0, 0).boolean(), rows.at(0, 1).timestamp_or_null()};
}

Sql<ports::StoreServer> ask_all(Connection& connection) {
  const auto asks = ask(connection, inspected_role, {}, [](const Rows& rows) { return rows.at(0, 0).string(); });
  if (!asks) return std::unexpected(asks.error());
  const auto writable = ask(connection, inspected_is_writable, {}, read_boolean);
  if (!writable) return std::unexpected(writable.error());
  const auto durable = ask(connection, inspected_durability, {}, read_durability);
  if (!durable) return std::unexpected(durable.error());
  const auto segments = ask(connection, inspected_wal, {}, read_wal);
  if (!segments) return std::unexpected(segments.error());
  const auto ahead = ask(connection, inspected_segments_ahead, {}, read_integer);
  if (!ahead) return std::unexpected(ahead.error());
  const auto connected = ask(connection, inspected_connections, {}, read_connections);
  if (!connected) return std::unexpected(connected.error());
  const auto backing_up = ask(connection, inspected_backups, {}, read_integer);
  if (!backing_up) return std::unexpected(backing_up.error());
  const auto open = ask_transactions(connection);
  if (!open) return std::unexpected(open.error());
  const auto following = ask_standbys(connection);
  if (!following) return std::unexpected(following.error());
  const auto archived = ask(connection, inspected_archive, {}, read_archive);
  if (!archived) return std::unexpected(archived.error());
  return ports::StoreServer{asks->value_or(""), *writable,   *durable, *segments,  *ahead,
                            *connected,         *backing_up, *open,    *following, *archived};
}

}  // namespace

Result<ports::StoreServer> inspect_server(const Options& options, ports::Logger& logger) {
  return Session(options, logger).run(ask_all);
}

}  // namespace openrun::postgres
