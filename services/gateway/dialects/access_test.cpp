// Who may call in a dialect, and how often: the gateway's own doors, in the dialect's words.
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"
#include "gateway/testing/tokens.hpp"

namespace openrun::gateway::dialects {
namespace {

using namespace gateway::testing;
using enum ports::HttpMethod;

const std::string coupon_issue = "/coupon.v1.CouponService/IssueCoupon";
const std::string issuance_issue = "/coupon_issuance.v1.CouponService/IssueCoupon";
const std::string anonymous_issue = "/rpc_coupon.CouponService/IssueCoupon";

HeaderList bearing(const std::string& user) {
  return with(json, "Authorization", "Bearer " + token_of(user));
}

class DialectsByToken : public ::testing::Test {
 protected:
  DialectsByToken() {
    harness_.token_keys = key_set_of(hmac_key());
    EXPECT_TRUE(harness_.gateway->refresh_token_keys());
    campaign_ = std::to_string(harness_.create_campaign(10));
  }
  static Settings settings() {
    Settings settings = Harness::test_settings();
    settings.users_by_token = true;
    return settings;
  }
  Answer issue(const std::string& path, const std::string& user_field, const HeaderList& headers) {
    return harness_.serve(post, path, R"({"campaignId":)" + campaign_ + user_field + "}", headers);
  }

