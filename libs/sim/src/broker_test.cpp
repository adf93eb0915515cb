#include <gtest/gtest.h>

#include <openrun/sim/broker.hpp>

namespace openrun::sim {
namespace {

constexpr auto requests = ports::Topic::requests;
constexpr Partition zero{0};

class SimBroker : public ::testing::Test {
 protected:
  Scheduler scheduler;
  Broker broker{scheduler, 2};
};

TEST_F(SimBroker, KeepsRecordsWithTheTimeOfItsOwnClock) {
  broker.append(requests, zero, "k", "a", {{"h", "1"}});
  broker.clock().set_ahead_ms(-5'000);
  EXPECT_EQ(broker.append(requests, zero, "k", "b"), Offset{1});
  auto reader = broker.open(requests, zero, Offset{0});
  ASSERT_TRUE(reader.has_value());
  const auto batch = (*reader)->poll(10, {});
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(batch->records.size(), 2U);
  EXPECT_EQ(batch->records[0].value, "a");
  EXPECT_EQ((*reader)->headers(batch->records[0]), (ports::Headers{{"h", "1"}}));
  EXPECT_EQ(batch->records[1].time - batch->records[0].time, -5'000);
  EXPECT_TRUE((*reader)->poll(10, {})->records.empty());
}

TEST_F(SimBroker, WhatRetentionTookIsOutsideTheLog) {
  for (int i = 0; i < 5; ++i) broker.append(requests, zero, "k", std::to_string(i));
  broker.expire(requests, zero, Offset{3});
  EXPECT_EQ(broker.bounds(requests, zero).begin, Offset{3});
  auto reader = broker.open(requests, zero, Offset{1});
  EXPECT_EQ((*reader)->poll(10, {}).error().kind, Error::Kind::not_found);
  EXPECT_EQ(broker.offset_at(requests, zero, Timestamp{0}, {}), Offset{3});
  EXPECT_EQ(broker.records(requests, zero).size(), 5U) << "who checks sees all";
}

TEST_F(SimBroker, ATruncatedLogGivesItsOffsetsAgain) {
  for (int i = 0; i < 5; ++i) broker.append(requests, zero, "k", std::to_string(i));
  auto reader = broker.open(requests, zero, Offset{4});
  broker.truncate(requests, zero, Offset{3});
  EXPECT_EQ(broker.bounds(requests, zero).end, Offset{3});
  EXPECT_EQ((*reader)->poll(10, {}).error().kind, Error::Kind::not_found);
  EXPECT_EQ(broker.append(requests, zero, "k", "another"), Offset{3});
  EXPECT_EQ(broker.records(requests, zero).back().value, "another");
}

TEST_F(SimBroker, NobodyReachesItWhileItIsAway) {
  auto reader = broker.open(requests, zero, Offset{0});
  broker.set_available(false);
  EXPECT_EQ((*reader)->poll(10, {}).error().kind, Error::Kind::unavailable);
  EXPECT_FALSE((*reader)->bounds({}).has_value());
  EXPECT_FALSE(broker.open(requests, zero, Offset{0}).has_value());
  EXPECT_FALSE(broker.partitions(requests, {}).has_value());
}

TEST_F(SimBroker, CallsOnceWhoWaitsForAnAppend) {
  int calls = 0;
  broker.call_at_append(requests, zero, [&] { ++calls; });
  broker.append(requests, Partition{1}, "k", "elsewhere");
  EXPECT_EQ(calls, 0);
  broker.append(requests, zero, "k", "a");
  broker.append(requests, zero, "k", "b");
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace openrun::sim
