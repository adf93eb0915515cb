#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

ports::WatchedPartition a_partition(std::int64_t next_offset) {
  ports::WatchedPartition partition;
  partition.epoch = Epoch{4};
  partition.next_offset = Offset{next_offset};
  partition.open_dead_letters = 2;
  return partition;
}

TEST(Operations, AreForAdminsAndNeverKept) {
  Harness harness;
  for (const char* path : {"/v1/operations", "/v1/operations/history", "/v1/dead-letters", "/v1/dead-letters/0:1"}) {
    EXPECT_EQ(harness.ask(get, path).status(), 401U) << path;
    EXPECT_EQ(harness.ask(get, path, "", {{"Authorization", "Bearer wrong"}}).status(), 401U) << path;
    EXPECT_EQ(harness.ask(get, path, "", admin).header("Cache-Control"), "no-store") << path;
  }
}

TEST(Operations, CountWhatIsDecidedAndWhatWaits) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(1);
  EXPECT_EQ(harness.serve_request(campaign, "kim").status(), 201U);
  harness.watched.partitions = {a_partition(2)};
  for (int i = 0; i < 5; ++i) harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "x");
  const Answer answer = harness.ask(get, "/v1/operations", "", admin);
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.field("outcomes.total.ISSUED"), "1");
  EXPECT_EQ(answer.field("gateway.accepted"), "1");
  EXPECT_EQ(answer.field("gateway.ready"), "true");
  EXPECT_EQ(answer.field("partitions.0.log_end"), "5");
  EXPECT_EQ(answer.field("partitions.0.queue_length"), "3");
  EXPECT_EQ(answer.field("partitions.0.oldest_ms"), "31");  // at most: the log is not asked more finely
  EXPECT_EQ(answer.field("partitions.0.dead_letters_open"), "2");
  EXPECT_EQ(answer.field("partitions.0.issuer"), "null");
}

TEST(Operations, TheAgeOfAQueueGrowsUntilWhatWasSeenFirstIsDecided) {
  Harness harness;
  const auto look = [&](std::int64_t next_offset) {
    harness.clock.advance_ms(1'000);
    harness.watched.partitions = {a_partition(next_offset)};
    return harness.ask(get, "/v1/operations", "", admin).field("partitions.0.oldest_ms");
  };
  EXPECT_EQ(look(0), "0");
  harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "x");
  EXPECT_EQ(look(0), "0");
  harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "y");
  EXPECT_EQ(look(0), "1000");
  EXPECT_EQ(look(0), "2000");
  EXPECT_EQ(look(1), "2000");
  EXPECT_EQ(look(2), "0");
}

