#include "cli/front/views.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/front/json_view.hpp"

namespace openrun::cli {
namespace {

wire::JsonValue parsed(const std::string& text) {
  auto value = wire::parse_json(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value.value_or(wire::JsonValue{});
}

constexpr const char* campaign =
    R"({"id":7,"name":"봄 세일","description":"","stock":1000,"issued":400,"remaining":600,"state":"open",)"
    R"("starts_at":"2026-01-01T00:00:00.000Z","ends_at":null,"policy":{"discount":{"type":"amount","value":5000,)"
    R"("currency":"KRW"},"valid_for_seconds":3600,"max_per_user":1,"code_format":"hangul"},)"
    R"("created_at":"2026-01-01T00:00:00.000Z","server_time":"2026-01-01T00:00:00.000Z"})";

TEST(Views, ACampaignIsARow) {
  TextTable table = campaign_table();
  add_campaign(table, parsed(campaign));
  EXPECT_EQ(table.text({}),
            "ID  STATE  STOCK  ISSUED  LEFT  STARTS                    ENDS  NAME\n"
            " 7  open   1,000     400   600  2026-01-01T00:00:00.000Z  -     봄 세일\n");
}

TEST(Views, ACampaignIsShownWithItsPolicy) {
  EXPECT_EQ(campaign_fields(parsed(campaign), {}),
            "campaign 7: 봄 세일\n"
            "  state     open\n"
            "  issued    400 of 1,000\n"
            "  left      600\n"
            "  starts    2026-01-01T00:00:00.000Z\n"
            "  ends      never\n"
            "  discount  5,000 KRW\n"
            "  valid     3,600 s after issue\n"
            "  per user  1\n"
            "  codes     hangul\n"
            "  created   2026-01-01T00:00:00.000Z\n");
}

TEST(Views, ANameCannotSteerTheTerminal) {
  TextTable table = campaign_table();
  add_campaign(table, parsed(R"({"id":1,"name":"a\u001b[2Jb"})"));
  EXPECT_THAT(table.text({}), testing::HasSubstr("a?[2Jb"));
  EXPECT_THAT(campaign_fields(parsed(R"({"id":1,"name":"a\u001b[2Jb"})"), {}), testing::HasSubstr("a?[2Jb"));
}

TEST(Views, RatesOfPartitionsStandBelowThatOfAll) {
  EXPECT_EQ(dispatch_text(parsed(R"({"per_second":0,"partitions":[{"partition":3,"per_second":1500}]})"), {}),
            "PARTITION  DECISIONS A SECOND\n"
            "all                  no limit\n"
            "3                       1,500\n");
}

TEST(Views, ARequestTellsItsPositionOrItsOutcome) {
  EXPECT_THAT(
      request_fields(parsed(R"({"receipt":"r","campaign_id":1,"status":"waiting","position":1200,"eta_ms":40})"), {}),
      testing::HasSubstr("  position  1,200\n  wait      40 ms\n"));
  EXPECT_THAT(request_fields(parsed(R"({"receipt":"r","campaign_id":1,"status":"rejected","reason":"SOLD_OUT"})"), {}),
              testing::HasSubstr("  reason    SOLD_OUT\n"));
}

TEST(JsonView, AValueIsWrittenAsItWasRead) {
  const std::string text = R"({"a":[1,-2,true,null,"봄\n"],"b":{"c":0.5},"d":18446744073709551615})";
  std::string out;
  wire::JsonWriter json(out);
  write_value(json, parsed(text));
  EXPECT_EQ(out, text);
}

TEST(JsonView, AProblemNamesItsFaultyFields) {
  EXPECT_EQ(problem_text(parsed(
                R"({"title":"t","detail":"The body has faults.","errors":)"
                R"([{"field":"stock","message":"must be 1 or more"},{"field":"name","message":"is missing"}]})")),
            "The body has faults: stock must be 1 or more; name is missing");
  EXPECT_EQ(problem_text(parsed(R"({"title":"There is no such campaign"})")), "There is no such campaign");
  EXPECT_EQ(problem_text(parsed("{}")), "");
}

}  // namespace
}  // namespace openrun::cli
