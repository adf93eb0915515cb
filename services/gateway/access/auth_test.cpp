#include "gateway/access/auth.hpp"

#include <string>

#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"
#include "gateway/testing/tokens.hpp"

namespace openrun::gateway::testing {
namespace {

using enum ports::HttpMethod;

const char* const token_is_bad = R"(Bearer realm="openrun", error="invalid_token")";

Settings jwt_settings() {
  Settings settings = Harness::test_settings();
  settings.users_by_token = true;
  return settings;
}

HeaderList bearing(const std::string& token) {
  return {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}};
}

// A gateway in auth.mode jwt with one campaign and the keys of all three algorithms.
struct UsersByToken : ::testing::Test {
  UsersByToken() {
    harness.token_keys = key_set_of(hmac_key() + "," + rsa_key + "," + ec_key);
    EXPECT_TRUE(harness.gateway->refresh_token_keys());
    campaign = harness.create_campaign(10);
    path = "/v1/campaigns/" + std::to_string(campaign) + "/requests";
  }
  Answer ask_for(const std::string& body, const HeaderList& headers) {
    return harness.serve(post, path, body, with(headers, "Prefer", "wait=5"));
  }
  Harness harness{jwt_settings()};
  std::uint32_t campaign = 0;
  std::string path;
};

TEST_F(UsersByToken, TheTokensSubjectIsTheUser) {
  EXPECT_EQ(ask_for("", bearing(rs256_token)).status(), 201U);
  EXPECT_EQ(ask_for(R"({"user_id":"mina"})", bearing(es256_token)).field("code"), "ALREADY_ISSUED");
  EXPECT_EQ(ask_for("{}", bearing(token_of("mina"))).field("code"), "ALREADY_ISSUED");
  EXPECT_EQ(ask_for("", bearing(token_of("jun"))).status(), 201U);
}

TEST_F(UsersByToken, ABodyThatNamesAnotherUserIs403) {
  const Answer answer = ask_for(R"({"user_id":"jun"})", bearing(token_of("mina")));
  EXPECT_EQ(answer.status(), 403U);
  EXPECT_EQ(answer.field("code"), "FORBIDDEN");
  // Compared byte by byte, as everywhere.
  EXPECT_EQ(ask_for(R"({"user_id":"Mina"})", bearing(token_of("mina"))).status(), 403U);
  EXPECT_EQ(ask_for(R"({"user_id":""})", bearing(token_of("mina"))).status(), 403U);
  EXPECT_TRUE(harness.database.coupons.empty());
}

TEST_F(UsersByToken, WithoutATokenItIs401AndSaysHow) {
  for (const HeaderList& headers :
       {json, with(json, "X-User-Id", "mina"), with(json, "Authorization", "Basic bWluYQ=="),
        with(json, "Authorization", "Bearer")}) {
    const Answer answer = ask_for(R"({"user_id":"mina"})", headers);
    EXPECT_EQ(answer.status(), 401U);
    EXPECT_EQ(answer.field("code"), "UNAUTHENTICATED");
    EXPECT_EQ(answer.header("WWW-Authenticate"), R"(Bearer realm="openrun")");
  }
}

TEST_F(UsersByToken, EveryBadTokenGetsTheSameAnswer) {
  const char* const head = R"({"alg":"HS256","kid":"hs-1"})";
  const std::string first = ask_for("", bearing("x.y.z")).body();
  for (const std::string& bad :
       {token(head, R"({"sub":"mina","exp":1})"), token(head, R"({"sub":"mina","exp":4102444800})", "wrong"),
        token(R"({"alg":"none"})", R"({"sub":"mina","exp":4102444800})"), token(head, R"({"exp":4102444800})"),
        std::string(rs256_token_of_a_stranger), std::string("secret-token-that-is-none")}) {
    const Answer answer = ask_for("", bearing(bad));
    EXPECT_EQ(answer.status(), 401U) << bad;
    EXPECT_EQ(answer.header("WWW-Authenticate"), token_is_bad);
    EXPECT_EQ(answer.body(), first) << "nothing tells why";
  }
  EXPECT_EQ(harness.metrics.value(R"(openrun_token_refusals_total{reason="expired"})"), 1);
  EXPECT_EQ(harness.metrics.value(R"(openrun_token_refusals_total{reason="algorithm"})"), 1);
  EXPECT_EQ(harness.metrics.value(R"(openrun_token_refusals_total{reason="signature"})"), 2);
}

TEST_F(UsersByToken, TwoAuthorizationHeadersAreNone) {
  EXPECT_EQ(ask_for("", with(bearing(token_of("mina")), "authorization", "Bearer " + token_of("jun"))).status(), 401U);
}

TEST_F(UsersByToken, ATokenExpiresWhileItIsUsed) {
  const std::string short_lived = token(R"({"alg":"HS256","kid":"hs-1"})", R"({"sub":"mina","exp":1800000060})");
  EXPECT_EQ(ask_for("", bearing(short_lived)).status(), 201U);
  harness.advance_ms(91'000);  // with the leeway
  EXPECT_EQ(ask_for("", bearing(short_lived)).status(), 401U);
}

TEST_F(UsersByToken, KeysAreRotatedWithoutARestart) {
  harness.token_keys = key_set_of(hmac_key("hs-1") + "," + hmac_key("hs-2", std::string(40, 'n')));
  ASSERT_TRUE(harness.gateway->refresh_token_keys());
  const std::string fresh =
      token(R"({"alg":"HS256","kid":"hs-2"})", R"({"sub":"jun","exp":4102444800})", std::string(40, 'n'));
  EXPECT_EQ(ask_for("", bearing(token_of("mina"))).status(), 201U);
  EXPECT_EQ(ask_for("", bearing(fresh)).status(), 201U);
  harness.token_keys = key_set_of(hmac_key("hs-2", std::string(40, 'n')));
  ASSERT_TRUE(harness.gateway->refresh_token_keys());
  EXPECT_EQ(ask_for("", bearing(token_of("mina"))).status(), 401U) << "the old key is gone";
  harness.token_keys.clear();
  EXPECT_FALSE(harness.gateway->refresh_token_keys());
  EXPECT_NE(ask_for("", bearing(fresh)).status(), 401U) << "a file that is gone takes no key away";
}

TEST_F(UsersByToken, CouponsAreShownToTheirOwnerAlone) {
  const std::string code = ask_for("", bearing(token_of("mina"))).field("coupon.code");
  std::string escaped;
  for (const char c : code) {
    constexpr char digits[] = "0123456789ABCDEF";
    escaped += {'%', digits[static_cast<unsigned char>(c) >> 4], digits[static_cast<unsigned char>(c) & 15]};
  }
  const std::string coupon = "/v1/coupons/" + escaped;
  EXPECT_EQ(harness.ask(get, coupon, "", bearing(token_of("mina"))).status(), 200U);
  EXPECT_EQ(harness.ask(get, coupon, "", admin).status(), 200U);
  EXPECT_EQ(harness.ask(get, coupon, "", bearing(token_of("jun"))).status(), 403U);
  EXPECT_EQ(harness.ask(get, coupon, "", {{"X-User-Id", "mina"}}).status(), 401U);
  EXPECT_EQ(harness.ask(get, coupon, "", bearing("a.b.c")).header("WWW-Authenticate"), token_is_bad);
  const std::string list = "/v1/users/mina/coupons";
  EXPECT_EQ(harness.ask(get, list, "", bearing(token_of("mina"))).field("coupons.0.user_id"), "mina");
  EXPECT_EQ(harness.ask(get, list, "", admin).status(), 200U);
  EXPECT_EQ(harness.ask(get, list, "", bearing(token_of("jun"))).status(), 403U);
  EXPECT_EQ(harness.ask(get, list, "", {{"X-User-Id", "mina"}}).status(), 401U);
}

TEST_F(UsersByToken, AReceiptNeedsNoToken) {
  const std::string receipt = ask_for("", bearing(token_of("mina"))).field("receipt");
  EXPECT_EQ(harness.ask(get, "/v1/requests/" + receipt).field("status"), "issued");
}

TEST_F(UsersByToken, AUsersTokenIsNoAdmins) {
  const Answer user = harness.ask(get, "/v1/dispatch", "", bearing(token_of("mina")));
  EXPECT_EQ(user.status(), 403U);
  const Answer nobody = harness.ask(get, "/v1/dispatch", "", bearing("x"));
  EXPECT_EQ(nobody.status(), 401U);
  EXPECT_EQ(nobody.header("WWW-Authenticate"), token_is_bad);
  EXPECT_EQ(harness.metrics.value(R"(openrun_token_refusals_total{reason="unknown_admin"})"), 1);
  EXPECT_EQ(ask_for("", admin).status(), 401U) << "an admin is no user";
}

TEST(UsersTrusted, TheBodyNamesTheUserOrTheHeaderWhereThereIsNone) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(10)) + "/requests";
  const HeaderList headers = with(json, "Prefer", "wait=5");
  EXPECT_EQ(harness.serve(post, path, R"({"user_id":"mina"})", headers).status(), 201U);
  EXPECT_EQ(harness.serve(post, path, "", with(headers, "X-User-Id", "mina")).field("code"), "ALREADY_ISSUED");
  EXPECT_EQ(harness.serve(post, path, R"({"user_id":"mina"})", with(headers, "X-User-Id", "jun")).field("code"),
            "ALREADY_ISSUED");
  const Answer nobody = harness.serve(post, path, "{}", with(headers, "X-User-Id", "jun"));
  EXPECT_EQ(nobody.status(), 400U);
  EXPECT_EQ(nobody.field("errors.0.field"), "user_id");
  EXPECT_EQ(harness.serve(post, path, "", headers).status(), 400U);
  EXPECT_EQ(harness.serve(post, path, "", with(headers, "X-User-Id", std::string(65, 'x'))).status(), 400U);
}

