#include "gateway/rest/http_text.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

TEST(HttpText, PreferWaitIsReadAmongOtherPreferences) {
  EXPECT_EQ(preferred_wait_s("wait=10"), 10);
  EXPECT_EQ(preferred_wait_s("respond-async, WAIT = 7; x=1"), 7);
  EXPECT_EQ(preferred_wait_s("wait=\"5\""), 5);
  EXPECT_EQ(preferred_wait_s("wait=31"), 30);
  EXPECT_EQ(preferred_wait_s("wait=99999999999999999999999"), 30);
  EXPECT_EQ(preferred_wait_s("wait=0"), 0);
  for (const char* text : {"", "wait", "wait=", "wait=-1", "wait=1.5", "waiting=3", "wait=ten"}) {
    EXPECT_FALSE(preferred_wait_s(text)) << text;
  }
}

TEST(HttpText, OnlyJsonInUtf8IsTaken) {
  for (const char* text : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                           "application/json;charset=\"UTF-8\"", "application/json;"}) {
    EXPECT_TRUE(is_json_type(text)) << text;
  }
  for (const char* text :
       {"", "text/json", "application/json; charset=latin1", "application/jsonx", "application/json; boundary=x"}) {
    EXPECT_FALSE(is_json_type(text)) << text;
  }
}

TEST(HttpText, CsvIsPreferredWhereItIsNamedAndJsonIsNotWantedMore) {
  for (const char* text :
       {"text/csv", "Text/CSV; charset=utf-8", "text/csv, application/json", "application/json, text/csv",
        "application/json;q=0.5, text/csv ; q=0.8", "text/csv;q=0.001", "text/csv, */*;q=0.1"}) {
    EXPECT_TRUE(prefers_csv(text)) << text;
  }
  for (const char* text :
       {"", "*/*", "text/*", "application/json", "text/csv;q=0", "text/csv;q=0.4, application/json;q=0.5",
        "text/csv;q=x", "text/csv;q=2", "text/csv;q=12345678", "text/csvx", ",;,;q=1"}) {
    EXPECT_FALSE(prefers_csv(text)) << text;
  }
}

TEST(HttpText, PercentEscapesAreDecodedOrRefused) {
  EXPECT_EQ(percent_decode("a%20b+c"), "a b+c");
  EXPECT_EQ(percent_decode("%EA%B0%80"), "\xEA\xB0\x80");
  EXPECT_FALSE(percent_decode("%2"));
  EXPECT_FALSE(percent_decode("%zz"));
  EXPECT_EQ(percent_decode(percent_encode("a b/\xEA\xB0\x80")), "a b/\xEA\xB0\x80");
}

TEST(HttpText, CampaignsAreNumbersBelowTwoToThe31) {
  EXPECT_EQ(parse_campaign("1"), CampaignId{1});
  EXPECT_EQ(parse_campaign("2147483647"), CampaignId{2147483647});
  for (const char* text : {"", "0", "-1", "2147483648", "1x", " 1", "1e3", "99999999999999999999"}) {
    EXPECT_FALSE(parse_campaign(text)) << text;
  }
}

TEST(HttpText, QueryParametersAreFoundByName) {
  EXPECT_EQ(query_parameter("a=1&bb=2&b=3", "b"), "3");
  EXPECT_EQ(query_parameter("a", "a"), "");
  EXPECT_FALSE(query_parameter("a=1", "b"));
}

TEST(HttpText, IdempotencyKeysArePrintableAndMayBeQuoted) {
  const auto key_of = [](std::string_view value) {
    ports::HttpRequest request;
    request.headers.emplace_back("idempotency-key", value);
    return idempotency_key(request);
  };
  EXPECT_EQ(key_of("abc"), "abc");
  EXPECT_EQ(key_of("\"abc\""), "abc");
  EXPECT_EQ(idempotency_key({}), "");
  EXPECT_FALSE(key_of(std::string(129, 'a')));
  EXPECT_FALSE(key_of("a\x01"));
  EXPECT_FALSE(key_of("")) << "a header that says nothing is a mistake";
}

}  // namespace
}  // namespace openrun::gateway
