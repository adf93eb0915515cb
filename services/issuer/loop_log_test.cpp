// What the loop makes of the log: where it begins, what it verifies, and when the log has lost something.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "issuer/loop.hpp"
#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using ::testing::HasSubstr;

constexpr ports::Topic requests = ports::Topic::requests;

void expect_lost(const Harness& harness) {
  EXPECT_THAT(harness.last("Stop"), HasSubstr("LOG_LOST"));
  EXPECT_THAT(harness.last("Stop"), HasSubstr("docs/runbooks/log-lost.md"));
}

// Three records decided, then a restart.
void decide_three(Harness& harness) {
  harness.append_all({create(1, 10), request(1, "ann"), request(1, "bob")});
  harness.run();
  ASSERT_EQ(harness.state().next_offset, Offset{3});
  harness.restart();
  harness.transcript.clear();
}

TEST(IssuerLoopLog, VerifiesTheLastDecidedRecordAndGoesOnAfterIt) {
  Harness harness;
  decide_three(harness);
  harness.append(request(1, "cas"));
  harness.run();
  EXPECT_EQ(harness.last("OpenLog"), "OpenLog 2");
  EXPECT_EQ(harness.last("Publish"), "Publish 3-3");
}

TEST(IssuerLoopLog, IsReadyAfterVerifyingThoughNothingNewIsThere) {
  Harness harness;
  decide_three(harness);
  harness.run();
  EXPECT_EQ(harness.loop().status().state, LoopStatus::State::running);
}

TEST(IssuerLoopLog, HasNothingToVerifyWhereTheLogBeginsAtTheCheckpoint) {
  Harness harness;
  decide_three(harness);
  harness.log.expire(requests, test_partition, Offset{3});
  harness.append(request(1, "cas"));
  harness.run();
  EXPECT_EQ(harness.last("OpenLog"), "OpenLog 3");
  EXPECT_EQ(harness.last("Publish"), "Publish 3-3");
}

TEST(IssuerLoopLog, StopsWhereTheLogBeginsBehindTheCheckpoint) {
  Harness harness;
  decide_three(harness);
  harness.append_all({request(1, "cas"), request(1, "dan")});
  harness.log.expire(requests, test_partition, Offset{4});
  harness.run();
  expect_lost(harness);
  EXPECT_EQ(harness.count("Commit"), 0U);
}

TEST(IssuerLoopLog, StopsWhereTheLogEndsBeforeTheCheckpoint) {
  Harness harness;
  decide_three(harness);
  harness.log.recreate(requests, test_partition);
  harness.append(request(1, "cas"));
  harness.run();
  expect_lost(harness);
}

TEST(IssuerLoopLog, StopsWhereAnotherRecordStandsAtTheLastDecidedOffset) {
  Harness harness;
  decide_three(harness);
  harness.log.recreate(requests, test_partition);
  harness.append_all({create(1, 10), request(1, "ann"), request(1, "cas"), request(1, "dan")});
  harness.run();
  expect_lost(harness);
  EXPECT_EQ(harness.count("Commit"), 0U);
}

TEST(IssuerLoopLog, StopsWhereANewPartitionsLogDoesNotBeginAtZero) {
  Harness harness;
  harness.append_all({create(1, 10), request(1, "ann")});
  harness.log.expire(requests, test_partition, Offset{1});
  harness.run();
  expect_lost(harness);
}

TEST(IssuerLoopLog, StopsWhenThePositionFallsOutOfTheLogWhileItRuns) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.log.expire(requests, test_partition, Offset{100});
  harness.run_for(1'000);
  expect_lost(harness);
}

TEST(IssuerLoopLog, NoticesWhileIdleThatTheTopicWasCreatedAnew) {
  Harness harness;
  harness.append_all({create(1, 10), request(1, "ann"), request(1, "bob")});
  harness.run();
  harness.log.set_lenient(true);
  harness.log.recreate(requests, test_partition);
  harness.run_for(2'000);
  expect_lost(harness);
}

TEST(IssuerLoopLog, NoticesTheEndOfTheLogBeforeItDecidesWhatAnewTopicHolds) {
  Harness harness;
  harness.append_all({create(1, 10), request(1, "ann"), request(1, "bob")});
  harness.run();
  harness.log.recreate(requests, test_partition);
  harness.append(request(1, "cas"));
  harness.run_for(2'000);
  expect_lost(harness);
  EXPECT_EQ(harness.state().coupons.size(), 2U);
}

TEST(IssuerLoopLog, StopsAtAHoleThatNoTransactionMarkerExplains) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  ports::LogBatch batch;
  const std::string value = request(1, "ann");
  batch.records.push_back({test_partition, Offset{20'000}, harness.now().wall, "1", value});
  // As if the read that is under way had jumped.
  harness.loop().on_records(harness.now(), batch);
  harness.run_for(10);
  expect_lost(harness);
}

TEST(IssuerLoopLog, WaitsForABrokerThatCannotBeReachedAndTellsOnce) {
  Harness harness;
  harness.log.set_down(true);
  harness.append(create(1, 10));
  harness.run_for(20'000);
  EXPECT_EQ(harness.count("Tell log_unavailable"), 1U);
  EXPECT_EQ(harness.count("Stop"), 0U);
  harness.log.set_down(false);
  harness.run_for(1'000);
  EXPECT_EQ(harness.state().next_offset, Offset{1});
}

TEST(IssuerLoopLog, SurvivesABrokerThatGoesAwayWhileItRuns) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.log.set_down(true);
  harness.run_for(20'000);
  harness.log.set_down(false);
  harness.append(request(1, "ann"));
  harness.run_for(1'000);
  EXPECT_EQ(harness.state().next_offset, Offset{2});
}

TEST(IssuerLoopLog, KnowsTheLengthOfTheQueueWithinASecond) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run_for(100);
  harness.database.set_dispatch(1);
  harness.run_for(600);
  for (int i = 0; i < 50; ++i) harness.append(request(1, "user" + std::to_string(i)));
  harness.run_for(1'100);
  EXPECT_EQ(harness.loop().status().log_end, Offset{51});
}

TEST(IssuerLoopLog, AnIdleLoopDoesNotSpin) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  const std::size_t before = harness.io_actions;
  harness.run_for(60'000);
  EXPECT_LT(harness.io_actions - before, 60U * 8);
}

}  // namespace
}  // namespace openrun::issuer
