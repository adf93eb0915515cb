#include "gateway/waits/lanes.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/lane.hpp"

namespace openrun::gateway {
namespace {

constexpr std::size_t a_turn = Lane::answers_a_turn_max;

TEST_F(LaneTest, ATurnTellsSoManyDeliveriesAndTheNextTurnsTheRest) {
  const std::size_t all = 2 * a_turn + 3;
  for (std::size_t i = 0; i < all; ++i) lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
  std::vector<ports::Delivery> deliveries;
  for (const std::uint64_t token : appender.tokens) {
    deliveries.push_back({.token = token, .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}});
  }
  lane.deliver({deliveries.data(), all - 1});
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored, a_turn);
  lane.deliver({&deliveries.back(), 1});  // comes while the others are told
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored, 2 * a_turn);
  EXPECT_EQ(lane.pending(), 3);
  while (io.turn()) continue;
  EXPECT_EQ(told.stored, all);
  lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
  const ports::Delivery late{
      .token = appender.tokens.back(), .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}};
  lane.deliver({&late, 1});
  EXPECT_TRUE(io.turn()) << "it is posted again";
  EXPECT_EQ(told.stored, all + 1);
}

TEST_F(LaneTest, ATurnTellsSoManyOutcomesAndTheNextTurnsTheRest) {
  const std::size_t all = 2 * a_turn + 3;
  for (std::size_t i = 0; i < all; ++i) {
    lane.hold(p, Offset{static_cast<std::int64_t>(i)}, 1, std::make_unique<Wish>(told), clock.monotonic_us(),
              clock.monotonic_us() + 10'000'000);
  }
  publish(0, static_cast<std::int64_t>(a_turn));
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn);
  publish(static_cast<std::int64_t>(a_turn) + 1, static_cast<std::int64_t>(all) - 1);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn + 1) << "what was begun comes first";
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, 2 * a_turn + 1);
  while (io.turn()) continue;
  EXPECT_EQ(told.decided, all);
}

TEST_F(LaneTest, WhoIsToldHearsTheTimeOfTheTurn) {
  append(1);
  const ports::Delivery delivery{
      .token = appender.tokens.front(), .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}};
  lane.deliver({&delivery, 1});
  clock.advance_ms(30);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored_us, clock.monotonic_us());
  hold(1);
  publish(0, 0);
  clock.advance_ms(30);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided_us, clock.monotonic_us());
}

TEST_F(LaneTest, HoweverManyWaitATurnHasABound) {
  hold(8 * a_turn);
  publish(0, 8 * a_turn - 1);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn);
}

TEST_F(LaneTest, AnAppendGoesAtOnceWhileFewWait) {
  hold(Lane::group_min - 3);
  append(3);
  EXPECT_EQ(appender.tokens.size(), 3U);
  EXPECT_TRUE(io.timers.empty());
}

TEST_F(LaneTest, NothingIsCollectedForWhenAllWhoAreAwakeHaveCome) {
  io.awake = 5;
  append(4);
  EXPECT_TRUE(appender.sent_at.empty()) << "one may still come";
  append(1);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{5});
}

TEST_F(LaneTest, NorDoesAGroupWaitForMore) {
  io.awake = Lane::group_min + 3;
  append(Lane::group_min + 2);
  EXPECT_TRUE(appender.sent_at.empty());
  EXPECT_EQ(appender.tokens.size(), Lane::group_min) << "two are gathered";
  append(1);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{Lane::group_min + 3});
}

TEST_F(LaneTest, TheAppenderIsNotToldToSendAllTheTime) {
  for (std::size_t call = 1; call <= 3; ++call) {
    io.awake = call;
    append(1);
  }
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{1});
  clock.advance_ms(1);
  io.awake = 4;
  append(1);
  EXPECT_EQ(appender.sent_at, (std::vector<std::size_t>{1, 4}));
}

TEST_F(LaneTest, WhoWaitsForAnOutcomeMayStillCome) {
  io.awake = 5;
  hold(2);
  append(3);
  EXPECT_TRUE(appender.sent_at.empty());
}

TEST_F(LaneTest, CallsWithoutAConnectionLeaveTheAppenderToItself) {
  io.awake = 2;
  append(1);
  EXPECT_TRUE(appender.sent_at.empty());
  append(1);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{2});
  append(3);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{2});
}

}  // namespace
}  // namespace openrun::gateway
