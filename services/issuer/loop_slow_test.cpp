// A store that is too slow for what is asked of it, and a loop that gets nowhere.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using ports::CommitAnswer;
using ports::CommitOutcome;

constexpr LoopSettings small_batches{.batch_max = 64};

void append_requests(Harness& harness, int count, const std::string& name = "user") {
  for (int i = 0; i < count; ++i) harness.append(request(1, name + std::to_string(i)));
}

TEST(IssuerLoopSlow, HalvesABatchThatTheStoreCannotWriteInTimeUntilItPasses) {
  Harness harness(small_batches);
  harness.append(create(1, 1'000));
  harness.run();
  harness.database.set_records_in_time(5);
  append_requests(harness, 40);
  harness.run_for(20'000);
  EXPECT_EQ(harness.state().next_offset, Offset{41});
  EXPECT_EQ(harness.state().coupons.size(), 40U);
  EXPECT_EQ(harness.loop().status().batch_limit, 5U) << "40, 20 and 10 were too much";
  EXPECT_EQ(harness.count("Tell batch_shrunk"), 3U);
  EXPECT_TRUE(harness.clean);
}

TEST(IssuerLoopSlow, GoesDownToOneRecordAndWaitsThere) {
  Harness harness(small_batches);
  harness.append(create(1, 1'000));
  harness.run();
  harness.database.set_records_in_time(0);
  append_requests(harness, 8);
  harness.run_for(20'000);
  EXPECT_EQ(harness.loop().status().batch_limit, 1U);
  EXPECT_EQ(harness.state().next_offset, Offset{1});
  harness.database.set_records_in_time(1'000);
  harness.run_for(5'000);
  EXPECT_EQ(harness.state().next_offset, Offset{9});
}

TEST(IssuerLoopSlow, GrowsAgainAfterSoManyCommitsInARow) {
  Harness harness(small_batches);
  harness.append(create(1, 1'000));
  harness.run();
  harness.database.set_records_in_time(32);
  append_requests(harness, 64);
  harness.run_for(5'000);
  EXPECT_EQ(harness.loop().status().batch_limit, 32U);
  harness.database.set_records_in_time(1'000);
  for (int i = 0; i < IssuerLoop::commits_before_growth; ++i) {
    append_requests(harness, 1, "late" + std::to_string(i) + "-");
    harness.run_for(10);
  }
  EXPECT_EQ(harness.loop().status().batch_limit, 64U);
}

TEST(IssuerLoopSlow, ACommitInDoubtThatTookTooLongAlsoHalvesAndIsNotDecidedAgainWhereItWasWritten) {
  Harness harness(small_batches);
  harness.append(create(1, 1'000));
  harness.run();
  harness.hold_commits = true;
  append_requests(harness, 10);
  harness.run();
  harness.hold_commits = false;
  harness.database.edit(test_partition, [](FakeDatabase::PartitionState& state) { state.next_offset = Offset{11}; });
  harness.release(CommitAnswer{.outcome = CommitOutcome::in_doubt, .message = "no answer", .timed_out = true});
  harness.run_for(1'000);
  EXPECT_EQ(harness.last("Publish"), "Publish 1-10");
  EXPECT_EQ(harness.loop().status().batch_limit, 5U);
}

// The search for a refused record needs whole trials; a store that is too slow for them gets smaller batches instead.
TEST(IssuerLoopSlow, ASearchThatIsTooSlowBeginsAnewInASmallerBatch) {
  Harness harness(small_batches);
  harness.append(create(1, 1'000));
  harness.run();
  harness.database.refuse_user("user20");
  harness.database.set_records_in_time(9);
  append_requests(harness, 40);
  harness.run_for(60'000);
  EXPECT_EQ(harness.state().next_offset, Offset{41});
  EXPECT_EQ(harness.state().coupons.size(), 39U);
  EXPECT_EQ(harness.state().dead_letters.size(), 1U);
}

TEST(IssuerLoopSlow, ProgressStandsStillWhileTheStoreIsAwayAndMovesWhileNothingWaits) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run_for(5'000);
  const auto age_us = [&] { return harness.now().monotonic_us - harness.loop().status().progress_us; };
  EXPECT_LE(age_us(), IssuerLoop::bounds_interval_us + IssuerLoop::read_timeout_us_max);
  harness.database.set_down(true);
  harness.append(request(1, "ann"));
  harness.run_for(30'000);
  EXPECT_GE(age_us(), 25'000'000);
  harness.database.set_down(false);
  harness.run_for(5'000);
  EXPECT_LE(age_us(), 2 * IssuerLoop::bounds_interval_us);
}

TEST(IssuerLoopSlow, ATakeoverWaitsForABrokerThatIsSlowToSayWhereItsLogEnds) {
  Harness harness;
  harness.bounds_take = std::chrono::seconds(2);
  harness.append(create(1, 10));
  harness.append(request(1, "ann"));
  harness.run_for(5'000);
  EXPECT_EQ(harness.state().coupons.size(), 1U);
}

TEST(IssuerLoopSlow, ProgressStandsStillWhileTheLogIsAway) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run_for(5'000);
  harness.log.set_down(true);
  harness.run_for(30'000);
  EXPECT_GE(harness.now().monotonic_us - harness.loop().status().progress_us, 25'000'000);
}

}  // namespace
}  // namespace openrun::issuer
