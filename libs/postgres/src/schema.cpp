#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <openrun/postgres/inspection.hpp>
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
// By way of jsonb, because a build of before the column has made the table without it.
const Statement applied_steps{"applied_steps",
                              "SELECT name, coalesce(to_jsonb(schema_migration) ->> 'runs_beside', name) "
                              "FROM schema_migration ORDER BY name"};
const Statement record_step{"record_step", "INSERT INTO schema_migration (name, runs_beside) VALUES ($1, $2)"};
const Statement stored_fingerprint{"stored_fingerprint", "SELECT code_key_fingerprint FROM deployment"};
const Statement store_fingerprint{"store_fingerprint",
                                  "INSERT INTO deployment (code_key_fingerprint) VALUES ($1) ON CONFLICT DO NOTHING"};

// 'openrun' as a number; held to the end of the transaction.
const char* const begin_step =
    "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; "
    "SELECT pg_advisory_xact_lock(31379426912333166); "
    "CREATE TABLE IF NOT EXISTS schema_migration (name text COLLATE \"C\" PRIMARY KEY, "
    "applied_at timestamptz NOT NULL DEFAULT now()); "
    "ALTER TABLE schema_migration ADD COLUMN IF NOT EXISTS runs_beside text COLLATE \"C\"";

struct AppliedStep {
  std::string name;
  // The builds that have this step, or a later one, as their newest may run beside the schema; older ones may not.
  std::string runs_beside;
};

template <class T>
std::unexpected<Error> failed(const Sql<T>& result, const std::string& doing) {
  Error error = to_error(result.error());
  error.message = doing + ": " + error.message;
  return std::unexpected(std::move(error));
}

Sql<std::vector<AppliedStep>> read_applied(Connection& connection) {
  return map(connection.query(applied_steps), [](Rows rows) {
    std::vector<AppliedStep> steps;
    steps.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) steps.push_back({rows.at(row, 0).string(), rows.at(row, 1).string()});
    return steps;
  });
}

bool contains(const std::vector<AppliedStep>& steps, std::string_view name) {
  return std::ranges::find(steps, name, &AppliedStep::name) != steps.end();
}

bool is_known(const AppliedStep& applied) {
  return std::ranges::find(schema_steps(), applied.name, &SchemaStep::name) != schema_steps().end();
}

// Steps go forward only: of a step that this build does not know, it can't tell what its own next one would do.
Result<void> check_not_newer(const std::vector<AppliedStep>& applied) {
  for (const AppliedStep& step : applied) {
    if (is_known(step)) continue;
    return fail(Error::Kind::conflict, "the schema is newer than this build: it has step " + step.name +
                                           ", which this build does not know; run the newer build");
  }
  return {};
}

// A schema is migrated under the running daemons of the release before: they may start again beside it where each newer
// step says so.
Result<void> check_runs_beside(const std::vector<AppliedStep>& applied) {
  for (const AppliedStep& step : applied) {
    if (is_known(step) || step.runs_beside <= schema_steps().back().name) continue;
    return fail(Error::Kind::invalid, "the schema is newer than this build: it has step " + step.name +
                                          ", beside which only builds that know " + step.runs_beside +
                                          " may run; run a newer build");
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
    Parameters named;
    named.text(step.name).text(runs_beside(step));
    if (auto recorded = connection.query(record_step, named); !recorded) return failed(recorded, doing);
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

Result<void> check_steps(Connection& connection) {
  auto exists = connection.query(has_migrations);
  if (!exists) return failed(exists, "checking the schema");
  if (!exists->at(0, 0).boolean()) {
    return fail(Error::Kind::not_found, "this database has no openrun schema: run `openrun migrate` first");
  }
  auto applied = read_applied(connection);
  if (!applied) return failed(applied, "checking the schema");
  if (auto beside = check_runs_beside(*applied); !beside) return beside;
  for (const SchemaStep& step : schema_steps()) {
    if (!contains(*applied, step.name)) {
      return fail(Error::Kind::conflict, "the schema is older than this build: step " + std::string(step.name) +
                                             " is missing; run `openrun migrate`");
    }
  }
  return {};
}

}  // namespace

std::string_view runs_beside(const SchemaStep& step) {
  constexpr std::string_view mark = "-- runs-beside: ";
  if (!step.sql.starts_with(mark)) return step.name;
  const std::string_view rest = step.sql.substr(mark.size());
  return rest.substr(0, rest.find('\n'));
}

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

ports::SchemaState inspect_schema(const Options& options, const std::string& code_key_fingerprint) {
  Interrupt never;
  auto connection = connect(options, "openrun-check", never);
  if (!connection) {
    const std::unexpected<Error> error(std::move(connection.error()));
    return {error, error};
  }
  auto steps = check_steps(**connection);
  // Without tables there is no key either, and that was said.
  if (!steps && steps.error().kind == Error::Kind::not_found) return {steps, steps};
  return {std::move(steps), compare_fingerprint(**connection, code_key_fingerprint)};
}

Result<void> check_schema(const Options& options, const std::string& code_key_fingerprint) {
  ports::SchemaState state = inspect_schema(options, code_key_fingerprint);
  return state.steps ? std::move(state.code_key) : std::move(state.steps);
}

}  // namespace openrun::postgres
