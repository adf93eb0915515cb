// coupon.v1 against a whole gateway over fakes.
#include <coupon/v1/coupon.pb.h>
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway::dialects {
namespace {

using namespace gateway::testing;
using enum ports::HttpMethod;

const std::string service = "/coupon.v1.CouponService/";

std::string issue_of(std::uint32_t campaign, int user) {
  return R"({"campaignId":)" + std::to_string(campaign) + R"(,"userId":)" + std::to_string(user) + "}";
}
std::string get_of(std::uint32_t campaign) {
  return R"({"campaignId":)" + std::to_string(campaign) + "}";
}

void expect_error(const Answer& answer, unsigned status, const std::string& code, const std::string& message) {
  EXPECT_EQ(answer.status(), status) << message;
  EXPECT_EQ(answer.field("code"), code) << message;
  EXPECT_EQ(answer.field("message"), message);
}

TEST(CouponV1, ACampaignIsCreatedShownAndIssuedFrom) {
  Harness harness;
  const Answer created =
      harness.serve(post, service + "CreateCampaign",
                    R"({"name":"Opening","couponLimit":"2","startTime":"2025-01-01T00:00:00Z"})", admin);
  ASSERT_EQ(created.status(), 200U) << created.body();
  ASSERT_EQ(created.body(), R"({"campaignId":1})");
  EXPECT_EQ(harness.serve(post, service + "IssueCoupon", issue_of(1, 7), json).body(), R"({"message":"OK"})");
  const Answer shown = harness.ask(post, service + "GetCampaign", get_of(1), json);
  EXPECT_EQ(shown.field("id"), "1");
  EXPECT_EQ(shown.field("name"), "Opening");
  EXPECT_EQ(shown.field("couponLimit"), "2");
  EXPECT_EQ(shown.field("currentCoupon"), "1");
  EXPECT_EQ(shown.field("startTime"), "2025-01-01T00:00:00.000Z");
  EXPECT_FALSE(shown.field("createdAt").empty());
  EXPECT_FALSE(shown.field("updatedAt").empty());
  EXPECT_EQ(harness.database.coupons.begin()->second.user, "7");
}

TEST(CouponV1, BinaryMessagesSayTheSame) {
  Harness harness;
  const HeaderList proto{{"Content-Type", "application/proto"}, {"Authorization", "Bearer secret-token"}};
  coupon::v1::CreateCampaignRequest create;
  create.set_name("Opening");
  create.set_coupon_limit(5'000'000'000);
  create.set_start_time("2025-01-01T09:00:00+09:00");
  EXPECT_EQ(harness.ask(post, service + "CreateCampaign", create.SerializeAsString(), proto).field("code"),
            "invalid_argument");
  create.set_coupon_limit(4'294'967'295);
  const Answer created = harness.serve(post, service + "CreateCampaign", create.SerializeAsString(), proto);
  coupon::v1::CreateCampaignResponse id;
  ASSERT_TRUE(id.ParseFromString(created.body()));
  coupon::v1::IssueCouponRequest issue;
  issue.set_campaign_id(id.campaign_id());
  issue.set_user_id(-3);
  coupon::v1::IssueCouponResponse issued;
  ASSERT_TRUE(
      issued.ParseFromString(harness.serve(post, service + "IssueCoupon", issue.SerializeAsString(), proto).body()));
  EXPECT_EQ(issued.message(), "OK");
  coupon::v1::GetCampaignRequest get;
  get.set_campaign_id(id.campaign_id());
  coupon::v1::GetCampaignResponse shown;
  ASSERT_TRUE(shown.ParseFromString(harness.ask(post, service + "GetCampaign", get.SerializeAsString(), proto).body()));
  EXPECT_EQ(shown.coupon_limit(), 4'294'967'295);
  EXPECT_EQ(shown.start_time(), "2025-01-01T00:00:00.000Z");
  ASSERT_EQ(shown.issued_coupons_size(), 1);
  EXPECT_EQ(shown.issued_coupons(0), harness.database.coupons.begin()->second.code);
  EXPECT_EQ(harness.database.coupons.begin()->second.user, "-3");
}

TEST(CouponV1, EachRefusalHasItsMessage) {
  Harness harness;
  const std::uint32_t open = harness.create_campaign(1);
  const std::uint32_t scheduled = harness.create_campaign(1, "{}", 60'000);
  const auto issue = [&](std::uint32_t campaign, int user) {
    return harness.serve(post, service + "IssueCoupon", issue_of(campaign, user), json);
  };
  EXPECT_EQ(issue(open, 1).status(), 200U);
  expect_error(issue(open, 1), 409, "already_exists", "COUPON_ALREADY_CLAIMED");
  expect_error(issue(open, 2), 400, "failed_precondition", "COUPON_SOLD_OUT");
  expect_error(issue(open, 1), 409, "already_exists", "COUPON_ALREADY_CLAIMED");
  expect_error(issue(scheduled, 1), 400, "failed_precondition", "CAMPAIGN_NOT_STARTED");
  expect_error(issue(77, 1), 404, "not_found", "RECORD_NOT_FOUND");
  expect_error(issue(0, 1), 404, "not_found", "RECORD_NOT_FOUND");
  expect_error(harness.ask(post, service + "IssueCoupon", R"({"campaignId":-1})", json), 404, "not_found",
               "RECORD_NOT_FOUND");
  for (const char* id : {"77", "0", "-5"}) {
    expect_error(harness.ask(post, service + "GetCampaign", std::string(R"({"campaignId":)") + id + "}", json), 404,
                 "not_found", "RECORD_NOT_FOUND");
  }
}

TEST(CouponV1, WhatOperatorsDoToACampaignIsToldToo) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(9);
  const std::string path = "/v1/campaigns/" + std::to_string(campaign);
  const auto message_after = [&](const std::string& action, const std::string& body) {
    const auto method = action.empty() ? patch : post;
    EXPECT_EQ(harness.serve(method, path + action, body, admin).status(), 200U);
    return harness.serve(post, service + "IssueCoupon", issue_of(campaign, 1), json).field("message");
  };
  EXPECT_EQ(message_after("/pause", ""), "CAMPAIGN_PAUSED");
  EXPECT_EQ(message_after("", R"({"starts_at":"2020-01-01T00:00:00Z","ends_at":"2020-01-02T00:00:00Z"})"),
            "CAMPAIGN_PAUSED");
  EXPECT_EQ(message_after("/resume", ""), "CAMPAIGN_ENDED");
  EXPECT_EQ(message_after("/close", ""), "CAMPAIGN_CLOSED");
}

TEST(CouponV1, BadFieldsOfANewCampaignAreInvalidArguments) {
  Harness harness;
  const struct {
    const char* body;
    const char* field;
  } rows[] = {
      {R"({"couponLimit":-1,"startTime":"2025-01-01T00:00:00Z"})", "coupon_limit"},
      {R"({"couponLimit":"4294967296","startTime":"2025-01-01T00:00:00Z"})", "coupon_limit"},
      {R"({"couponLimit":1})", "start_time"},
      {R"({"couponLimit":1,"startTime":"2025-01-01"})", "start_time"},
      {R"({"couponLimit":1,"startTime":"2025-01-01T00:00:00"})", "start_time"},
      {R"({"couponLimit":1,"startTime":"1700000000"})", "start_time"},
      {R"({"couponLimit":1,"startTime":"1969-01-01T00:00:00Z"})", "start_time"},
      {R"({"name":"a\u0000b","couponLimit":1,"startTime":"2025-01-01T00:00:00Z"})", "name"},
  };
  for (const auto& row : rows) {
    const Answer answer = harness.ask(post, service + "CreateCampaign", row.body, admin);
    EXPECT_EQ(answer.status(), 400U) << row.body;
    EXPECT_EQ(answer.field("code"), "invalid_argument") << row.body;
    EXPECT_TRUE(answer.field("message").starts_with(row.field)) << answer.body();
  }
  EXPECT_TRUE(harness.database.campaigns.empty());
}

TEST(CouponV1, OnlyAdminsCreateAndSeeCodes) {
  Harness harness;
  const std::string body = R"({"name":"x","couponLimit":9,"startTime":"2025-01-01T00:00:00.123456789Z"})";
  const Answer refused = harness.ask(post, service + "CreateCampaign", body, json);
  EXPECT_EQ(refused.status(), 401U);
  EXPECT_EQ(refused.field("code"), "unauthenticated");
  EXPECT_TRUE(harness.database.reservations.empty());
  ASSERT_EQ(harness.serve(post, service + "CreateCampaign", body, admin).status(), 200U);
  (void)harness.serve(post, service + "IssueCoupon", issue_of(1, 7), json);
  EXPECT_EQ(harness.ask(post, service + "GetCampaign", get_of(1), json).field("issuedCoupons.0"), "");
  EXPECT_EQ(harness.ask(post, service + "GetCampaign", get_of(1), admin).field("issuedCoupons.0"),
            harness.database.coupons.begin()->second.code);
}

TEST(CouponV1, OpenAdminLiftsBothAndCodesHaveABound) {
  Settings settings = Harness::test_settings();
  settings.connect_open_admin = true;
  settings.connect_codes_max = 2;
  Harness harness(settings);
  const std::string body = R"({"couponLimit":9,"startTime":"2025-01-01T00:00:00Z"})";
  ASSERT_EQ(harness.serve(post, service + "CreateCampaign", body, json).status(), 200U);
  for (int user = 1; user <= 3; ++user) (void)harness.serve(post, service + "IssueCoupon", issue_of(1, user), json);
  const Answer shown = harness.ask(post, service + "GetCampaign", get_of(1), json);
  EXPECT_EQ(shown.field("currentCoupon"), "3");
  for (const std::uint32_t sequence : {1U, 2U}) {
    EXPECT_EQ(shown.field("issuedCoupons." + std::to_string(sequence - 1)),
              harness.database.coupons.at({CampaignId{1}, Sequence{sequence}}).code);
  }
  EXPECT_EQ(shown.field("issuedCoupons.2"), "");
}

TEST(CouponV1, TheSameIdempotencyKeyCreatesOneCampaign) {
  Harness harness;
  const HeaderList keyed = with(admin, "Idempotency-Key", "k1");
  const std::string body = R"({"couponLimit":9,"startTime":"2025-01-01T00:00:00Z"})";
  const Answer first = harness.serve(post, service + "CreateCampaign", body, keyed);
  EXPECT_EQ(harness.serve(post, service + "CreateCampaign", body, keyed).body(), first.body());
  EXPECT_NE(harness.serve(post, service + "CreateCampaign", body, admin).body(), first.body());
}

TEST(CouponV1, AnUndecidedRequestMeetsItsDeadlineAndStaysInTheQueue) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(9);
  const Answer hasty =
      harness.send(post, service + "IssueCoupon", issue_of(campaign, 1), with(json, "Connect-Timeout-Ms", "2000"));
  const Answer patient = harness.send(post, service + "IssueCoupon", issue_of(campaign, 2), json);
  harness.acknowledge();
  harness.advance_ms(1'900);
  EXPECT_FALSE(hasty.arrived());
  harness.advance_ms(200);
  EXPECT_EQ(hasty.status(), 504U);
  EXPECT_EQ(hasty.field("code"), "deadline_exceeded");
  EXPECT_NE(hasty.field("message").find("stays in the queue"), std::string::npos);
  harness.advance_ms(7'800);
  EXPECT_FALSE(patient.arrived());
  harness.advance_ms(200);
  EXPECT_EQ(patient.status(), 504U);
  harness.decide();
  EXPECT_EQ(harness.database.coupons.size(), 2U);
}

TEST(CouponV1, AnUndecidedCommandMeetsItsDeadlineOnce) {
  Harness harness;
  const std::string body = R"({"couponLimit":9,"startTime":"2025-01-01T00:00:00Z"})";
  const Answer answer = harness.send(post, service + "CreateCampaign", body, with(admin, "Connect-Timeout-Ms", "1000"));
  ASSERT_TRUE(harness.until([&] { return harness.appender->open() > 0; }));
  harness.acknowledge();
  harness.advance_ms(1'100);
  EXPECT_EQ(answer.field("code"), "deadline_exceeded");
  harness.decide();
  harness.advance_ms(11'000);
  ASSERT_TRUE(harness.settled());
  EXPECT_EQ(answer.reply->sent, 1);
}

TEST(CouponV1, WhatNobodyCanSayIsUnavailableOrInternal) {
  Settings settings = Harness::test_settings();
  settings.waits_max = 1;
  Harness harness(settings);
  const std::uint32_t campaign = harness.create_campaign(9);
  const auto issue = [&](int user) {
    return harness.send(post, service + "IssueCoupon", issue_of(campaign, user), json);
  };
  const Answer held = issue(1);
  const Answer beyond = issue(2);
  harness.acknowledge();
  EXPECT_FALSE(held.arrived());
  EXPECT_EQ(beyond.status(), 503U);
  EXPECT_EQ(beyond.field("code"), "unavailable");
  EXPECT_EQ(beyond.header("Retry-After"), "1");
  const Answer not_stored = issue(3);
  (void)harness.appender->acknowledge(ports::Delivery::Fate::failed);
  harness.io[0]->run();
  EXPECT_EQ(not_stored.field("code"), "unavailable");
  harness.database.down = true;
  EXPECT_EQ(harness.ask(post, service + "GetCampaign", get_of(77), json).field("code"), "unavailable");
  harness.database.down = false;
  harness.decide();
  ASSERT_TRUE(harness.until([&] { return held.arrived(); }));
  harness.issuer.poison("4");
  expect_error(harness.serve(post, service + "IssueCoupon", issue_of(campaign, 4), json), 500, "internal",
               "INTERNAL_SERVER_ERROR");
}

TEST(CouponV1, SeveralCouponsAUserNeedAKeyForEach) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(9, R"({"max_per_user":2})");
  const auto issue = [&](const HeaderList& headers) {
    return harness.serve(post, service + "IssueCoupon", issue_of(campaign, 1), headers);
  };
  EXPECT_EQ(issue(json).field("code"), "invalid_argument");
  EXPECT_EQ(issue(with(json, "Idempotency-Key", "k1")).status(), 200U);
  EXPECT_EQ(issue(with(json, "Idempotency-Key", "k1")).status(), 200U);
  EXPECT_EQ(issue(with(json, "Idempotency-Key", "k2")).status(), 200U);
  EXPECT_EQ(issue(with(json, "Idempotency-Key", "k3")).field("message"), "COUPON_ALREADY_CLAIMED");
  EXPECT_EQ(issue(with(json, "Idempotency-Key", "\x01")).field("code"), "invalid_argument");
}

TEST(CouponV1, OtherMethodsThanPostAreRefused) {
  Harness harness;
  for (const auto method : {get, head, put, delete_}) {
    const Answer answer = harness.ask(method, service + "IssueCoupon?message=%7B%7D&encoding=json");
    EXPECT_EQ(answer.status(), 405U);
    EXPECT_EQ(answer.header("Allow"), "POST, OPTIONS");
  }
  EXPECT_EQ(harness.ask(post, service + "RedeemCoupon", "{}", json).field("code"), "unimplemented");
}

}  // namespace
}  // namespace openrun::gateway::dialects
