// How the server is, for those who look before an event.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include <openrun/postgres/inspection.hpp>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Inspection : public PostgresTest {
 protected:
  ports::StoreServer inspect(const Options& options) {
    auto told = inspect_server(options, logger_);
    EXPECT_TRUE(told) << told.error().message;
    return told.value_or(ports::StoreServer{});
  }
  [[nodiscard]] Options as(const std::string& role) const {
    Options options = this->options();
    options.url += " user=" + role;
    return options;
  }
  [[nodiscard]] Options superuser() const { return as("postgres"); }
};

TEST_F(Inspection, AServerTellsWhatItIsSetTo) {
  const ports::StoreServer told = inspect(superuser());
  EXPECT_TRUE(told.is_writable.value());
  EXPECT_EQ(told.durability->full_page_writes, database().value("SHOW full_page_writes"));
  EXPECT_EQ(told.durability->fsync, database().value("SHOW fsync"));
  EXPECT_EQ(told.durability->synchronous_commit, database().value("SHOW synchronous_commit"));
  EXPECT_EQ(told.wal->segment_bytes, 16 * 1024 * 1024);
  EXPECT_EQ(std::to_string(told.wal->kept_bytes),
            database().value("SELECT pg_size_bytes(current_setting('min_wal_size'))"));
  EXPECT_GE(told.connections->used, 2);
  EXPECT_LT(told.connections->most, std::stoll(database().value("SHOW max_connections")));
  EXPECT_TRUE(told.backups) << told.backups.error().message;
  EXPECT_TRUE(told.standbys->connected.empty());
  EXPECT_FALSE(told.standbys->commits_wait);
  EXPECT_EQ(told.archive->is_on, database().value("SHOW archive_mode") != "off");
}

// The segment that is written to, and all that there are, as the server lists them.
std::vector<std::string> segments(Plain& root) {
  std::vector<std::string> all{root.value("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")};
  for (const auto& row : root.rows("SELECT name FROM pg_ls_waldir() WHERE length(name) = 24 ORDER BY 1"))
    all.push_back(row.at(0));
  return all;
}

TEST_F(Inspection, SegmentsAheadAreThoseBehindTheOneThatIsWrittenTo) {
  Plain root(superuser().url);
  std::int64_t told = 0;
  std::int64_t ahead = 0;
  // Others may write to the same server: what counts is a look between two equal ones, with some ahead.
  const auto look = [&] {
    root.rows("SELECT pg_logical_emit_message(true, 'openrun', 'something')");
    root.rows("SELECT pg_switch_wal()");
    root.rows("CHECKPOINT");  // used segments are made into new ones
    const auto before = segments(root);
    told = inspect(superuser()).segments_ahead.value();
    ahead = std::count_if(before.begin() + 1, before.end(), [&](const auto& one) { return one > before.front(); });
    return ahead > 0 && segments(root) == before;
  };
  ASSERT_TRUE(eventually(look));
  EXPECT_EQ(told, ahead);
}

TEST_F(Inspection, ADatabaseThatTakesNoWritesSaysSo) {
  database().rows("ALTER DATABASE " + name_ + " SET default_transaction_read_only = on");
  EXPECT_FALSE(inspect(options()).is_writable.value());
  Options writing = options();
  writing.url += " options='-c default_transaction_read_only=off'";
  Plain(writing.url).rows("ALTER DATABASE " + name_ + " RESET default_transaction_read_only");
  EXPECT_TRUE(inspect(options()).is_writable.value());
}

TEST_F(Inspection, AnOpenTransactionIsToldWithItsAgeAndAnIdleSessionIsNot) {
  const Plain idle(url_with(name_), "idle");
  Plain other(url_with(name_), "somebody");
  other.rows("BEGIN");
  const std::string pid = other.value("SELECT pg_backend_pid()");
  const auto before = inspect(superuser()).transactions.value();
  const auto mine = [&](const ports::OpenTransactions& told) {
    return std::ranges::find(told.open, "somebody", &ports::OpenTransaction::name);
  };
  ASSERT_NE(mine(before), before.open.end());
  EXPECT_EQ(std::to_string(mine(before)->pid), pid);
  EXPECT_GE(mine(before)->open_ms, 0);
  EXPECT_FALSE(mine(before)->user.empty());
  EXPECT_EQ(mine(before)->database, name_);
  EXPECT_EQ(std::ranges::find(before.open, "idle", &ports::OpenTransaction::name), before.open.end());
  database().rows("SELECT pg_sleep(0.02)");
  const auto later = inspect(superuser()).transactions.value();
  EXPECT_GE(mine(later)->open_ms, mine(before)->open_ms + 20);
  other.rows("ROLLBACK");
  const auto after = inspect(superuser()).transactions.value();
  EXPECT_EQ(mine(after), after.open.end());
}

