#include "gateway/access/admission.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

constexpr std::int64_t bound_ms = 100;

// A log that takes so many a second, in order, with all that it can't take yet in a queue: in virtual time, a
// millisecond a step.
struct World {
  static constexpr double capacity_per_ms = 20;
  static constexpr double base_delay_ms = 5;

  testing::FakeClock clock;
  testing::RecordingMetrics metrics;
  std::mt19937 generator{20'261'121};  // the same draws in every run
  std::function<std::uint32_t()> random_u32 = [this] { return static_cast<std::uint32_t>(generator()); };
  Admission admission{{.append_delay_ms_max = bound_ms, .line_wait_ms_max = 0}, random_u32, metrics};
  double queue = 0;
  double served = 0;
  double arrived = 0;
  double admitted = 0;
  double delay_ms_max = 0;

  void run(std::int64_t ms, double load) {
    served = arrived = admitted = delay_ms_max = 0;
    double due = 0;
    for (std::int64_t step = 0; step < ms; ++step) {
      clock.advance_ms(1);
      for (due += load * capacity_per_ms; due >= 1; due -= 1) {
        ++arrived;
        if (!admission.admits()) continue;
        ++admitted;
        ++queue;
      }
      const double delay_ms = base_delay_ms + queue / capacity_per_ms;
      const double done = std::min(queue, capacity_per_ms);
      queue -= done;
      served += done;
      delay_ms_max = std::max(delay_ms_max, delay_ms);
      for (double i = 0; i < done; ++i) {
        admission.observe(static_cast<std::int64_t>(delay_ms * 1'000), clock.monotonic_us());
      }
    }
  }
};

TEST(AdmissionTest, WithinTheCapacityEverySubmitComesIn) {
  World world;
  for (const double load : {0.1, 0.5, 0.95}) {
    world.run(5'000, load);
    EXPECT_EQ(world.admitted, world.arrived) << load;
  }
}

TEST(AdmissionTest, AtThreeTimesTheCapacityTheLogStaysBusyAndTheDelayBounded) {
  World world;
  world.run(5'000, 3);  // until it has found its share
  world.run(20'000, 3);
  EXPECT_GE(world.served, 0.9 * 20'000 * World::capacity_per_ms) << "goodput";
  EXPECT_LE(world.delay_ms_max, 3 * bound_ms);
  EXPECT_GT(world.metrics.value(R"(openrun_shed_total{cause="append"})"), 0);
}

TEST(AdmissionTest, ALoadThatComesAtOnceIsMetWithinASecond) {
  World world;
  world.run(1'000, 0.5);
  world.run(2'000, 3);
  EXPECT_LE(world.delay_ms_max, 8 * bound_ms);
  EXPECT_GE(world.served, 0.9 * 2'000 * World::capacity_per_ms);
}

TEST(AdmissionTest, AtTenTimesTheCapacityToo) {
  World world;
  world.run(10'000, 10);
  world.run(20'000, 10);
  EXPECT_GE(world.served, 0.9 * 20'000 * World::capacity_per_ms);
  EXPECT_LE(world.delay_ms_max, 4 * bound_ms) << "once the first queue is gone";
}

TEST(AdmissionTest, WhenTheLoadIsOverEverySubmitComesInAgain) {
  World world;
  world.run(10'000, 5);
  world.run(5'000, 0.5);
  world.run(1'000, 0.5);
  EXPECT_EQ(world.admitted, world.arrived);
  EXPECT_EQ(world.admission.share(), 1.0);
}

TEST(AdmissionTest, OneLateAcknowledgementShedsNothing) {
  World world;
  for (int i = 0; i < 100; ++i) {
    world.clock.advance_ms(1'000);
    world.admission.observe(400'000, world.clock.monotonic_us());
  }
  EXPECT_EQ(world.admission.share(), 1.0) << "a late one now and then is no delay that stands";
  for (int i = 0; i < 1'000; ++i) {
    world.clock.advance_ms(10);
    world.admission.observe(i % 5 == 0 ? 1'000 : 400'000, world.clock.monotonic_us());
  }
  EXPECT_EQ(world.admission.share(), 1.0) << "in every interval there is a quick one";
}

TEST(AdmissionTest, ALogThatAcknowledgesNothingIsADelayToo) {
  World world;
  for (std::int64_t standing_us = 0; standing_us < 3'000'000; standing_us += 20'000) {
    world.clock.advance_ms(20);
    world.admission.tick(standing_us, world.clock.monotonic_us());
  }
  EXPECT_LT(world.admission.share(), 0.05);
  for (int i = 0; i < 250; ++i) {
    world.clock.advance_ms(20);
    world.admission.tick(0, world.clock.monotonic_us());
  }
  EXPECT_EQ(world.admission.share(), 1.0);
}

TEST(AdmissionTest, SomethingAlwaysComesIn) {
  World world;
  for (int i = 0; i < 10'000; ++i) {
    world.clock.advance_ms(10);
    world.admission.observe(60'000'000, world.clock.monotonic_us());
  }
  EXPECT_DOUBLE_EQ(world.admission.share(), DelayGovernor::share_min);
}

TEST(AdmissionTest, TurnedOffItShedsNothing) {
  World world;
  Admission off({}, world.random_u32, world.metrics);
  for (int i = 0; i < 1'000; ++i) {
    world.clock.advance_ms(10);
    off.observe(60'000'000, world.clock.monotonic_us());
    off.tick(60'000'000, world.clock.monotonic_us());
  }
  EXPECT_TRUE(off.admits());
}

TEST(AdmissionTest, WhoStoodInLineForTooLongIsShedWhateverTheLogDoes) {
  World world;
  EXPECT_FALSE(world.admission.admits(true));
  EXPECT_TRUE(world.admission.admits(false));
  Admission off({}, world.random_u32, world.metrics);
  EXPECT_FALSE(off.admits(true));
  EXPECT_EQ(world.metrics.value(R"(openrun_shed_total{cause="line"})"), 2);
  EXPECT_EQ(world.metrics.value(R"(openrun_shed_total{cause="append"})"), 0);
}

}  // namespace
}  // namespace openrun::gateway
