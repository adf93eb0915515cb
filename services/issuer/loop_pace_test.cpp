// What the loop waits for: the dispatch rate, our clock, and a build that knows the decision rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "issuer/loop.hpp"
#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using ports::CommitAnswer;
using ports::CommitOutcome;
using ::testing::HasSubstr;

// ---- dispatch ----

TEST(IssuerLoopPace, HoldsEverythingBackUntilTheDispatchRateIsKnown) {
  Harness harness;
  harness.fault = [](const Action& action) -> std::optional<Harness::Fault> {
    if (std::holds_alternative<QueryDispatchRate>(action)) return Harness::Fault::lost_before;
    return std::nullopt;
  };
  harness.append_all({create(1, 10), request(1, "ann")});
  harness.run_for(3'000);
  EXPECT_EQ(harness.count("Commit"), 0U);
  harness.fault = {};
  harness.run_for(500);
  EXPECT_EQ(harness.state().next_offset, Offset{2});
}

TEST(IssuerLoopPace, LimitsRequestsButNotCommands) {
  Harness harness;
  harness.database.set_dispatch(10);
  harness.append(create(1, 1'000));
  for (int i = 0; i < 100; ++i) {
    harness.append(request(1, "user" + std::to_string(i)));
    harness.append(add_stock(1, 1, "key" + std::to_string(i)));
  }
  harness.run_for(2'000);
  EXPECT_NEAR(static_cast<double>(harness.state().coupons.size()), 20, 2);
}

TEST(IssuerLoopPace, FollowsAChangedRateWithinASecondAlsoUnderFullLoad) {
  Harness harness({.batch_max = 100});
  harness.append(create(1, 1'000'000));
  harness.run_for(100);
  harness.hold_commits = true;
  const auto feed_for = [&](int milliseconds) {
    const std::size_t before = harness.state().coupons.size();
    for (int i = 0; i < milliseconds / 10; ++i) {
      for (int user = 0; user < 20; ++user) {
        harness.append(
            request(1, std::to_string(harness.log.bounds(ports::Topic::requests, test_partition).end.value)));
        // Decided while the commit is held, so that the next one goes as soon as it is released: the store is never
        // free.
        harness.run();
      }
      harness.run_for(10);
      if (harness.holds_commit()) harness.release();
    }
    return harness.state().coupons.size() - before;
  };
  feed_for(2'000);
  harness.database.set_dispatch(50);
  feed_for(1'000);
  EXPECT_NEAR(static_cast<double>(feed_for(2'000)), 100, 10);
}

// ---- time and versions ----

TEST(IssuerLoopPace, PausesWhileARecordIsFromTheFutureAndAlarmsOnce) {
  Harness harness({.clock_skew_ms_max = 1'000});
  harness.append(create(1, 10));
  harness.append(request(1, "ann"), 5'000);
  harness.append(request(1, "bob"));
  harness.run_for(3'900);
  EXPECT_EQ(harness.state().next_offset, Offset{1});
  EXPECT_EQ(harness.count("Tell clock_ahead"), 1U);
  EXPECT_GT(harness.loop().status().clock_ahead_ms, 1'000);
  harness.run_for(200);
  EXPECT_EQ(harness.state().next_offset, Offset{3});
  EXPECT_EQ(harness.count("Tell clock_caught_up"), 1U);
  EXPECT_EQ(harness.loop().status().clock_ahead_ms, 0);
}

TEST(IssuerLoopPace, DoesNotPauseForASkewWithinTheAllowance) {
  Harness harness({.clock_skew_ms_max = 1'000});
  harness.append(create(1, 10), 1'000);
  harness.run();
  EXPECT_EQ(harness.state().next_offset, Offset{1});
}

TEST(IssuerLoopPace, CommitsWhatStandsBeforeANewerDecisionVersionAndThenStops) {
  Harness harness;
  harness.append_all({create(1, 10), request(1, "ann"), decision_version(1), decision_version(2), request(1, "bob")});
  harness.run();
  EXPECT_EQ(harness.state().next_offset, Offset{3});
  EXPECT_EQ(harness.count("Publish 0-2"), 1U);
  EXPECT_THAT(harness.last("Stop"), HasSubstr("DECISION_VERSION"));
  EXPECT_THAT(harness.last("Stop"), HasSubstr("docs/runbooks/decision-version.md"));
  EXPECT_TRUE(harness.loop().finished());
}

TEST(IssuerLoopPace, CommitsWhatStandsBeforeARecordOfANewerVersionAndThenStopsInsteadOfGuessing) {
  Harness harness;
  const std::string newer = request(1, "ann") + "\xF8\x01\x07";
  harness.append_all({create(1, 10), request(1, "bob"), newer, request(1, "kim")});
  harness.run();
  EXPECT_EQ(harness.state().next_offset, Offset{2});
  EXPECT_EQ(harness.count("Publish 0-1"), 1U);
  EXPECT_THAT(harness.last("Stop"), HasSubstr("RECORD_VERSION"));
  EXPECT_THAT(harness.last("Stop"), HasSubstr("version 7"));
  EXPECT_THAT(harness.last("Stop"), HasSubstr("docs/runbooks/decision-version.md"));
  EXPECT_TRUE(harness.loop().finished());
}

TEST(IssuerLoopPace, CommitsAgainBeforeItStopsForANewerVersionWhenTheFirstTryFailed) {
  Harness harness;
  harness.hold_commits = true;
  harness.append_all({create(1, 10), decision_version(2)});
  harness.run();
  harness.hold_commits = false;
  harness.release(CommitAnswer{CommitOutcome::rolled_back, "lost"});
  harness.run_for(1'000);
  EXPECT_EQ(harness.state().next_offset, Offset{1});
  EXPECT_THAT(harness.last("Stop"), HasSubstr("DECISION_VERSION"));
}

TEST(IssuerLoopPace, AStateOfANewerDecisionVersionIsNotTouched) {
  Harness harness;
  harness.database.edit(test_partition, [](FakeDatabase::PartitionState& state) { state.decision_version = 2; });
  harness.append(create(1, 10));
  harness.run();
  EXPECT_THAT(harness.last("Stop"), HasSubstr("DECISION_VERSION"));
  EXPECT_EQ(harness.count("Commit"), 0U);
}

}  // namespace
}  // namespace openrun::issuer
