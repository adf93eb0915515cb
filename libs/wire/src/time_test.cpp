#include <chrono>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::wire {
namespace {

TEST(Time, IsWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(format_time(1'795'251'600'007), "2026-11-21T09:00:00.007Z");
  EXPECT_EQ(format_time(limits::timestamp_ms_max), "9999-12-31T23:59:59.999Z");
}

TEST(Time, OutsideItsRangeIsShownAsTheNearestEnd) {
  EXPECT_EQ(format_time(-1), format_time(0));
  EXPECT_EQ(format_time(limits::timestamp_ms_max + 1), format_time(limits::timestamp_ms_max));
}

TEST(Time, EveryDayAgreesWithTheStandardCalendar) {
  for (std::int64_t day = 0; day <= limits::timestamp_ms_max / 86'400'000; ++day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    std::string text;
    append_time(text, day * 86'400'000);
    ASSERT_EQ(std::stoi(text.substr(0, 4)), static_cast<int>(date.year()));
    ASSERT_EQ(std::stoul(text.substr(5, 2)), static_cast<unsigned>(date.month()));
    ASSERT_EQ(std::stoul(text.substr(8, 2)), static_cast<unsigned>(date.day()));
    ASSERT_EQ(parse_time(text), day * 86'400'000);
  }
}

TEST(Time, WhatIsWrittenIsReadBack) {
  std::mt19937_64 random(3339);
  for (int i = 0; i < 100'000; ++i) {
    const auto ms = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limits::timestamp_ms_max + 1));
    ASSERT_EQ(parse_time(format_time(ms)), ms);
  }
}

struct Accepted {
  const char* text;
  std::int64_t ms;
};

TEST(Time, AcceptsAnyOffsetAndUpToNineDigitsOfFraction) {
  const Accepted cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01t00:00:00z", 0},
      {"1970-01-01T00:00:00-00:00", 0},
      {"1970-01-01T09:00:00+09:00", 0},
      {"1969-12-31T19:00:00-05:00", 0},
      {"1970-01-02T05:29:59+05:30", 86'399'000},
      {"1970-01-01T00:00:00.5Z", 500},
      {"1970-01-01T00:00:00.07Z", 70},
      {"1970-01-01T00:00:00.1239Z", 123},
      {"1970-01-01T00:00:00.123456789+00:00", 123},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000},
      {"9999-12-31T23:59:59.999Z", limits::timestamp_ms_max},
  };
  for (const auto& [text, ms] : cases) {
    const auto parsed = parse_time(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, ms) << text;
  }
}

TEST(Time, RefusesEverythingElse) {
  const char* const refused[] = {
      "",
      "2026-11-21",
      "2026-11-21T09:00Z",
      "2026-11-21T09:00:00",
      "2026-11-21 09:00:00Z",
      "2026-11-21T09:00:00.Z",
      "2026-11-21T09:00:00.1234567890Z",
      "2026-11-21T09:00:00,5Z",
      "2026-11-21T09:00:00+0900",
      "2026-11-21T09:00:00+24:00",
      "2026-11-21T09:00:00+09:60",
      "2026-11-21T09:00:00Z ",
      " 2026-11-21T09:00:00Z",
      "2026-11-21T09:00:00ZZ",
      "2026-11-21T24:00:00Z",
      "2026-11-21T09:60:00Z",
      "2016-12-31T23:59:60Z",
      "2026-00-21T09:00:00Z",
      "2026-13-21T09:00:00Z",
      "2026-11-00T09:00:00Z",
      "2026-11-31T09:00:00Z",
      "2025-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z",
      "+026-11-21T09:00:00Z",
      "0000-01-01T00:00:00Z",
      "0000-13-01T00:00:00Z",
      "1969-12-31T23:59:59.999Z",
      "1970-01-01T00:00:00+00:01",
      "9999-12-31T23:59:59-00:01",
      "1795251600007",
  };
  for (const char* text : refused) {
    const auto parsed = parse_time(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, Error::Kind::invalid);
  }
}

}  // namespace
}  // namespace openrun::wire
