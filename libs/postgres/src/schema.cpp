#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <openrun/postgres/postgres.hpp>

#include "connection.hpp"
#include "schema_steps.hpp"
#include "watch.hpp"

namespace openrun::postgres {
namespace {

// A step may rewrite a large table, and waits for the other operator's migration before it.
constexpr std::chrono::minutes step_time{10};

const Statement server_encoding{"server_encoding", "SELECT current_setting('server_encoding')"};
const Statement has_migrations{"has_migrations", "SELECT to_regclass('schema_migration') IS NOT NULL"};
const Statement applied_steps{"applied_steps", "SELECT name FROM schema_migration ORDER BY name"};
const Statement record_step{"record_step", "INSERT INTO schema_migration (name) VALUES ($1)"};
const Statement stored_fingerprint{"stored_fingerprint", "SELECT code_key_fingerprint FROM deployment"};
const Statement store_fingerprint{"store_fingerprint",
                                  "INSERT INTO deployment (code_key_fingerprint) VALUES ($1) ON CONFLICT DO NOTHING"};

// 'openrun' as a number; held to the end of the transaction.
const char* const begin_step =
    "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; "
    "SELECT pg_advisory_xact_lock(31379426912333166); "
    "CREATE TABLE IF NOT EXISTS schema_migration (name text COLLATE \"C\" PRIMARY KEY, "
    "applied_at timestamptz NOT NULL DEFAULT now())";

template <class T>
std::unexpected<Error> failed(const Sql<T>& result, const std::string& doing) {
  Error error = to_error(result.error());
  error.message = doing + ": " + error.message;
  return std::unexpected(std::move(error));
}

Sql<std::vector<std::string>> read_applied(Connection& connection) {
  return map(connection.query(applied_steps), [](Rows rows) {
    std::vector<std::string> names;
    for (int row = 0; row < rows.size(); ++row) names.push_back(rows.at(row, 0).string());
    return names;
  });
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// A step that this build does not know: the database has been migrated by a newer one.
Result<void> check_not_newer(const std::vector<std::string>& applied) {
  for (const std::string& name : applied) {
    if (std::ranges::none_of(schema_steps(), [&](const SchemaStep& step) { return step.name == name; })) {
      return fail(Error::Kind::conflict, "the schema is newer than this build: it has step " + name +
                                             ", which this build does not know; run the newer build");
    }
  }
  return {};
}

// True where the step was run now.
Result<bool> run_step(Connection& connection, const SchemaStep& step) {
  const std::string doing = "schema step " + std::string(step.name);
  connection.set_patience(step_time);
  if (auto begun = connection.execute(begin_step); !begun) return failed(begun, doing);
  auto applied = read_applied(connection);
  if (!applied) return failed(applied, doing);
  if (auto known = check_not_newer(*applied); !known) return std::unexpected(std::move(known.error()));
  const bool missing = !contains(*applied, step.name);
  if (missing) {
    if (auto done = connection.execute(std::string(step.sql)); !done) return failed(done, doing);
    Parameters name;
    name.text(step.name);
    if (auto recorded = connection.query(record_step, name); !recorded) return failed(recorded, doing);
  }
  if (auto done = connection.execute("COMMIT"); !done) return failed(done, doing);
  return missing;
}

Result<void> compare_fingerprint(Connection& connection, const std::string& fingerprint) {
  auto stored = connection.query(stored_fingerprint);
  if (!stored) return failed(stored, "the code key's fingerprint");
  if (stored->size() == 0) {
    return fail(Error::Kind::not_found, "no code key is stored in this database: run `openrun migrate` first");
  }
  if (stored->at(0, 0).bytes() != fingerprint) {
    return fail(Error::Kind::conflict,
                "the code key is not the one that this database's coupons were made with (stored fingerprint " +
                    stored->at(0, 0).string() + ", configured " + fingerprint +
                    "): codes would collide; configure the original code key");
  }
  return {};
}

Result<std::unique_ptr<Connection>> connect(Options options, const char* application, Interrupt& interrupt) {
  if (options.application.empty()) options.application = application;
  Watch watch(options.health);
  watch.begin({.may_take_long = true});
  auto connection = Connection::open(options, options.application, interrupt);
  if (!connection) {
    watch.end(&connection.error());
    return failed(connection, "connecting to Postgres");
  }
  watch.connected();
  watch.end(nullptr);
  auto encoding = (*connection)->query(server_encoding);
  if (!encoding) return failed(encoding, "connecting to Postgres");
  if (encoding->at(0, 0).bytes() != "UTF8") {
    return fail(Error::Kind::invalid, "the database's encoding is " + encoding->at(0, 0).string() +
                                          "; create it with ENCODING 'UTF8' TEMPLATE template0");
  }
  return std::move(*connection);
}

}  // namespace

Result<std::vector<std::string>> migrate(const Options& options, const std::string& code_key_fingerprint) {
  Interrupt never;
  auto connection = connect(options, "openrun-migrate", never);
  if (!connection) return std::unexpected(std::move(connection.error()));
  std::vector<std::string> ran;
  for (const SchemaStep& step : schema_steps()) {
    auto done = run_step(**connection, step);
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) ran.emplace_back(step.name);
  }
  Parameters fingerprint;
  fingerprint.text(code_key_fingerprint);
  if (auto stored = (*connection)->query(store_fingerprint, fingerprint); !stored) {
    return failed(stored, "storing the code key's fingerprint");
  }
  if (auto same = compare_fingerprint(**connection, code_key_fingerprint); !same) {
    return std::unexpected(std::move(same.error()));
  }
  return ran;
}

Result<void> check_schema(const Options& options, const std::string& code_key_fingerprint) {
  Interrupt never;
  auto connection = connect(options, "openrun-check", never);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto exists = (*connection)->query(has_migrations);
  if (!exists) return failed(exists, "checking the schema");
  if (!exists->at(0, 0).boolean()) {
    return fail(Error::Kind::not_found, "this database has no openrun schema: run `openrun migrate` first");
  }
  auto applied = read_applied(**connection);
  if (!applied) return failed(applied, "checking the schema");
  if (auto known = check_not_newer(*applied); !known) return known;
  for (const SchemaStep& step : schema_steps()) {
    if (!contains(*applied, step.name)) {
      return fail(Error::Kind::conflict, "the schema is older than this build: step " + std::string(step.name) +
                                             " is missing; run `openrun migrate`");
    }
  }
  return compare_fingerprint(**connection, code_key_fingerprint);
}

}  // namespace openrun::postgres