TEST(UsersTrusted, AUserWhomTwoHeadersNameIsRefused) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(10)) + "/requests";
  const HeaderList both{{"X-User-Id", "mina"}, {"x-user-id", "jun"}};
  EXPECT_EQ(harness.serve(post, path, "", both).status(), 400U);
  EXPECT_EQ(harness.ask(get, "/v1/users/mina/coupons", "", both).status(), 400U);
}

TEST(UsersTrusted, AFrontsOwnTokensAreNotLookedAt) {
  Harness harness;
  EXPECT_EQ(
      harness.ask(get, "/v1/users/mina/coupons", "", {{"X-User-Id", "mina"}, {"Authorization", "Bearer abc"}}).status(),
      200U);
}

struct Rules : ::testing::Test {
  FakeClock clock;
  RecordingLogger logger;
  RecordingMetrics metrics;
  TokenKeys keys{[]() -> Result<std::string> { return key_set_of(hmac_key()); }, logger};
  Settings settings = Harness::test_settings();
  ports::HttpRequest request;
};

TEST_F(Rules, AnAdminActsForTheUserWhomItNames) {
  for (const bool by_token : {false, true}) {
    settings.users_by_token = by_token;
    const Auth auth(settings, keys, clock, logger, metrics);
    request.headers = {{"Authorization", "Bearer secret-token"}};
    const auto caller = auth.user_or_admin(request, "mina");
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->admin, "ops");
    EXPECT_EQ(caller->user, "mina");
    EXPECT_EQ(auth.user_or_admin(request, std::nullopt)->user, "");
    EXPECT_EQ(auth.user_or_admin(request, "").error().status, 400U);
  }
}

