#include "gateway/results/results_progress.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST(ResultsProgress, ReadyWhenTheEndSeenAtTheStartWasReached) {
  ResultsProgress progress;
  EXPECT_FALSE(progress.ready());
  progress.opened(Offset{10}, Offset{20}, second);
  progress.reached(Offset{19});
  EXPECT_FALSE(progress.ready());
  progress.reached(Offset{20});
  EXPECT_TRUE(progress.ready());
}

TEST(ResultsProgress, AnEmptyTopicIsReadyAtOnce) {
  ResultsProgress progress;
  progress.opened(Offset{0}, Offset{0}, second);
  EXPECT_TRUE(progress.ready());
}

TEST(ResultsProgress, BehindCountsFromTheNewestEndThatWasReached) {
  ResultsProgress progress;
  progress.opened(Offset{0}, Offset{0}, 1 * second);
  progress.sampled(Offset{10}, 2 * second);
  progress.sampled(Offset{30}, 3 * second);
  EXPECT_EQ(progress.behind_us(4 * second), 3 * second);
  EXPECT_EQ(progress.lag(), 30);
  progress.reached(Offset{10});
  EXPECT_EQ(progress.behind_us(4 * second), 2 * second) << "as of the sample at 2 s all was read";
  progress.sampled(Offset{30}, 5 * second);
  progress.reached(Offset{30});
  EXPECT_EQ(progress.behind_us(5 * second), 0);
}

TEST(ResultsProgress, ASteadyStreamIsNotBehind) {
  ResultsProgress progress;
  progress.opened(Offset{0}, Offset{0}, 0);
  for (std::int64_t i = 1; i <= 100; ++i) {
    progress.reached(Offset{i * 100});
    progress.sampled(Offset{i * 100 + 5}, i * second);
  }
  EXPECT_LE(progress.behind_us(100 * second), 1 * second);
}

TEST(ResultsProgress, ReadinessStaysThroughAReopening) {
  ResultsProgress progress;
  progress.opened(Offset{0}, Offset{5}, 0);
  progress.reached(Offset{5});
  progress.opened(Offset{100}, Offset{200}, 9 * second);
  EXPECT_TRUE(progress.ready());
  EXPECT_EQ(progress.behind_us(9 * second), 9 * second);
}

}  // namespace
}  // namespace openrun::gateway
