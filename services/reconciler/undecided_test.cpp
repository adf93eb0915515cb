#include "reconciler/undecided.hpp"

#include <gtest/gtest.h>

namespace openrun::reconciler {
namespace {

using News = Undecided::Judgement::News;
constexpr std::int64_t second = 1'000'000;
constexpr Partition partition{3};

TEST(Undecided, APartitionInWhichNothingWaitsIsNeverStuck) {
  Undecided undecided;
  for (int i = 0; i < 100; ++i) {
    const auto judgement = undecided.look(partition, Offset{7}, Offset{7}, i * second);
    EXPECT_EQ(judgement.without_progress_us, 0);
    EXPECT_EQ(judgement.news, News::none);
  }
}

TEST(Undecided, IsToldOnceWhenRecordsWaitAndOnceWhenTheyMoveAgain) {
  Undecided undecided;
  int stuck = 0;
  for (int i = 0; i <= 30; ++i) {
    const auto judgement = undecided.look(partition, Offset{7}, Offset{8 + i}, i * second);
    EXPECT_EQ(judgement.without_progress_us, i * second);
    if (judgement.news == News::stuck) {
      ++stuck;
      EXPECT_EQ(i, 15);
    }
  }
  EXPECT_EQ(stuck, 1);
  const auto judgement = undecided.look(partition, Offset{9}, Offset{50}, 31 * second);
  EXPECT_EQ(judgement.news, News::moving);
  EXPECT_EQ(judgement.without_progress_us, 0);
}

TEST(Undecided, SlowProgressIsProgress) {
  Undecided undecided;
  for (int i = 0; i < 10; ++i) {
    const auto judgement = undecided.look(partition, Offset{i}, Offset{1'000}, i * 10 * second);
    EXPECT_EQ(judgement.news, News::none);
  }
}

TEST(Undecided, PartitionsAreJudgedApart) {
  Undecided undecided;
  (void)undecided.look(Partition{0}, Offset{0}, Offset{5}, 0);
  (void)undecided.look(Partition{1}, Offset{0}, Offset{5}, 0);
  EXPECT_EQ(undecided.look(Partition{0}, Offset{1}, Offset{5}, 20 * second).news, News::none);
  EXPECT_EQ(undecided.look(Partition{1}, Offset{0}, Offset{5}, 20 * second).news, News::stuck);
}

}  // namespace
}  // namespace openrun::reconciler
