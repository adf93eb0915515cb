#include "gateway/operations/latency_tally.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

TEST(LatencyTally, PercentilesAreAtMostAFifthTooHigh) {
  LatencyTally tally;
  for (int ms = 1; ms <= 1'000; ++ms) tally.observe(ms / 1e3);
  const LatencyCounts counts = tally.read();
  EXPECT_EQ(counts.count(), 1'000U);
  for (const double share : {0.5, 0.9, 0.99}) {
    EXPECT_GE(*counts.percentile_ms(share), share * 1'000) << share;
    EXPECT_LE(*counts.percentile_ms(share), share * 1'200) << share;
  }
}

TEST(LatencyTally, TheShortestAndTheLongestHaveABucket) {
  LatencyTally tally;
  for (const double seconds : {0.0, -1.0, 1e9}) tally.observe(seconds);
  EXPECT_EQ(tally.read().count(), 3U);
  EXPECT_EQ(tally.read().percentile_ms(0.5), LatencyCounts::lowest_ms);
  EXPECT_GT(*tally.read().percentile_ms(1), 50'000);
  EXPECT_EQ(LatencyCounts{}.percentile_ms(0.5), std::nullopt);
}

}  // namespace
}  // namespace openrun::gateway
