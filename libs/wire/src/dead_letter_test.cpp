#include <algorithm>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/wire/dead_letter.hpp>

namespace openrun::wire {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

DeadLetterFacts facts() {
  return {Partition{3}, Offset{42}, Timestamp{1'700'000'000'123}, "INVALID_USER_ID", "user_id is empty",
          Timestamp{0}, 2};
}

TEST(DeadLetter, HeadersAreThoseOfTheOriginalThenConnectsThenOurs) {
  const Headers original = {{"trace", std::string("\x00\xFF", 2)}, {"trace", "again"}};
  const Headers expected = {
      {"trace", std::string("\x00\xFF", 2)},
      {"trace", "again"},
      {"__connect.errors.topic", "openrun.requests"},
      {"__connect.errors.partition", "3"},
      {"__connect.errors.offset", "42"},
      {"__connect.errors.connector.name", "openrun-issuer"},
      {"__connect.errors.task.id", "3"},
      {"__connect.errors.stage", "VALUE_CONVERTER"},
      {"__connect.errors.class.name", "openrun.issuer"},
      {"__connect.errors.exception.class.name", "openrun.INVALID_USER_ID"},
      {"__connect.errors.exception.message", "user_id is empty"},
      {"openrun.dlq.topic", "openrun.requests"},
      {"openrun.dlq.partition", "3"},
      {"openrun.dlq.offset", "42"},
      {"openrun.dlq.timestamp", "1700000000123"},
      {"openrun.dlq.reason", "INVALID_USER_ID"},
      {"openrun.dlq.error", "user_id is empty"},
      {"openrun.dlq.at", "1970-01-01T00:00:00.000Z"},
      {"openrun.dlq.replays", "2"},
  };
  EXPECT_EQ(dead_letter_headers(original, facts()), expected);
}

std::string value_of(const Headers& headers, const std::string& name) {
  const auto found = std::ranges::find(headers, name, &Headers::value_type::first);
  return found == headers.end() ? "" : found->second;
}

TEST(DeadLetter, WhatTheStoreRefusedFailedAtThePut) {
  auto refused = facts();
  refused.reason = "STORE_REFUSED";
  refused.topic = "staging.requests";
  const auto headers = dead_letter_headers({}, refused);
  EXPECT_EQ(value_of(headers, "__connect.errors.stage"), "TASK_PUT");
  EXPECT_EQ(value_of(headers, "openrun.dlq.topic"), "staging.requests");
}

TEST(DeadLetter, ALongErrorIsCutAtACharacterAndFitsTheHeadroom) {
  auto long_winded = facts();
  long_winded.error = "xy";
  while (long_winded.error.size() < 100'000) long_winded.error += "가";
  const auto headers = dead_letter_headers({}, long_winded);
  const std::string error = value_of(headers, "openrun.dlq.error");
  EXPECT_LE(error.size(), dead_letter_error_bytes_max);
  EXPECT_GT(error.size(), dead_letter_error_bytes_max - 4);
  EXPECT_NE(utf8_length(error), not_utf8);
  std::size_t bytes = 0;
  for (const auto& [name, value] : headers) bytes += name.size() + value.size();
  EXPECT_LT(bytes, limits::dead_letter_headroom_bytes);
}

}  // namespace
}  // namespace openrun::wire
