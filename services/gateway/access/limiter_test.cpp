#include "gateway/access/limiter.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

constexpr Rate ten{.per_second = 10, .burst = 5};
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t begin_us = 5 * second_us;

TEST(LimiterTest, AdmitsTheBurstAndThenTheRate) {
  Limiter limiter(64);
  for (int i = 0; i < 5; ++i) {
    const auto answer = limiter.take('u', "mina", ten, begin_us);
    EXPECT_TRUE(answer.admitted);
    EXPECT_EQ(answer.remaining, 4 - i);
    EXPECT_EQ(answer.full_after_us, (i + 1) * 100'000);
  }
  const auto refused = limiter.take('u', "mina", ten, begin_us);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.retry_after_us, 100'000);
  EXPECT_FALSE(limiter.take('u', "mina", ten, begin_us + 99'999).admitted);
  EXPECT_TRUE(limiter.take('u', "mina", ten, begin_us + 100'000).admitted) << "as it was told";
  EXPECT_FALSE(limiter.take('u', "mina", ten, begin_us + 100'000).admitted);
}

TEST(LimiterTest, WhatIsRefusedCostsNothing) {
  Limiter limiter(64);
  for (int i = 0; i < 1'000; ++i) (void)limiter.take('u', "mina", ten, begin_us);
  EXPECT_TRUE(limiter.take('u', "mina", ten, begin_us + 100'000).admitted);
}

TEST(LimiterTest, InTheLongRunTheRateIsAdmitted) {
  Limiter limiter(64);
  int admitted = 0;
  for (std::int64_t at = 0; at < 100 * second_us; at += 1'000) {
    if (limiter.take('u', "mina", ten, begin_us + at).admitted) ++admitted;
  }
  EXPECT_EQ(admitted, 5 + 999) << "the burst, and ten a second";
}

TEST(LimiterTest, KeysAndKindsAreApart) {
  Limiter limiter(1'024);
  const Rate one{.per_second = 1, .burst = 1};
  EXPECT_TRUE(limiter.take('u', "mina", one, begin_us).admitted);
  EXPECT_FALSE(limiter.take('u', "mina", one, begin_us).admitted);
  EXPECT_TRUE(limiter.take('u', "jun", one, begin_us).admitted);
  EXPECT_TRUE(limiter.take('a', "mina", one, begin_us).admitted);
  EXPECT_TRUE(limiter.take('u', "", one, begin_us).admitted);
}

TEST(LimiterTest, AFullTableFailsOpenAndForgetsWhoHasTakenTheLeast) {
  Limiter limiter(4);  // one set
  const Rate slow{.per_second = 1, .burst = 10};
  const auto take = [&](const char* key, int times) {
    bool admitted = true;
    for (int i = 0; i < times; ++i) admitted = limiter.take('u', key, slow, begin_us).admitted;
    return admitted;
  };
  take("greedy", 11);
  take("b", 5);
  take("c", 4);
  take("least", 1);
  const auto newcomer = limiter.take('u', "newcomer", slow, begin_us);
  EXPECT_TRUE(newcomer.admitted) << "nobody is refused for what others did";
  EXPECT_TRUE(newcomer.forgot);
  EXPECT_EQ(newcomer.remaining, 9);
  EXPECT_FALSE(take("greedy", 1)) << "who has taken the most is remembered";
  EXPECT_EQ(limiter.take('u', "b", slow, begin_us).remaining, 4);
  EXPECT_EQ(limiter.take('u', "least", slow, begin_us).remaining, 9) << "forgotten: a full bucket again";
}

TEST(LimiterTest, ABucketThatIsFullAgainMakesRoomAndNobodyIsForgotten) {
  Limiter limiter(4);
  const Rate slow{.per_second = 1, .burst = 10};
  for (const char* key : {"a", "b", "c", "d"}) (void)limiter.take('u', key, slow, begin_us);
  const auto later = limiter.take('u', "e", slow, begin_us + second_us);
  EXPECT_TRUE(later.admitted);
  EXPECT_FALSE(later.forgot);
}

TEST(LimiterTest, ThreadsTogetherGetNoMoreThanTheBurst) {
  Limiter limiter(64);
  const Rate rate{.per_second = 1, .burst = 1'000};
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        if (limiter.take('u', "mina", rate, begin_us).admitted) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 1'000);
}

// A million addresses, each three times: what it costs is printed, and it is all the memory there ever is.
TEST(LimiterTest, AMillionAddressesNeedNoMoreMemoryThanOne) {
  Limiter limiter(1'048'576);
  const std::size_t before = limiter.memory_bytes();
  EXPECT_LT(before, std::size_t{17} << 20);
  constexpr std::uint32_t addresses = 1'000'000;
  constexpr int rounds = 3;
  std::size_t refused = 0;
  std::size_t forgotten = 0;
  const auto started = std::chrono::steady_clock::now();
  for (int round = 0; round < rounds; ++round) {
    for (std::uint32_t i = 0; i < addresses; ++i) {
      const std::array<std::uint8_t, 4> address{static_cast<std::uint8_t>(i >> 24), static_cast<std::uint8_t>(i >> 16),
                                                static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
      const auto answer = limiter.take('a', address, ten, begin_us + round);
      if (!answer.admitted) ++refused;
      if (answer.forgot) ++forgotten;
    }
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - started;
  EXPECT_EQ(refused, 0U) << "all of them are within their burst";
  EXPECT_EQ(limiter.memory_bytes(), before);
  std::printf(
      "[          ] 1,000,000 addresses: %.1f MiB, %.0f ns a call, %.1f %% of the calls made the table forget\n",
      static_cast<double>(before) / 1'048'576, spent.count() / (rounds * static_cast<double>(addresses)),
      100.0 * static_cast<double>(forgotten) / (rounds * static_cast<double>(addresses)));
}

}  // namespace
}  // namespace openrun::gateway
