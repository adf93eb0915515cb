#include <vector>

#include <gtest/gtest.h>

#include <openrun/sim/clock.hpp>
#include <openrun/sim/scheduler.hpp>

namespace openrun::sim {
namespace {

TEST(SimScheduler, RunsInTheOrderOfTimeAndOfPlanningWithinAMoment) {
  Scheduler scheduler;
  std::vector<int> ran;
  scheduler.at(20, [&] { ran.push_back(3); });
  scheduler.at(10, [&] { ran.push_back(1); });
  scheduler.at(10, [&] {
    ran.push_back(2);
    scheduler.after(0, [&] { ran.push_back(9); });
  });
  scheduler.at(10, [&] { ran.push_back(5); });
  while (scheduler.step()) continue;
  EXPECT_EQ(ran, (std::vector{1, 2, 5, 9, 3}));
  EXPECT_EQ(scheduler.now_us(), 20);
  EXPECT_EQ(scheduler.events(), 5U);
}

TEST(SimScheduler, WhatIsPlannedForThePastRunsNow) {
  Scheduler scheduler;
  scheduler.run_until(100);
  std::int64_t ran_at = 0;
  scheduler.at(5, [&] { ran_at = scheduler.now_us(); });
  EXPECT_TRUE(scheduler.step());
  EXPECT_EQ(ran_at, 100);
}

TEST(SimClock, TheWallClockMayBeSetAndTheMonotonicOneIsTrue) {
  Scheduler scheduler;
  Clock clock(scheduler, 500);
  scheduler.run_until(1'000'000);
  EXPECT_EQ(clock.now(), Timestamp{epoch_ms + 1'500});
  const std::int64_t before = clock.monotonic_us();
  clock.set_ahead_ms(-2'000);
  EXPECT_EQ(clock.now(), Timestamp{epoch_ms - 1'000});
  EXPECT_EQ(clock.monotonic_us(), before);
}

}  // namespace
}  // namespace openrun::sim
