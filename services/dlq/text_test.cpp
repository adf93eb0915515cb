#include "dlq/text.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dlq/testing/dead_letters.hpp"

namespace openrun::dlq {
namespace {

using namespace openrun::testing;
using ::testing::HasSubstr;

TEST(DlqArguments, OffsetsAreOneOrARangeWithBothEnds) {
  EXPECT_EQ(parse_offsets("5").value(), (std::pair{Offset{5}, Offset{5}}));
  EXPECT_EQ(parse_offsets("5-9").value(), (std::pair{Offset{5}, Offset{9}}));
  EXPECT_EQ(parse_offsets("0-0").value(), (std::pair{Offset{0}, Offset{0}}));
  for (const char* wrong :
       {"", "-", "5-", "-5", "9-5", "5-9-12", "a", "5 - 9", "+5", "9223372036854775807", "99999999999999999999"}) {
    EXPECT_FALSE(parse_offsets(wrong)) << wrong;
  }
}

TEST(DlqArguments, APlaceIsPartitionAndOffset) {
  EXPECT_EQ(parse_place("3:17").value(), (ports::DeadLetterPlace{Partition{3}, Offset{17}}));
  for (const char* wrong : {"", "3", "3:", ":17", "3:17:1", "-1:5", "2147483648:1"}) {
    EXPECT_FALSE(parse_place(wrong)) << wrong;
  }
}

TEST(DlqArguments, SinceIsATimeOrSoLongAgo) {
  const Timestamp now{1'700'000'000'000};
  EXPECT_EQ(parse_since("90s", now).value(), now + -90'000);
  EXPECT_EQ(parse_since("30m", now).value(), now + -1'800'000);
  EXPECT_EQ(parse_since("2h", now).value(), now + -7'200'000);
  EXPECT_EQ(parse_since("7d", now).value(), now + -7LL * 86'400'000);
  EXPECT_EQ(parse_since("1000000d", now).value(), Timestamp{0});
  EXPECT_EQ(parse_since("2023-11-14T22:13:20Z", now).value(), now);
  for (const char* wrong : {"", "h", "2", "-2h", "yesterday", "2w"}) EXPECT_FALSE(parse_since(wrong, now)) << wrong;
}

TEST(DlqBytes, Base64IsThatOfTheStandardAndReadBackExactly) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
  std::mt19937 random(5);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(from_base64(base64(bytes)), bytes);
  }
  for (const char* wrong : {"Zg", "Zg=", "Zg==Zg==", "====", "Z===", "Zh==", "Zm9v\n", "Zm-_", "=AAA"}) {
    EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
  }
}

TEST(DlqBytes, AreShownAsTextWhereTheyAreText) {
  EXPECT_EQ(readable_bytes("오픈런"), "오픈런");
  EXPECT_EQ(readable_bytes(std::string_view("\0\xff", 2)), "0x00ff");
  EXPECT_EQ(hex_dump("0123456789abcdefXY\n", 100),
            "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "00000010  58 59 0a                                         |XY.|\n");
  EXPECT_THAT(hex_dump(std::string(100, 'x'), 16), HasSubstr("and 84 bytes more"));
}

TEST(DlqExport, IsReadBackAsItWas) {
  auto letter = a_letter(17, a_request("사용자"));
  letter.partition = Partition{3};
  letter.row.key = std::string("\0\xff", 2);
  letter.row.headers = {{"trace", std::string("\xfe", 1)}};
  letter.row.error = "line\nand \"quotes\"";
  const std::string line = export_line(letter);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = parse_repairs(line + "\n\n", std::nullopt);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->begin()->first, letter.place());
  EXPECT_EQ(read->begin()->second, letter.row.value);
  EXPECT_EQ(value_of(letter, *read), letter.row.value);
  EXPECT_THAT(line, HasSubstr(R"("name_base64":"dHJhY2U=","value_base64":"/g==")"));
  EXPECT_THAT(line, HasSubstr(R"("campaign_id":7)"));
}

TEST(DlqRepairs, ARequestMayBeGivenInWords) {
  const auto read = parse_repairs(
      "{\"partition\":0,\"offset\":5,\"request\":{\"campaign_id\":7,\"user_id\":\"kim\",\"idempotency_key\":\"k\"}}\n"
      "{\"partition\":1,\"offset\":5,\"request\":{\"campaign_id\":8,\"user_id\":\"lee\"}}",
      std::nullopt);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->at({Partition{0}, Offset{5}}), wire::encode_request(0, CampaignId{7}, "kim", "k"));
  EXPECT_EQ(read->at({Partition{1}, Offset{5}}), wire::encode_request(0, CampaignId{8}, "lee", ""));
}

TEST(DlqRepairs, BytesOfOneRecordBelongToTheOneLetterThatIsNamed) {
  const ports::DeadLetterPlace place{Partition{2}, Offset{9}};
  EXPECT_EQ(parse_repairs(a_request("ann"), place)->at(place), a_request("ann"));
  EXPECT_THAT(parse_repairs(a_request("ann"), std::nullopt).error().message, HasSubstr("--partition P --offsets A"));
}

TEST(DlqRepairs, WhatTheIssuerCouldNotReadIsRefusedBeforeItIsSent) {
  const auto error = [](const std::string& file) {
    const auto read = parse_repairs(file, ports::DeadLetterPlace{Partition{0}, Offset{1}});
    return read ? std::string("accepted") : read.error().message;
  };
  EXPECT_THAT(error("junk"), HasSubstr("UNDECODABLE"));
  EXPECT_THAT(error(a_request("")), HasSubstr("INVALID_USER_ID"));
  EXPECT_THAT(error(wire::encode_replay(1, Offset{1}, Timestamp{1}, a_request("a"), 1)), HasSubstr("replay"));
  EXPECT_THAT(error("{\"partition\":0,\"offset\":1}"), HasSubstr("line 1: there is neither value_base64 nor request"));
  EXPECT_THAT(error("{\"partition\":0,\"offset\":1,\"value_base64\":\"?\"}"), HasSubstr("no base 64"));
  EXPECT_THAT(error("{\"partition\":0,\"offset\":1,\"request\":{\"user_id\":\"a\"}}"), HasSubstr("campaign_id"));
  EXPECT_THAT(error("{\"offset\":1}"), HasSubstr("partition and offset name"));
  EXPECT_THAT(error("{"), HasSubstr("line 1"));
  const std::string line = export_line(a_letter(5, a_request("ann")));
  EXPECT_THAT(error(line + "\n" + line), HasSubstr("line 2: 0:5 stands twice"));
}

TEST(DlqJson, TheFilterIsKeptAsItWasMeant) {
  LetterFilter filter;
  filter.stored.partition = Partition{1};
  filter.stored.offsets = {Offset{5}, Offset{9}};
  filter.stored.since = Timestamp{0};
  filter.stored.reason = "UNDECODABLE";
  filter.campaign = CampaignId{7};
  PlanRules rules;
  rules.letters_max = 10;
  rules.replays_max = 2;
  EXPECT_EQ(filter_json(filter, rules, {}),
            R"({"partition":1,"offsets":"5-9","since":"1970-01-01T00:00:00.000Z","reason":"UNDECODABLE",)"
            R"("campaign":7,"max":10,"max_replays":2})");
  EXPECT_EQ(filter_json({}, {}, {}), "{}");
}

}  // namespace
}  // namespace openrun::dlq