TEST_F(Inspection, APreparedTransactionIsToldWithTheDatabaseInWhichItCanBeEnded) {
  if (database().value("SHOW max_prepared_transactions") == "0") GTEST_SKIP() << "this server prepares none";
  database().rows("BEGIN");
  database().rows("PREPARE TRANSACTION '" + name_ + "'");
  const auto told = inspect(as("postgres dbname=postgres")).transactions.value();
  database().rows("ROLLBACK PREPARED '" + name_ + "'");
  const auto mine = std::ranges::find(told.open, name_, &ports::OpenTransaction::name);
  ASSERT_NE(mine, told.open.end());
  EXPECT_EQ(mine->pid, 0);
  EXPECT_EQ(mine->database, name_);
}

TEST_F(Inspection, ABaseBackupIsSeenWhileItRuns) {
  {
    const Plain backup(superuser().url + " replication=true");
    // Nobody takes what it sends, so it stands still in the middle.
    ASSERT_EQ(PQsendQuery(backup.raw(), "BASE_BACKUP (CHECKPOINT 'fast')"), 1);
    EXPECT_TRUE(eventually([&] { return inspect(superuser()).backups.value() > 0; }));
  }
  EXPECT_TRUE(eventually([&] { return inspect(superuser()).backups.value() == 0; }));
}

TEST_F(Inspection, WhoMayNotLookIsToldThatAndTheRest) {
  const std::string role = name_ + "_stranger";
  Plain root(superuser().url, "root");
  root.rows("CREATE ROLE " + role + " LOGIN");
  const ports::StoreServer told = inspect(as(role));
  root.rows("GRANT pg_monitor TO " + role);
  const ports::StoreServer all = inspect(as(role));
  root.rows("DROP ROLE " + role);
  ASSERT_FALSE(told.segments_ahead);
  EXPECT_THAT(told.segments_ahead.error().message, HasSubstr("pg_ls_waldir"));
  EXPECT_EQ(told.segments_ahead.error().kind, Error::Kind::invalid);
  EXPECT_EQ(told.role, role);
  EXPECT_TRUE(told.is_writable.value());
  EXPECT_GE(told.connections->used, 2);
  EXPECT_GE(told.transactions->hidden, 1);
  EXPECT_TRUE(all.segments_ahead) << all.segments_ahead.error().message;
  EXPECT_EQ(all.transactions->hidden, 0);
}

TEST_F(Inspection, WhatIsNotToldInTimeIsNoMissingRight) {
  Plain holder(superuser().url);
  holder.rows("BEGIN");
  // Of this database: nobody else waits for it.
  holder.rows("LOCK TABLE pg_stat_archiver");
  Options hasty = superuser();
  hasty.lock_timeout = std::chrono::milliseconds(10);
  const ports::StoreServer late = inspect(hasty);
  ASSERT_FALSE(late.archive);
  EXPECT_EQ(late.archive.error().kind, Error::Kind::unavailable);
  EXPECT_THAT(late.archive.error().message, HasSubstr("lock timeout"));
  EXPECT_TRUE(late.standbys);
  holder.rows("ROLLBACK");

  // As of a server that does not know the question.
  holder.rows("ALTER VIEW pg_stat_archiver RENAME TO pg_stat_archiver_of_others");
  const ports::StoreServer unknown = inspect(superuser());
  holder.rows("ALTER VIEW pg_stat_archiver_of_others RENAME TO pg_stat_archiver");
  ASSERT_FALSE(unknown.archive);
  EXPECT_EQ(unknown.archive.error().kind, Error::Kind::internal);
  EXPECT_THAT(unknown.archive.error().message, Not(HasSubstr("openrun migrate")));
}

TEST_F(Inspection, AServerThatIsNotThereIsUnavailable) {
  Options nowhere = options();
  nowhere.url = "postgresql://openrun@127.0.0.1:1/openrun";
  const auto told = inspect_server(nowhere, logger_);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().kind, Error::Kind::unavailable);
  EXPECT_EQ(inspect_schema(nowhere, fingerprint).steps.error().kind, Error::Kind::unavailable);
}

TEST_F(Inspection, SchemaAndCodeKeyAreToldApart) {
  ports::SchemaState state = inspect_schema(options(), "another");
  EXPECT_TRUE(state.steps);
  ASSERT_FALSE(state.code_key);
  EXPECT_THAT(state.code_key.error().message, HasSubstr("configured another"));
  database().rows("INSERT INTO schema_migration (name) VALUES ('9999_later')");
  state = inspect_schema(options(), fingerprint);
  database().rows("DELETE FROM schema_migration WHERE name = '9999_later'");
  EXPECT_FALSE(state.steps);
  EXPECT_TRUE(state.code_key);
}

}  // namespace
}  // namespace openrun::postgres::test
