#include "retry.hpp"

#include <gtest/gtest.h>

namespace openrun::telemetry {
namespace {

using std::chrono::milliseconds;
using Fate = Verdict::Fate;

constexpr RetrySettings settings{};

PostAnswer status(long code) {
  PostAnswer answer;
  answer.status = code;
  return answer;
}
PostAnswer limited(long code, std::optional<std::int64_t> after_s, std::string limits = "") {
  PostAnswer answer = status(code);
  answer.retry_after_s = after_s;
  answer.rate_limits = std::move(limits);
  return answer;
}

TEST(JudgeOtlp, OnlyWhatMayPassIsTriedAgain) {
  for (const long code : {200, 202, 299}) EXPECT_EQ(judge_otlp(status(code), 1, 0, settings).fate, Fate::sent) << code;
  for (const long code : {0, 429, 502, 503, 504})
    EXPECT_EQ(judge_otlp(status(code), 1, 0, settings).fate, Fate::again) << code;
  for (const long code : {301, 400, 401, 404, 413, 500})
    EXPECT_EQ(judge_otlp(status(code), 1, 0, settings).fate, Fate::dropped) << code;
}

TEST(JudgeOtlp, WaitsDoubleUpToABoundAndAttemptsEnd) {
  std::vector<std::int64_t> waits;
  for (int attempt = 1; attempt < 5; ++attempt)
    waits.push_back(judge_otlp(status(503), attempt, 1, settings).wait.count());
  EXPECT_EQ(waits, (std::vector<std::int64_t>{500, 1'000, 2'000, 4'000}));
  EXPECT_EQ(judge_otlp(status(503), 5, 1, settings).fate, Fate::dropped);
  RetrySettings many = settings;
  many.attempts_max = 1'000;
  EXPECT_EQ(judge_otlp(status(503), 999, 1, many).wait, milliseconds(5'000));
  EXPECT_EQ(judge_otlp(status(503), 999, 0, many).wait, milliseconds(2'500)) << "spread over the second half";
}

TEST(JudgeOtlp, RetryAfterIsHonouredWithinABound) {
  EXPECT_EQ(judge_otlp(limited(429, 7), 1, 1, settings).wait, milliseconds(7'000));
  EXPECT_EQ(judge_otlp(limited(503, 0), 1, 1, settings).wait, milliseconds(500));
  EXPECT_EQ(judge_otlp(limited(503, 86'400), 1, 1, settings).wait, milliseconds(60'000));
  EXPECT_EQ(judge_otlp(limited(503, INT64_MAX), 1, 1, settings).wait, milliseconds(60'000));
}

TEST(JudgeSentry, WhoeverIsLimitedDropsAndIsSilentForAsLongAsItWasTold) {
  const Verdict told = judge_sentry(limited(429, 30), 1, 0, settings);
  EXPECT_EQ(told.fate, Fate::dropped);
  EXPECT_EQ(told.closed_for, milliseconds(30'000));
  EXPECT_EQ(judge_sentry(limited(429, {}), 1, 0, settings).closed_for, milliseconds(60'000));
  EXPECT_EQ(judge_sentry(limited(429, INT64_MAX), 1, 0, settings).closed_for, std::chrono::hours(1));
}

TEST(JudgeSentry, LimitsOfOtherCategoriesDoNotCount) {
  EXPECT_EQ(judge_sentry(limited(200, {}, "60:transaction;session:key"), 1, 0, settings).closed_for, milliseconds(0));
  EXPECT_EQ(
      judge_sentry(limited(200, {}, "60:transaction:key, 9:default;error:organization"), 1, 0, settings).closed_for,
      milliseconds(9'000));
  EXPECT_EQ(judge_sentry(limited(200, {}, "27::organization"), 1, 0, settings).closed_for, milliseconds(27'000));
  EXPECT_EQ(judge_sentry(limited(200, {}, "x:;;, :,"), 1, 0, settings).closed_for, milliseconds(0));
}

TEST(JudgeSentry, OnlyWhatMayPassIsTriedAgain) {
  EXPECT_EQ(judge_sentry(status(200), 1, 0, settings).fate, Fate::sent);
  EXPECT_EQ(judge_sentry(status(0), 1, 0, settings).fate, Fate::again);
  EXPECT_EQ(judge_sentry(status(503), 1, 0, settings).fate, Fate::again);
  EXPECT_EQ(judge_sentry(status(503), 5, 0, settings).fate, Fate::dropped);
  for (const long code : {400, 401, 403, 413})
    EXPECT_EQ(judge_sentry(status(code), 1, 0, settings).fate, Fate::dropped);
}

}  // namespace
}  // namespace openrun::telemetry
