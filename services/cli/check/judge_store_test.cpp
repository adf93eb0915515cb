// Verdicts about Postgres and the audits.
#include "cli/testing/good_facts.hpp"

namespace openrun::cli::check {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class JudgeStore : public ::testing::Test {
 protected:
  // What is not ok, where it is one thing alone.
  std::string complaint() {
    const auto all = complaints(facts);
    return all.size() == 1 ? all.front() : std::to_string(all.size()) + " complaints: " + ::testing::PrintToString(all);
  }
  ports::StoreServer& server() { return facts.store->server; }
  ports::AuditResult& audit(ports::AuditKind kind) {
    return *std::ranges::find(facts.store->after->audits, kind, &ports::AuditResult::kind);
  }
  Facts facts = good_facts();
};

TEST_F(JudgeStore, InAGoodSystemNothingIsToBeMended) {
  EXPECT_THAT(complaints(facts), IsEmpty());
  EXPECT_GT(judge(facts).size(), 25U);
}

TEST_F(JudgeStore, WhereItIsNotThereOneFindingSaysSoAndTheOthersAreLookedAt) {
  facts.store = std::unexpected(down("Postgres"));
  EXPECT_THAT(complaints(facts),
              ElementsAre("WRONG postgres answers: Postgres does not answer -> docs/runbooks/slow-store.md",
                          "WRONG campaign 7 exists: not known: Postgres does not tell -> docs/runbooks/slow-store.md"));
  EXPECT_THAT(said(facts, "partitions", "issuer"), StartsWith("ok"));
  EXPECT_THAT(said(facts, "gateway", "ready"), StartsWith("ok"));
}

TEST_F(JudgeStore, ASchemaThatIsMissingIsOneFindingAndTheServerIsLookedAt) {
  const Error missing{Error::Kind::not_found, "this database has no openrun schema"};
  facts.store->schema = {std::unexpected(missing), std::unexpected(missing)};
  facts.store->before = facts.store->after = std::unexpected(missing);
  facts.store->checkpoints = std::unexpected(missing);
  facts.store->dispatch = std::unexpected(missing);
  facts.store->campaigns = std::unexpected(missing);
  const auto all = complaints(facts);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], "WRONG postgres schema: this database has no openrun schema -> openrun migrate");
  EXPECT_THAT(all[1], StartsWith("WRONG campaign 7 exists: not known"));
  EXPECT_THAT(said(facts, "postgres", "writes"), StartsWith("ok"));
}

TEST_F(JudgeStore, AnOlderSchemaAndAnotherCodeKeyAreToldApart) {
  facts.store->schema.steps = fail(Error::Kind::conflict, "step 0005 is missing");
  EXPECT_EQ(complaint(), "WRONG postgres schema: step 0005 is missing -> openrun migrate");
  facts.store->schema.steps = fail(Error::Kind::invalid, "the schema is newer");
  EXPECT_EQ(complaint(), "WRONG postgres schema: the schema is newer -> docs/operations.md#upgrading");
  facts.store->schema.steps = {};
  facts.store->schema.code_key = fail(Error::Kind::conflict, "another key");
  EXPECT_EQ(complaint(), "WRONG postgres code key: another key -> docs/runbooks/code-key.md");
}

TEST_F(JudgeStore, TablesThatCannotBeReadAreWrong) {
  facts.store->after = facts.store->before = fail(Error::Kind::internal, "permission denied for table outbox");
  EXPECT_THAT(complaint(), HasSubstr("WRONG postgres tables: permission denied for table outbox -> "));
}

