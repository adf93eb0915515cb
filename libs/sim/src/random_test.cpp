#include <array>

#include <gtest/gtest.h>

#include <openrun/sim/random.hpp>

namespace openrun::sim {
namespace {

// As an independent implementation of the two papers has them: the same on every machine, for ever.
TEST(SimRandom, IsXoshiroSeededBySplitmix) {
  Random random(1);
  EXPECT_EQ(random.next(), 0xb3f2af6d0fc710c5U);
  EXPECT_EQ(random.next(), 0x853b559647364ceaU);
  EXPECT_EQ(random.next(), 0x92f89756082a4514U);
}

TEST(SimRandom, StaysWithinItsRangesAndReachesTheirEnds) {
  Random random(7);
  std::array<int, 5> seen{};
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t value = random.between(-2, 2);
    ASSERT_GE(value, -2);
    ASSERT_LE(value, 2);
    ++seen.at(static_cast<std::size_t>(value + 2));
  }
  for (const int count : seen) EXPECT_GT(count, 100);
  EXPECT_EQ(random.between(9, 9), 9);
  EXPECT_FALSE(random.chance(0));
  EXPECT_TRUE(random.chance(1'000));
}

TEST(SimRandom, DurationsAreMostlyUsualAndNeverAboveTheLongest) {
  Random random(3);
  int long_ones = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t duration = random.duration(100, 4'000);
    ASSERT_GE(duration, 50);
    ASSERT_LE(duration, 4'000);
    if (duration > 150) ++long_ones;
  }
  EXPECT_GT(long_ones, 100);
  EXPECT_LT(long_ones, 1'000);
}

}  // namespace
}  // namespace openrun::sim
