#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report_budget.hpp"
#include "sentry_event.hpp"

namespace openrun::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const EventOrigin origin{"issuer", "issuer-1", "host-7", "1.2.3"};
const std::string id(32, 'a');

TEST(SentryEvent, IsTheLineWithItsFieldsAsTags) {
  const Event event = make_event(
      origin, id, 1'800'000'000'007, ports::LogLevel::error, "an invariant is violated",
      {{"partition", std::int64_t{3}}, {"share", 0.5}, {"full", true}, {"reason", std::string("LOG_LOST")}}, 0);
  EXPECT_EQ(event.json,
            R"({"event_id":")" + id +
                R"(","timestamp":1800000000.007,"platform":"native","level":"error","logger":"openrun-issuer",)"
                R"("server_name":"host-7","release":"openrun@1.2.3","message":"an invariant is violated",)"
                R"("fingerprint":["an invariant is violated"],"tags":{"daemon":"issuer","instance":"issuer-1",)"
                R"("partition":"3","share":"0.5","full":"true","reason":"LOG_LOST"},"extra":{}})");
}

TEST(SentryEvent, NamesNoUser) {
  const Event event = make_event(origin, id, 0, ports::LogLevel::error, "m",
                                 {{"user", std::string("ann")}, {"user_id", std::string("ann")}}, 0);
  EXPECT_THAT(event.json, Not(HasSubstr("ann")));
}

TEST(SentryEvent, WhatIsNoTagIsExtraDataAndBounded) {
  const std::string two_lines = "first\nsecond";
  const Event event =
      make_event(origin, id, 0, ports::LogLevel::critical, "m",
                 {{"detail", two_lines}, {"error", std::string(100'000, 'x')}, {"none", std::string()}}, 8);
  EXPECT_THAT(event.json, HasSubstr(R"("level":"fatal")"));
  EXPECT_THAT(event.json, HasSubstr(R"("extra":{"detail":"first\nsecond","error":"xxx)"));
  EXPECT_THAT(event.json, HasSubstr(R"("lines_left_out":"8")"));
  EXPECT_THAT(event.json, Not(HasSubstr("none")));
  EXPECT_LT(event.json.size(), 5'000U);
}

TEST(SentryEvent, AnEnvelopeIsItsHeaderTheItemsHeaderAndTheEvent) {
  EXPECT_EQ(envelope_of({id, R"({"a":1})"}),
            "{\"event_id\":\"" + id + "\"}\n{\"type\":\"event\",\"length\":7}\n{\"a\":1}\n");
}

TEST(ReportBudget, ALineThatComesAgainAndAgainIsAFewEvents) {
  ReportBudget budget(2, 100);
  EXPECT_EQ(budget.admit("m", 1), 0U);
  EXPECT_EQ(budget.admit("m", 2), 0U);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(budget.admit("m", 3), std::nullopt);
  EXPECT_EQ(budget.admit("other", 4), 0U);
  EXPECT_EQ(budget.admit("m", 1 + ReportBudget::window_us), 7U) << "a minute later it says what was left out";
  EXPECT_EQ(budget.admit("m", 2 + ReportBudget::window_us), 0U);
}

TEST(ReportBudget, AllMessagesTogetherAreBoundedToo) {
  ReportBudget budget(2, 3);
  std::size_t admitted = 0;
  for (int i = 0; i < 10'000; ++i) admitted += budget.admit("m" + std::to_string(i), 5) ? 1 : 0;
  EXPECT_EQ(admitted, 3U);
  EXPECT_TRUE(budget.admit("m", 5 + ReportBudget::window_us));
}

}  // namespace
}  // namespace openrun::telemetry