TEST_F(JudgeStore, WhatACrashWouldNotSurviveIsWrong) {
  server().durability = ports::StoreDurability{"off", "off", "off"};
  const auto all = complaints(facts);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(all[0], AllOf(StartsWith("WRONG postgres durability: fsync is off"),
                            HasSubstr(R"(psql "$SUPERUSER_URL" -c "ALTER SYSTEM SET fsync = 'on'" -c "SELECT pg_)")));
  EXPECT_THAT(all[1], StartsWith("WRONG postgres durability: full_page_writes is off"));
  EXPECT_THAT(all[2], StartsWith("WRONG postgres durability: synchronous_commit is off"));
  server().durability->fsync = server().durability->full_page_writes = "on";
  server().durability->synchronous_commit = "local";
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST_F(JudgeStore, AStandbyIsNoPlaceToWriteTo) {
  server().is_writable = false;
  EXPECT_THAT(complaint(), StartsWith("WRONG postgres writes: "));
}

TEST_F(JudgeStore, SegmentsAheadAreThoseThatTheCampaignsFill) {
  facts.store->campaigns->front().campaign.terms.stock = 400'000;  // ten and a bit
  facts.store->campaigns->front().campaign.issued = 1;
  server().segments_ahead = 12;
  EXPECT_EQ(said(facts, "postgres", "WAL ahead"),
            "ok: 12 segments are made ahead; the 399,999 coupons of these campaigns fill some 11");
  server().segments_ahead = 11;
  EXPECT_THAT(complaint(), AllOf(StartsWith("look postgres WAL ahead: 11 segments"),
                                 HasSubstr(R"(-> psql "$SUPERUSER_URL" -f config/postgres/wal-ahead.sql)")));
}

TEST_F(JudgeStore, WithoutCampaignsSegmentsAheadAreThoseThatMinWalSizeKeeps) {
  facts.asked.campaigns = {};
  facts.store->campaigns = std::vector<ports::StoredCampaign>{};
  EXPECT_EQ(said(facts, "postgres", "WAL ahead"), "ok: 127 segments are made ahead; min_wal_size keeps 128");
  server().segments_ahead = 126;
  EXPECT_THAT(complaint(), StartsWith("look postgres WAL ahead: 126 segments"));
}

TEST_F(JudgeStore, ASmallMinWalSizeIsToBeLookedAtUnlessTheCampaignsAreSmall) {
  server().wal->kept_bytes = 80 * 1024 * 1024;
  EXPECT_THAT(complaints(facts), IsEmpty());
  facts.store->campaigns->front().campaign.terms.stock = 200'000;
  EXPECT_THAT(complaint(), AllOf(StartsWith("look postgres WAL kept: min_wal_size is 80 MB, 5 segments; the 200,000"),
                                 HasSubstr("-> docs/before-an-event.md#segments-of-wal-ahead")));
  facts.asked.campaigns = {};
  facts.store->campaigns = std::vector<ports::StoredCampaign>{};
  EXPECT_THAT(complaint(), StartsWith("look postgres WAL kept: min_wal_size is 80 MB"));
  server().wal->kept_bytes = kept_wal_bytes_min;
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST_F(JudgeStore, ConnectionsRunOutAtTwoBounds) {
  server().connections->used = 69;
  EXPECT_EQ(said(facts, "postgres", "connections"), "ok: 69 of 100 in use");
  server().connections->used = 70;
  EXPECT_THAT(complaint(), StartsWith("look postgres connections: 70 of 100"));
  server().connections->used = 89;
  EXPECT_THAT(complaint(), StartsWith("look postgres connections"));
  server().connections->used = 90;
  EXPECT_THAT(complaint(), StartsWith("WRONG postgres connections"));
}

TEST_F(JudgeStore, ABackupThatRunsIsToBeLookedAt) {
  server().backups = 1;
  EXPECT_THAT(complaint(), StartsWith("look postgres backup: a base backup is running"));
}

TEST_F(JudgeStore, ATransactionOpenForMinutesIsNamedWithTheWayToEndIt) {
  server().transactions->open = {{4'711, "psql", "kim", "openrun", transaction_open_ms_max}};
  EXPECT_THAT(complaints(facts), IsEmpty());
  server().transactions->open.front().open_ms = 12 * minute_ms + 5'000;
  EXPECT_THAT(complaint(),
              AllOf(StartsWith("look postgres transactions: process 4711 (psql) of kim is open for 12 min 5 s"),
                    HasSubstr(R"sql(-> psql "$SUPERUSER_URL" -c "SELECT pg_terminate_backend(4711)")sql")));
  server().transactions->open = {{0, "move-1", "kim", "sales", hour_ms}};
  EXPECT_THAT(complaint(),
              AllOf(HasSubstr("the prepared transaction move-1 of kim in the database sales is open for 1 h"),
                    HasSubstr(R"(-> psql "$SUPERUSER_URL" -c '\connect sales' -c "ROLLBACK PREPARED 'move-1'")")));
}

TEST_F(JudgeStore, ACommandToBeCopiedHoldsNothingThatAShellWouldRun) {
  server().transactions->open = {{0, "'; $(reboot)", "kim", "sales", hour_ms}};
  EXPECT_THAT(complaint(), HasSubstr(R"(-> psql "$SUPERUSER_URL" -c "SELECT * FROM pg_prepared_xacts")"));
  server().transactions->open = {{0, "move-1", "kim", "sales' $(reboot)", hour_ms}};
  EXPECT_THAT(complaint(), HasSubstr(R"(-> psql "$SUPERUSER_URL" -c "SELECT * FROM pg_prepared_xacts")"));
  server().transactions->open.clear();
  server().transactions->hidden = 1;
  server().role = "x' $(reboot)";
  EXPECT_THAT(complaint(), HasSubstr(R"(-> psql "$SUPERUSER_URL" -c "SELECT rolname FROM pg_roles")"));
}

TEST_F(JudgeStore, WhatARoleMayNotSeeIsToBeLookedAtWithTheRightThatIsMissing) {
  server().transactions->hidden = 3;
  EXPECT_THAT(complaint(),
              AllOf(StartsWith("look postgres transactions: not known: 3 sessions are hidden from the role openrun"),
                    HasSubstr(R"(-> psql "$SUPERUSER_URL" -c 'GRANT pg_monitor TO "openrun"')")));
  server().transactions = fail(Error::Kind::invalid, "permission denied");
  EXPECT_THAT(complaint(), AllOf(StartsWith("look postgres transactions: not known: permission denied"),
                                 HasSubstr("GRANT pg_monitor")));
  server() = good_store().server;
  server().standbys->hidden = 1;
  EXPECT_THAT(complaint(), StartsWith("look postgres standbys: not known: 1 are hidden"));
  const auto denied = fail(Error::Kind::invalid, "permission denied");
  server() = {"openrun", denied, denied, denied, denied, denied, denied, denied, denied, denied};
  EXPECT_EQ(complaints(facts).size(), 8U) << "without the sizes nothing is said of what is ahead";
  for (const std::string& one : complaints(facts)) EXPECT_THAT(one, StartsWith("look postgres "));
}

TEST_F(JudgeStore, WhatIsNotKnownForAnotherReasonThanARightIsMendedByNone) {
  server().archive = fail(Error::Kind::unavailable, "SQLSTATE 57014: canceling statement due to statement timeout");
  EXPECT_EQ(complaint(),
            "look postgres archive: not known: SQLSTATE 57014: canceling statement due to statement timeout -> "
            "docs/runbooks/slow-store.md");
  server().archive = fail(Error::Kind::internal, "SQLSTATE 42883: function pg_ls_waldir() does not exist");
  EXPECT_THAT(complaint(), HasSubstr("does not exist -> docs/runbooks/slow-store.md"));
}

TEST_F(JudgeStore, AStandbyThatIsBehindIsToBeLookedAt) {
  server().standbys->connected = {{"b", "streaming", "async", standby_behind_bytes_max}};
  EXPECT_THAT(complaints(facts), IsEmpty());
  server().standbys->connected.front().behind_bytes += 1;
  EXPECT_THAT(complaint(), StartsWith("look postgres standbys: b is 64 MB behind (streaming)"));
  server().standbys->connected = {{"b", "catchup", "async", 0}};
  EXPECT_THAT(complaint(), StartsWith("look postgres standbys: b is 0 MB behind (catchup)"));
}

TEST_F(JudgeStore, CommitsThatWaitForAStandbyThatIsNotThereAreWrong) {
  server().standbys->commits_wait = true;
  EXPECT_THAT(complaint(), StartsWith("WRONG postgres standbys: synchronous_standby_names names some"));
  server().standbys->connected = {{"b", "streaming", "potential", 0}};
  EXPECT_THAT(complaint(), StartsWith("WRONG postgres standbys"));
  for (const char* waited : {"sync", "quorum"}) {
    server().standbys->connected.front().sync_state = waited;
    EXPECT_THAT(complaints(facts), IsEmpty()) << waited;
  }
}

TEST_F(JudgeStore, AnArchiveThatFailsIsToBeLookedAt) {
  server().archive = ports::StoreArchive{true, now};
  EXPECT_THAT(complaint(), StartsWith("look postgres archive: "));
  server().archive = ports::StoreArchive{false, now};
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST_F(JudgeStore, AClockIsHeldAgainstTheBoundLessWhatTheAnswerTook) {
  facts.store->clock = {1'010, 10};
  EXPECT_EQ(said(facts, "postgres", "clock"), "ok: 1,010 ms ahead of ours, right to 10 ms; 1,000 ms are allowed");
  facts.store->clock = {-1'011, 10};
  EXPECT_THAT(complaint(), AllOf(StartsWith("look postgres clock: 1,011 ms behind ours"),
                                 HasSubstr("-> docs/runbooks/no-progress.md")));
}

// ---- audits ----

TEST_F(JudgeStore, AReconcilerThatFindsSomethingOrLooksNoLongerIsNamed) {
  audit(ports::AuditKind::reconciler).ended_at = Timestamp{now.value - 15 * minute_ms};
  EXPECT_EQ(said(facts, "audits", "reconciler"), "ok: nothing was wrong 15 min ago");
  audit(ports::AuditKind::reconciler).ended_at = Timestamp{now.value - 15 * minute_ms - 1};
  EXPECT_THAT(complaint(), AllOf(StartsWith("look audits reconciler: nothing was wrong 15 min ago, and it has not"),
                                 HasSubstr("reconciler-blind.md")));
  audit(ports::AuditKind::reconciler).found = 2;
  EXPECT_EQ(complaint(), "WRONG audits reconciler: 2 things were wrong 15 min ago -> docs/runbooks/drift.md");
  facts.store->after->audits.erase(facts.store->after->audits.begin());
  EXPECT_THAT(complaint(), StartsWith("look audits reconciler: it has never written a result"));
}

TEST_F(JudgeStore, ADeepAuditIsOfToday) {
  audit(ports::AuditKind::deep_audit).ended_at = Timestamp{now.value - deep_audit_age_ms_max};
  EXPECT_EQ(said(facts, "audits", "audit"), "ok: deep: nothing was wrong 1 d ago");
  audit(ports::AuditKind::deep_audit).ended_at = Timestamp{now.value - deep_audit_age_ms_max - 1};
  EXPECT_EQ(complaint(), "look audits audit: deep: nothing was wrong 1 d ago -> openrun audit --deep");
  audit(ports::AuditKind::deep_audit).ended_at = now;
  audit(ports::AuditKind::deep_audit).not_checked = 1;
  EXPECT_THAT(complaint(), HasSubstr("but 1 things could not be checked -> openrun audit --deep"));
  facts.store->after->audits.pop_back();
  EXPECT_EQ(complaint(), "look audits audit: the log was never decided once more -> openrun audit --deep");
}

TEST_F(JudgeStore, WhatAnAuditFoundIsWrongUntilALaterOneFindsNothing) {
  ports::AuditResult plain;
  plain.kind = ports::AuditKind::audit;
  plain.found = 3;
  plain.ended_at = Timestamp{now.value - minute_ms};
  facts.store->after->audits.push_back(plain);
  EXPECT_EQ(complaint(), "WRONG audits audit: 3 things were wrong 1 min ago -> docs/runbooks/drift.md");
  facts.store->after->audits.back().ended_at = Timestamp{now.value - 2 * hour_ms};
  EXPECT_THAT(complaints(facts), IsEmpty());
  audit(ports::AuditKind::deep_audit).found = 1;
  EXPECT_THAT(complaint(), StartsWith("WRONG audits audit: 1 things were wrong 1 h ago"));
}

TEST(OneCheck, SaysThatAllIsWellOnlyWhereNothingElseWasSaid) {
  Findings out{{"kafka", "relays", Verdict::look, "of another check", "fix"}};
  OneCheck good(out, "partitions", "queue");
  good.or_else("all is decided");
  OneCheck bad(out, "partitions", "queue");
  bad.add(p1, Verdict::wrong, "something waits", "fix");
  bad.or_else("all is decided");
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[1].part + ": " + out[1].text, "partitions: all is decided");
  EXPECT_EQ(out[2].part + ": " + out[2].text, "partition 1: something waits");
}

TEST(Duration, IsToldInTwoUnitsAtMost) {
  EXPECT_EQ(duration_text(999), "0 s");
  EXPECT_EQ(duration_text(59'999), "59 s");
  EXPECT_EQ(duration_text(minute_ms), "1 min");
  EXPECT_EQ(duration_text(2 * hour_ms + 3 * minute_ms + 4'000), "2 h 3 min");
  EXPECT_EQ(duration_text(50 * hour_ms), "2 d 2 h");
}

}  // namespace
}  // namespace openrun::cli::check