  Harness harness_{settings()};
  std::string campaign_;
};

TEST_F(DialectsByToken, TheTokenSaysWhoTheUserIs) {
  EXPECT_EQ(issue(coupon_issue, R"(,"userId":7)", bearing("7")).status(), 200U);
  const Answer stranger = issue(coupon_issue, R"(,"userId":8)", bearing("7"));
  EXPECT_EQ(stranger.status(), 403U);
  EXPECT_EQ(stranger.field("code"), "permission_denied");
  const Answer nobody = issue(coupon_issue, R"(,"userId":8)", json);
  EXPECT_EQ(nobody.status(), 401U);
  EXPECT_EQ(nobody.field("code"), "unauthenticated");
  EXPECT_FALSE(nobody.header("WWW-Authenticate").empty());
  EXPECT_EQ(issue(coupon_issue, "", bearing("mina")).status(), 200U) << "the message names nobody";
  EXPECT_EQ(harness_.database.coupons.rbegin()->second.user, "mina");
}

TEST_F(DialectsByToken, AUserOfTheTokenIsToldInTheCoupon) {
  harness_.create_campaign(1);
  const Answer issued =
      harness_.serve(post, issuance_issue, R"({"campaignId":")" + campaign_ + R"("})", bearing("jun"));
  EXPECT_EQ(issued.field("coupon.userId"), "jun");
}

TEST_F(DialectsByToken, ThereAreNoAnonymousUsers) {
  EXPECT_EQ(issue(anonymous_issue, "", json).field("code"), "unauthenticated");
  EXPECT_EQ(issue(anonymous_issue, "", bearing("mina")).status(), 200U);
  EXPECT_EQ(issue(anonymous_issue, "", bearing("mina")).field("message"), "COUPON_ALREADY_CLAIMED");
}

TEST_F(DialectsByToken, AUserIsNoAdmin) {
  const std::string body = R"({"couponLimit":9,"startTime":"2025-01-01T00:00:00Z"})";
  const Answer answer = harness_.ask(post, "/coupon.v1.CouponService/CreateCampaign", body, bearing("mina"));
  EXPECT_EQ(answer.status(), 403U);
  EXPECT_EQ(answer.field("code"), "permission_denied");
}

TEST_F(DialectsByToken, AWaitingRoomRepeatsAReceiptToItsAuthenticatedUserOnly) {
  const std::string gate = "/gate/events/" + campaign_ + "/";
  const auto enter = [&](const std::string& query, const HeaderList& headers) {
    Answer answer = harness_.send(post, gate + "enqueue" + query, "", headers);
    harness_.acknowledge();
    return answer;
  };
  const Answer entered = enter("?userId=mina", bearing("mina"));
  EXPECT_EQ(entered.field("status"), "ENQUEUED") << entered.body();
  EXPECT_EQ(enter("", bearing("mina")).body(),
            R"({"status":"ALREADY_ENQUEUED","rank":0,"receipt":")" + entered.field("receipt") + R"("})");
  EXPECT_EQ(enter("?userId=mina", bearing("jun")).status(), 403U);
  EXPECT_EQ(enter("?userId=mina", json).status(), 401U);
  EXPECT_EQ(harness_.ask(get, gate + "rank?userId=mina", "", with(json, "X-User-Id", "mina")).status(), 401U);
  EXPECT_EQ(harness_.ask(get, gate + "rank", "", bearing("mina")).field("status"), "WAITING");
  EXPECT_EQ(harness_.ask(get, gate + "rank?receipt=" + entered.field("receipt")).field("status"), "WAITING");
}

constexpr Rate twice{.per_second = 1, .burst = 2};

TEST(DialectsLimits, WhoCallsTooOftenIsToldInTheProtocolsWords) {
  for (const bool by_address : {false, true}) {
    Settings settings = Harness::test_settings();
    (by_address ? settings.limits.address : settings.limits.user) = twice;
    Harness harness(settings);
    const std::string body = R"({"campaignId":)" + std::to_string(harness.create_campaign(9)) + R"(,"userId":7})";
    (void)harness.serve(post, coupon_issue, body, json);
    EXPECT_EQ(harness.serve(post, coupon_issue, body, json).field("message"), "COUPON_ALREADY_CLAIMED");
    const Answer refused = harness.ask(post, coupon_issue, body, json);
    EXPECT_EQ(refused.status(), 429U);
    EXPECT_EQ(refused.reply->response->content_type, "application/json");
    EXPECT_EQ(refused.field("code"), "resource_exhausted");
    EXPECT_FALSE(refused.field("message").empty());
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_TRUE(refused.header("RateLimit").starts_with(by_address ? "\"address\"" : "\"user\""));
  }
}

TEST(DialectsLimits, AnEnqueuedUserIsCountedByItsReceipt) {
  Settings settings = Harness::test_settings();
  settings.limits.address = twice;
  Harness harness(settings);
  const std::string gate = "/gate/events/" + std::to_string(harness.create_campaign(9)) + "/";
  const Answer entered = harness.send(post, gate + "enqueue?userId=ann");
  harness.acknowledge();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(harness.ask(get, gate + "rank?receipt=" + entered.field("receipt")).status(), 200U) << i;
  }
  unsigned last = 0;
  for (int i = 0; i < 3; ++i) last = harness.ask(get, gate + "rank?userId=ann").status();
  EXPECT_EQ(last, 429U) << "by name it is any other call";
}

TEST(DialectsShedding, WhoStoodInLineForTooLongIsToldInTheProtocolsWords) {
  Harness harness;
  const std::string campaign = std::to_string(harness.create_campaign(9));
  harness.is_overdue = true;
  const std::string body = R"({"campaignId":)" + campaign + R"(,"userId":7})";
  const Answer refused = harness.ask(post, coupon_issue, body, json);
  EXPECT_EQ(refused.status(), 503U);
  EXPECT_EQ(refused.reply->response->content_type, "application/json");
  EXPECT_EQ(refused.body(), R"({"code":"unavailable","message":"The gateway is over its capacity; ask again."})");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  const Answer enqueued = harness.ask(post, "/gate/events/" + campaign + "/enqueue?userId=ann");
  EXPECT_EQ(enqueued.status(), 503U);
  EXPECT_EQ(enqueued.field("code"), "OVERLOADED");
  EXPECT_EQ(harness.appender->open(), 0U);
}

}  // namespace
}  // namespace openrun::gateway::dialects
