// When appends go to the log, and how many together.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/lane.hpp"

namespace openrun::gateway {
namespace {

TEST_F(LaneTest, WhereManyWaitAppendsGoInGroupsInTheOrderOfTheCalls) {
  hold(Lane::group_min);
  append(Lane::group_min - 1);
  EXPECT_TRUE(appender.tokens.empty());
  append(1);
  ASSERT_EQ(appender.tokens.size(), Lane::group_min);
  for (std::size_t i = 1; i < appender.tokens.size(); ++i) {
    EXPECT_LT(PendingToken::slot(appender.tokens[i - 1]), PendingToken::slot(appender.tokens[i]));
  }
}

TEST_F(LaneTest, EachAppendOfAGroupGoesAsItWasGiven) {
  hold(Lane::group_min);
  const auto trace = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_TRUE(trace);
  std::vector<std::string> given;
  for (std::size_t call = 0; call < 3 * Lane::group_min - 1; ++call) {
    const auto partition = static_cast<std::int32_t>(call % 3);
    const std::string key = std::to_string(call * call);
    const std::string value(call % 50, static_cast<char>('a' + call % 26));
    lane.append(appender, Partition{partition}, key, value, call % 7 == 0 ? trace : std::nullopt,
                std::make_unique<Wish>(told));
    given.push_back(std::to_string(partition) + " " + key + "=" + value +
                    (call % 7 == 0 ? " " + to_traceparent(*trace) : ""));
  }
  EXPECT_EQ(appender.texts, given) << "two groups: the second is half of all who wait then";
}

TEST_F(LaneTest, AGroupIsHalfOfAllWhoWait) {
  hold(4 * Lane::group_min);
  std::size_t calls = 0;
  while (appender.tokens.empty() && calls < 4 * Lane::group_min) {
    append(1);
    ++calls;
  }
  EXPECT_EQ(calls, (4 * Lane::group_min + calls) / Lane::groups_under_way);
  EXPECT_EQ(appender.tokens.size(), calls);
}

TEST_F(LaneTest, AGroupForSeveralPartitionsIsAsManyTimesLarger) {
  hold(7);
  meet(4, 8);
  hold(Lane::group_min);
  append(4 * Lane::group_min - 1);
  EXPECT_TRUE(appender.tokens.empty());
  append(1);
  EXPECT_EQ(appender.tokens.size(), 4 * Lane::group_min);
}

TEST_F(LaneTest, MorePartitionsThanAGroupCanServeCountAsSoMany) {
  hold(5 * Lane::partitions_max - 1);
  meet(5 * Lane::partitions_max, 5 * Lane::partitions_max);
  append(1);
  EXPECT_TRUE(appender.tokens.empty()) << "more than few_a_partition of each that counts";
  hold(Lane::group_min);
  append(Lane::group_max - 2);
  EXPECT_TRUE(appender.tokens.empty());
  append(1);
  EXPECT_EQ(appender.tokens.size(), Lane::group_max);
}

TEST_F(LaneTest, OfSeveralPartitionsFewAreGatheredToo) {
  hold(2 * Lane::few_a_partition);
  meet(2, 2 * Lane::few_a_partition + 1);
  append(1);
  EXPECT_TRUE(appender.tokens.empty());
  ASSERT_EQ(io.delays_ms, std::vector{Lane::group_quiet_ms});
  append(1);
  io.timers[0]();
  EXPECT_TRUE(appender.tokens.empty()) << "one more came";
  append(1);
  io.timers[1]();
  EXPECT_EQ(appender.tokens.size(), 3U) << "however many still come";
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{3}) << "and the appender collects no longer";
}

TEST_F(LaneTest, OfSeveralPartitionsVeryFewGoAtOnce) {
  hold(2 * Lane::few_a_partition - 1);
  meet(2, 2 * Lane::few_a_partition);
  append(1);
  EXPECT_EQ(appender.tokens.size(), 1U);
}

TEST_F(LaneTest, OnePartitionAgainIsToldFromSeveralAfterARound) {
  hold(2 * Lane::few_a_partition);
  meet(2, 2 * Lane::few_a_partition + 1);
  meet(1, 2 * Lane::few_a_partition + 1);
  append(1);
  EXPECT_EQ(appender.tokens.size(), 1U);
}

TEST_F(LaneTest, AGroupHasABound) {
  hold(9 * Lane::group_max);
  append(Lane::group_max);
  EXPECT_EQ(appender.tokens.size(), Lane::group_max);
}

TEST_F(LaneTest, AGroupGoesWhenNobodyComesAnyMore) {
  hold(Lane::group_min);
  append(2);
  ASSERT_EQ(io.delays_ms, std::vector{Lane::group_quiet_ms});
  io.timers[0]();
  EXPECT_TRUE(appender.tokens.empty()) << "a second one came after the first";
  ASSERT_EQ(io.timers.size(), 2U);
  io.timers[1]();
  EXPECT_EQ(appender.tokens.size(), 2U);
  EXPECT_EQ(io.timers.size(), 2U);
}

TEST_F(LaneTest, AGroupThatGrowsSlowlyGoesAfterAWhile) {
  hold(Lane::group_min);
  append(1);
  for (std::size_t look = 0; look < Lane::group_quiet_looks; ++look) {
    EXPECT_TRUE(appender.tokens.empty());
    append(1);
    ASSERT_EQ(io.timers.size(), look + 1);
    io.timers[look]();
  }
  EXPECT_EQ(appender.tokens.size(), Lane::group_quiet_looks + 1U);
}

TEST_F(LaneTest, TheTimerOfAGroupThatWentLeavesTheNextOneAlone) {
  hold(Lane::group_min);
  append(Lane::group_min + 1);
  ASSERT_EQ(io.timers.size(), 2U);
  io.timers[0]();
  EXPECT_EQ(appender.tokens.size(), Lane::group_min) << "one of the next group waits";
  io.timers[1]();
  EXPECT_EQ(appender.tokens.size(), Lane::group_min + 1);
}

TEST_F(LaneTest, WhoIsReleasedGathersNothing) {
  hold(2 * Lane::group_min);
  append(Lane::group_min + 2);
  lane.release();
  EXPECT_EQ(appender.tokens.size(), Lane::group_min + 2);
  append(1);
  EXPECT_EQ(appender.tokens.size(), Lane::group_min + 3) << "although so many have no delivery yet";
}

TEST_F(LaneTest, WhoIsRefusedWithItsGroupIsTold) {
  hold(Lane::group_min);
  append(Lane::group_min - 1);
  appender.refuses = true;
  append(1);
  EXPECT_EQ(told.not_stored, Lane::group_min);
  EXPECT_EQ(lane.pending(), 0);
}

}  // namespace
}  // namespace openrun::gateway