TEST(Operations, TheAgeOfAQueueThatNobodyWatchedIsAskedOfTheLog) {
  Harness harness;
  harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "decided");
  harness.clock.advance_ms(7'000);
  harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "oldest");
  harness.clock.advance_ms(60'000);
  harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "later");
  harness.clock.advance_ms(40'000);
  harness.watched.partitions = {a_partition(1)};
  const auto oldest_ms = [&] {
    return std::stoll(harness.ask(get, "/v1/operations", "", admin).field("partitions.0.oldest_ms"));
  };
  const std::int64_t first = oldest_ms();
  EXPECT_GE(first, 100'000);
  EXPECT_LE(first, 100'000 + 100'000 / 30);
  harness.clock.advance_ms(1'000);
  EXPECT_EQ(oldest_ms(), first + 1'000);
  // Nobody watches for an hour, and the queue is another one.
  harness.watched.partitions = {a_partition(3)};
  harness.clock.advance_ms(3'000'000);
  harness.log.append(ports::Topic::requests, Partition{0}, harness.clock.now(), "new");
  harness.clock.advance_ms(600'000);
  EXPECT_NEAR(static_cast<double>(oldest_ms()), 600'000, 20'000);
}

TEST(Operations, AreAskedOfTheStoreOnceASecondAtMost) {
  Harness harness;
  harness.watched.partitions = {a_partition(2)};
  EXPECT_EQ(harness.ask(get, "/v1/operations", "", admin).field("partitions.0.epoch"), "4");
  harness.watched.partitions[0].epoch = Epoch{5};
  EXPECT_EQ(harness.ask(get, "/v1/operations", "", admin).field("partitions.0.epoch"), "4");
  harness.clock.advance_ms(1'000);
  EXPECT_EQ(harness.ask(get, "/v1/operations", "", admin).field("partitions.0.epoch"), "5");
}

TEST(Operations, WithoutStoreOrLogSayWhatThisGatewayKnows) {
  Harness harness;
  harness.watched.partitions = {a_partition(2)};
  harness.log.set_down(true);
  const Answer without_log = harness.ask(get, "/v1/operations", "", admin);
  EXPECT_EQ(without_log.status(), 200U);
  EXPECT_EQ(without_log.field("partitions.0.queue_length"), "null");
  harness.log.set_down(false);
  harness.clock.advance_ms(1'000);
  {
    const std::lock_guard lock(harness.database.mutex);
    harness.database.down = true;
  }
  const Answer without_store = harness.ask(get, "/v1/operations", "", admin);
  EXPECT_EQ(without_store.status(), 200U);
  EXPECT_EQ(without_store.field("partitions"), "array of 0");
  EXPECT_EQ(without_store.field("parts.3.state"), "unknown");
}

TEST(Operations, TheNewestAuditOfEachKindIsShownAndWhatWasNeverDoneIsNull) {
  Harness harness;
  ports::AuditResult clean;
  clean.kind = ports::AuditKind::reconciler;
  clean.done_by = "openrun-reconciler";
  clean.ended_at = Timestamp{1'000};
  clean.campaigns = 3;
  ports::AuditResult wrong;
  wrong.kind = ports::AuditKind::deep_audit;
  wrong.found = 21;
  wrong.findings = {{"coupon_is_stored", "campaign 7"}};
  harness.watched.now = Timestamp{61'000};
  harness.watched.audits = {wrong, clean};
  const Answer answer = harness.ask(get, "/v1/operations", "", admin);
  EXPECT_EQ(answer.field("audits.reconciler.verdict"), "clean");
  EXPECT_EQ(answer.field("audits.reconciler.by"), "openrun-reconciler");
  EXPECT_EQ(answer.field("audits.reconciler.ended_at"), "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(answer.field("audits.reconciler.ms_ago"), "60000");
  EXPECT_EQ(answer.field("audits.reconciler.campaigns"), "3");
  EXPECT_EQ(answer.field("audits.audit"), "null");
  EXPECT_EQ(answer.field("audits.deep_audit.verdict"), "wrong");
  EXPECT_EQ(answer.field("audits.deep_audit.found"), "21");
  EXPECT_EQ(answer.field("audits.deep_audit.findings.0.text"), "campaign 7");
}

TEST(Operations, AnAuditThatCouldNotCompareEverythingIsNoCleanBill) {
  Harness harness;
  ports::AuditResult audit;
  audit.not_checked = 1;
  harness.watched.audits = {audit};
  EXPECT_EQ(harness.ask(get, "/v1/operations", "", admin).field("audits.audit.verdict"), "incomplete");
}

TEST(Operations, WithoutStoreNobodyKnowsOfAudits) {
  Harness harness;
  {
    const std::lock_guard lock(harness.database.mutex);
    harness.database.down = true;
  }
  EXPECT_EQ(harness.ask(get, "/v1/operations", "", admin).field("audits"), "null");
}

TEST(Operations, TheHistoryIsInColumnsAndGoesOnWhereItEnded) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(1);
  harness.clock.advance_ms(5'000);
  EXPECT_EQ(harness.serve_request(campaign, "kim").status(), 201U);
  harness.clock.advance_ms(1'000);
  const Answer answer = harness.ask(get, "/v1/operations/history", "", admin);
  EXPECT_EQ(answer.field("second"), "array of 2");
  EXPECT_EQ(answer.field("issued.1"), "1");
  EXPECT_EQ(answer.field("accepted.1"), "1");
  EXPECT_EQ(answer.field("decided_p50_ms"), "array of 2");
  const std::string newest = answer.field("second.1");
  EXPECT_EQ(harness.ask(get, "/v1/operations/history?after=" + newest, "", admin).field("second"), "array of 0");
  EXPECT_EQ(harness.ask(get, "/v1/operations/history?after=x", "", admin).status(), 400U);
}

}  // namespace
}  // namespace openrun::gateway
