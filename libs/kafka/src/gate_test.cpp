#include "gate.hpp"

#include <gtest/gtest.h>

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto stall_max = 1'000ms;
const TimePoint start{100s};

TEST(Gate, LetsEverythingThroughWhileAcknowledgementsCome) {
  Gate gate(stall_max);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(gate.admit(start + i * 1ms, 999ms));
}

TEST(Gate, LetsOneProbeThroughInEachIntervalWhileTheOldestAppendIsStalled) {
  Gate gate(stall_max);
  int admitted = 0;
  for (auto at = 0ms; at < 1'000ms; at += 10ms) admitted += gate.admit(start + at, 2'000ms) ? 1 : 0;
  EXPECT_EQ(admitted, 4);
}

TEST(Gate, OpensWithTheFirstStoredAppend) {
  Gate gate(stall_max);
  EXPECT_TRUE(gate.admit(start, 2'000ms));
  EXPECT_FALSE(gate.admit(start, 2'000ms));
  gate.stored();
  EXPECT_TRUE(gate.admit(start, 0ms));
  EXPECT_TRUE(gate.admit(start, 0ms));
}

TEST(Gate, StaysClosedAfterATimeOutAlthoughNothingIsPendingAnyMore) {
  Gate gate(stall_max);
  gate.timed_out();
  EXPECT_TRUE(gate.admit(start, 0ms));
  EXPECT_FALSE(gate.admit(start + 100ms, 0ms));
  EXPECT_TRUE(gate.admit(start + 250ms, 0ms));
}

TEST(Gate, AConnectionOpensItAfterADisconnection) {
  Gate gate(stall_max);
  gate.disconnected();
  EXPECT_TRUE(gate.admit(start, 0ms));
  EXPECT_FALSE(gate.admit(start, 0ms));
  gate.connected();
  EXPECT_TRUE(gate.admit(start, 0ms));
  EXPECT_TRUE(gate.admit(start, 0ms));
}

TEST(Gate, AConnectionProvesNothingAfterATimeOut) {
  Gate gate(stall_max);
  gate.timed_out();
  gate.disconnected();
  gate.connected();
  EXPECT_TRUE(gate.admit(start, 0ms));
  EXPECT_FALSE(gate.admit(start, 0ms));
}

TEST(Unacknowledged, KnowsTheAgeOfTheOldest) {
  Unacknowledged unacknowledged;
  EXPECT_EQ(unacknowledged.oldest(start), 0ms);
  unacknowledged.add(start);
  unacknowledged.add(start);
  unacknowledged.add(start + 5ms);
  EXPECT_EQ(unacknowledged.oldest(start + 10ms), 10ms);
  unacknowledged.remove_oldest();
  EXPECT_EQ(unacknowledged.oldest(start + 10ms), 10ms);
  unacknowledged.remove_oldest();
  EXPECT_EQ(unacknowledged.oldest(start + 10ms), 5ms);
  unacknowledged.remove_oldest();
  EXPECT_EQ(unacknowledged.oldest(start + 10ms), 0ms);
  EXPECT_EQ(unacknowledged.size(), 0U);
}

}  // namespace
}  // namespace openrun::kafka