TEST_F(Rules, AUserActsForItselfAlone) {
  settings.users_by_token = true;
  ASSERT_TRUE(keys.refresh());
  const Auth auth(settings, keys, clock, logger, metrics);
  const std::string authorization = "Bearer " + token_of("mina");
  request.headers = {{"Authorization", authorization}};
  EXPECT_EQ(auth.user_or_admin(request, std::nullopt)->user, "mina");
  EXPECT_FALSE(auth.user_or_admin(request, "mina")->is_admin());
  EXPECT_EQ(auth.user_or_admin(request, "jun").error().status, 403U);
  EXPECT_TRUE(auth.caller(request)->may_see("mina"));
  EXPECT_FALSE(auth.caller(request)->may_see("jun"));
  request.headers.clear();
  EXPECT_TRUE(auth.caller(request)->is_anonymous());
  EXPECT_FALSE(auth.caller(request)->may_see("")) << "nobody owns nothing";
  EXPECT_EQ(auth.owner_or_admin(request).error().status, 401U);
}

// Receipts, codes and tokens of two campaigns and two users, cut in two and put together crosswise.
TEST(Guessing, WhatIsPutTogetherFromGoodOnesGetsNothing) {
  Harness harness;
  const std::uint32_t one = harness.create_campaign(10, R"({"code_format":"latin"})");
  const std::uint32_t two = harness.create_campaign(10, R"({"code_format":"latin"})");
  const Answer mina = harness.serve_request(one, "mina");
  const Answer jun = harness.serve_request(two, "jun");
  const auto crossed = [](const std::string& head, const std::string& tail, std::size_t at) {
    return head.substr(0, at) + tail.substr(at);
  };
  const std::string receipts[2]{mina.field("receipt"), jun.field("receipt")};
  for (std::size_t at = 1; at < receipts[0].size(); ++at) {
    const std::string forged = crossed(receipts[0], receipts[1], at);
    if (forged == receipts[0] || forged == receipts[1]) continue;
    EXPECT_EQ(harness.ask(get, "/v1/requests/" + forged).status(), 404U) << forged;
  }
  const std::string codes[2]{mina.field("coupon.code"), jun.field("coupon.code")};
  EXPECT_EQ(harness.ask(get, "/v1/coupons/" + codes[0], "", {{"X-User-Id", "jun"}}).status(), 403U);
  for (std::size_t at = 1; at < codes[0].size(); ++at) {
    const std::string forged = crossed(codes[0], codes[1], at);
    if (forged == codes[0] || forged == codes[1]) continue;
    EXPECT_EQ(harness.ask(get, "/v1/coupons/" + forged, "", {{"X-User-Id", "mina"}}).status(), 404U) << forged;
  }
}

TEST(AdminCalls, AreLoggedWithTheNameOfTheToken) {
  Harness harness;
  harness.create_campaign(10);
  EXPECT_EQ(harness.logger.lines_with("admin call admin=ops method=POST path=/v1/campaigns"), 1U);
  HeaderList ci = admin;
  ci[0].second = "Bearer other-token";
  harness.ask(put, "/v1/dispatch", R"({"per_second":5})", ci);
  EXPECT_EQ(harness.logger.lines_with("admin call admin=ci method=PUT path=/v1/dispatch"), 1U);
  harness.ask(post, "/v1/coupons/XXXXXXXXXXXXX/redeem", "", ci);
  EXPECT_EQ(harness.logger.lines_with("admin call admin=ci method=POST path=/v1/coupons/"), 1U);
  harness.ask(get, "/v1/dispatch", "", admin);
  EXPECT_EQ(harness.logger.lines_with("admin call"), 3U) << "reading changes nothing";
  EXPECT_EQ(harness.logger.lines_with("-token"), 0U) << "no token is logged";
}

}  // namespace
}  // namespace openrun::gateway::testing
