// Calls from pages of other origins, and OPTIONS.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using enum ports::HttpMethod;

Settings open_to(const std::string& origins) {
  Settings settings = Harness::test_settings();
  settings.cors_origins = origins;
  return settings;
}
HeaderList from(const std::string& origin, const HeaderList& headers = {}) {
  return with(headers, "Origin", origin);
}
HeaderList preflight(const std::string& origin, const std::string& method = "POST") {
  return from(origin, {{"Access-Control-Request-Method", method}, {"Access-Control-Request-Headers", "content-type"}});
}

TEST(CrossOrigin, WithoutConfigurationNothingIsSaidAboutOrigins) {
  Harness harness;
  for (const HeaderList& headers : {from("https://shop.example"), HeaderList{}}) {
    const Answer answer = harness.ask(get, "/v1/campaigns", "", headers);
    EXPECT_EQ(answer.status(), 200U);
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(answer.header("Vary"), "");
  }
}

TEST(CrossOrigin, TheOriginsNamedMayReadAnswersAndTheirHeaders) {
  Harness harness(open_to("https://shop.example, http://localhost:3000"));
  for (const char* origin : {"https://shop.example", "http://localhost:3000"}) {
    const Answer answer = harness.ask(get, "/v1/campaigns", "", from(origin));
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), origin);
    EXPECT_EQ(answer.header("Vary"), "Origin");
    for (const char* name : {"Location", "Retry-After", "Preference-Applied", "RateLimit", "RateLimit-Policy"}) {
      EXPECT_THAT(answer.header("Access-Control-Expose-Headers"), HasSubstr(name));
    }
  }
  EXPECT_EQ(harness.ask(get, "/v1/nothing", "", from("https://shop.example")).header("Access-Control-Allow-Origin"),
            "https://shop.example")
      << "errors too";
}

TEST(CrossOrigin, OthersMayNot) {
  Harness harness(open_to("https://shop.example"));
  for (const char* origin : {"https://evil.example", "http://shop.example", "https://shop.example:8443",
                             "https://shop.example.evil.example", "null", ""}) {
    const Answer answer = harness.ask(get, "/v1/campaigns", "", from(origin));
    EXPECT_EQ(answer.status(), 200U);
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "") << origin;
    EXPECT_EQ(answer.header("Vary"), "Origin") << "a cache must not show it to an allowed one";
    const Answer asked = harness.ask(options, "/v1/campaigns", "", preflight(origin));
    EXPECT_EQ(asked.status(), 204U);
    EXPECT_EQ(asked.header("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(asked.header("Access-Control-Allow-Methods"), "");
  }
}

TEST(CrossOrigin, AStarAllowsAll) {
  Harness harness(open_to("*"));
  const Answer answer = harness.ask(get, "/v1/campaigns", "", from("https://any.example"));
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(answer.header("Vary"), "");
  EXPECT_EQ(harness.ask(get, "/v1/campaigns").header("Access-Control-Allow-Origin"), "");
}

TEST(CrossOrigin, APreflightIsToldWhatItMaySend) {
  Harness harness(open_to("https://shop.example"));
  const Answer answer = harness.ask(options, "/v1/campaigns/1/requests", "", preflight("https://shop.example"));
  EXPECT_EQ(answer.status(), 204U);
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "POST, OPTIONS");
  for (const char* name :
       {"Authorization", "Content-Type", "Idempotency-Key", "Prefer", "X-User-Id", "Last-Event-ID"}) {
    EXPECT_THAT(answer.header("Access-Control-Allow-Headers"), HasSubstr(name));
  }
  EXPECT_EQ(answer.header("Access-Control-Max-Age"), "7200");
  EXPECT_EQ(harness.ask(options, "/v1/nothing", "", preflight("https://shop.example")).status(), 404U);
}

TEST(CrossOrigin, AStreamCarriesItToo) {
  Harness harness(open_to("https://shop.example"));
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer answer = harness.ask(get, "/v1/campaigns/" + std::to_string(campaign) + "/coupons", "",
                                    from("https://shop.example", with(admin, "Accept", "text/csv")));
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_THAT(answer.header("Access-Control-Expose-Headers"), HasSubstr("Content-Disposition"));
}

TEST(CrossOrigin, OptionsTellsThePathsMethodsWhoeverAsks) {
  Harness harness;
  const Answer answer = harness.ask(options, "/v1/campaigns");
  EXPECT_EQ(answer.status(), 204U);
  EXPECT_EQ(answer.header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(harness.ask(options, "/v1/nothing").status(), 404U);
  EXPECT_EQ(harness.ask(options, "*").status(), 204U) << "the server as a whole (RFC 9110, section 9.3.7)";
  EXPECT_THAT(harness.ask(delete_, "/v1/campaigns").header("Allow"), HasSubstr("OPTIONS"));
}

}  // namespace
}  // namespace openrun::gateway
