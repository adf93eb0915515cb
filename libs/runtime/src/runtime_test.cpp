#include <semaphore>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <openrun/runtime/runtime.hpp>

namespace openrun::runtime {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds long_enough{10'000};

TEST(SystemClock, TellsMillisecondsSince1970AndNeverRunsBackMonotonically) {
  const SystemClock clock;
  EXPECT_GT(clock.now().value, 1'600'000'000'000);
  EXPECT_LT(clock.now().value, 4'000'000'000'000);
  std::int64_t before = clock.monotonic_us();
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t after = clock.monotonic_us();
    ASSERT_GE(after, before);
    before = after;
  }
}

TEST(StopSignal, TimesOutWhileNobodyAsks) {
  StopSignal stop;
  EXPECT_FALSE(stop.wait_for(milliseconds{1}));
  EXPECT_FALSE(stop.wait_for(milliseconds{0}));
  EXPECT_FALSE(stop.requested());
}

TEST(StopSignal, SigtermAndSigintAskForAStop) {
  for (const int signal_number : {SIGTERM, SIGINT}) {
    StopSignal stop;
    ASSERT_EQ(kill(getpid(), signal_number), 0);
    EXPECT_TRUE(stop.wait_for(long_enough));
    EXPECT_TRUE(stop.requested());
    EXPECT_TRUE(stop.wait_for(milliseconds{0}));  // and it stays so
  }
}

TEST(StopSignal, AnotherThreadMayAskForAStop) {
  StopSignal stop;
  std::thread other([&] { stop.request(); });
  EXPECT_TRUE(stop.wait_for(long_enough));
  other.join();
}

TEST(HangUpSignal, EachHangUpIsToldAndEndsNothing) {
  constexpr int hang_ups = 3;
  std::counting_semaphore<> told{0};
  HangUpSignal signal([&] { told.release(); });
  StopSignal stop;
  for (int i = 0; i < hang_ups; ++i) {
    ASSERT_EQ(kill(getpid(), SIGHUP), 0);
    ASSERT_TRUE(told.try_acquire_for(long_enough));
  }
  EXPECT_FALSE(stop.requested());
}

TEST(HangUpSignal, EndsWithoutACallWhereNoneWasAskedFor) {
  int told = 0;
  {
    const HangUpSignal signal([&] { ++told; });
  }
  EXPECT_EQ(told, 0);
}

TEST(StopSignal, AClosedPipeDoesNotEndTheProcess) {
  StopSignal stop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  close(ends[1]);
}

}  // namespace
}  // namespace openrun::runtime
