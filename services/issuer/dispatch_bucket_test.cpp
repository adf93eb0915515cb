#include "issuer/dispatch_bucket.hpp"

#include <gtest/gtest.h>

namespace openrun::issuer {
namespace {

int taken_within(DispatchBucket& bucket, std::int64_t from_us, std::int64_t until_us, std::int64_t step_us) {
  int taken = 0;
  for (std::int64_t now = from_us; now <= until_us; now += step_us) {
    while (taken < 1'000'000 && bucket.take(now)) ++taken;
  }
  return taken;
}

TEST(DispatchBucket, TheRateIsUnknownUntilItIsSet) {
  DispatchBucket bucket;
  EXPECT_FALSE(bucket.known());
  bucket.set_rate(0, 0);
  EXPECT_TRUE(bucket.known());
}

TEST(DispatchBucket, ZeroLetsEverythingPass) {
  DispatchBucket bucket;
  bucket.set_rate(0, 0);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(bucket.take(5));
}

TEST(DispatchBucket, LetsThroughTheRateAndOneBurstInALongRun) {
  for (const std::uint32_t rate : {1U, 7U, 100U, 1'000U, 33'333U, 4'000'000'000U / 100'000}) {
    DispatchBucket bucket;
    bucket.set_rate(rate, 0);
    const int taken = taken_within(bucket, 0, 10'000'000, 500);
    const int burst = std::max<int>(1, static_cast<int>(rate) / 20);
    EXPECT_GE(taken, static_cast<int>(rate) * 10) << rate;
    EXPECT_LE(taken, static_cast<int>(rate) * 10 + burst) << rate;
  }
}

TEST(DispatchBucket, AnIdleHourEarnsNoMoreThanOneTwentiethOfASecond) {
  DispatchBucket bucket;
  bucket.set_rate(1'000, 0);
  const std::int64_t hour_us = 3'600'000'000;
  EXPECT_EQ(taken_within(bucket, hour_us, hour_us, 1), 50);
}

TEST(DispatchBucket, AYearOfIdlenessDoesNotOverflow) {
  DispatchBucket bucket;
  bucket.set_rate(4'294'967'295, 0);
  EXPECT_TRUE(bucket.take(31'536'000'000'000));
}

TEST(DispatchBucket, SaysWhenTheNextTokenIsThere) {
  DispatchBucket bucket;
  bucket.set_rate(10, 0);
  ASSERT_TRUE(bucket.take(0));
  ASSERT_FALSE(bucket.take(0));
  const std::int64_t next = bucket.next_token_us(0);
  EXPECT_EQ(next, 100'000);
  EXPECT_FALSE(bucket.take(next - 1));
  EXPECT_TRUE(bucket.take(next));
}

TEST(DispatchBucket, DoesNotWakeMoreThanOnceAMillisecond) {
  DispatchBucket bucket;
  bucket.set_rate(1'000'000, 0);
  while (bucket.take(0)) {
  }
  EXPECT_EQ(bucket.next_token_us(0), 1'000);
}

TEST(DispatchBucket, FollowsARateThatChangesWhileItRuns) {
  DispatchBucket bucket;
  bucket.set_rate(1'000, 0);
  EXPECT_NEAR(taken_within(bucket, 0, 1'000'000, 500), 1'000, 50);
  bucket.set_rate(10, 1'000'000);
  EXPECT_NEAR(taken_within(bucket, 1'000'000, 2'000'000, 500), 10, 1);
  bucket.set_rate(0, 2'000'000);
  EXPECT_TRUE(bucket.take(2'000'000));
  EXPECT_TRUE(bucket.take(2'000'000));
  bucket.set_rate(5, 2'000'000);
  EXPECT_NEAR(taken_within(bucket, 2'000'000, 4'000'000, 500), 10, 1);
}

}  // namespace
}  // namespace openrun::issuer
