// coupon_issuance.v1 against a whole gateway over fakes.
#include <coupon_issuance/v1/coupon_issuance.pb.h>
#include <gtest/gtest.h>

#include <openrun/wire/json.hpp>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway::dialects {
namespace {

using namespace gateway::testing;
using enum ports::HttpMethod;

const std::string service = "/coupon_issuance.v1.CouponService/";

std::string issue_of(const std::string& campaign, const std::string& user) {
  return R"({"campaignId":")" + campaign + R"(","userId":")" + user + R"("})";
}
std::string get_of(const std::string& campaign) {
  return R"({"campaignId":")" + campaign + R"("})";
}
std::string create_of(std::int64_t stock, const std::string& start_time) {
  return R"({"name":"Opening","description":"first","totalCouponsCount":)" + std::to_string(stock) +
         R"(,"startTime":")" + start_time + R"("})";
}

void expect_error(const Answer& answer, const std::string& code) {
  EXPECT_EQ(answer.status(), 200U) << code;
  EXPECT_EQ(answer.field("error.code"), code);
  EXPECT_FALSE(answer.field("error.message").empty()) << code;
  EXPECT_EQ(answer.field("coupon.code") + answer.field("campaign.id"), "") << code;
}

TEST(CouponIssuanceV1, ACampaignIsCreatedShownAndIssuedFrom) {
  Harness harness;
  const Answer created =
      harness.serve(post, service + "CreateCampaign", create_of(2, "2025-01-01T09:00:00+09:00"), admin);
  ASSERT_EQ(created.status(), 200U) << created.body();
  EXPECT_EQ(created.body(), R"({"campaign":{"id":"1","name":"Opening","description":"first","totalCouponsCount":2,)"
                            R"("startTime":"2025-01-01T00:00:00.000Z","status":"CAMPAIGN_STATUS_ACTIVE"}})");
  const Answer issued = harness.serve(post, service + "IssueCoupon", issue_of("1", "ann"), json);
  const ports::Coupon& coupon = harness.database.coupons.begin()->second;
  EXPECT_EQ(issued.body(), R"({"coupon":{"code":")" + coupon.code + R"(","campaignId":"1","issuedAt":")" +
                               wire::format_time(coupon.issued_at.value) + R"(","userId":"ann"}})");
  const Answer shown = harness.ask(post, service + "GetCampaign", get_of("1"), admin);
  EXPECT_EQ(shown.field("campaign.issuedCouponsCount"), "1");
  EXPECT_EQ(shown.field("campaign.issuedCouponCodes.0"), coupon.code);
  EXPECT_EQ(harness.ask(post, service + "GetCampaign", get_of("1"), json).field("campaign.issuedCouponCodes.0"), "");
}

TEST(CouponIssuanceV1, RefusalsAreAnswersWithTheirErrorSet) {
  Harness harness;
  const std::string open = std::to_string(harness.create_campaign(1));
  const std::string scheduled = std::to_string(harness.create_campaign(1, "{}", 60'000));
  const auto issue = [&](const std::string& campaign, const std::string& user) {
    return harness.serve(post, service + "IssueCoupon", issue_of(campaign, user), json);
  };
  EXPECT_FALSE(issue(open, "ann").field("coupon.code").empty());
  expect_error(issue(open, "ann"), "COUPON_ALREADY_CLAIMED");
  expect_error(issue(open, "bob"), "COUPON_SOLD_OUT");
  expect_error(issue(scheduled, "ann"), "CAMPAIGN_NOT_STARTED");
  for (const char* id : {"77", "0", "-1", "", "abc", "1x", "99999999999999999999"}) {
    expect_error(issue(id, "ann"), "RECORD_NOT_FOUND");
    expect_error(harness.ask(post, service + "GetCampaign", get_of(id), json), "RECORD_NOT_FOUND");
  }
  expect_error(issue(open, ""), "INVALID_ARGUMENT");
  expect_error(issue(open, std::string(65, 'a')), "INVALID_ARGUMENT");
  expect_error(harness.ask(post, service + "CreateCampaign", create_of(-1, "2025-01-01T00:00:00Z"), admin),
               "INVALID_ARGUMENT");
  expect_error(harness.ask(post, service + "CreateCampaign", create_of(1, "soon"), admin), "INVALID_ARGUMENT");
}

TEST(CouponIssuanceV1, WhoIsNotKnownOrGetsNoAnswerSeesAnErrorOfTheProtocol) {
  Harness harness;
  const Answer refused = harness.ask(post, service + "CreateCampaign", create_of(1, "2025-01-01T00:00:00Z"), json);
  EXPECT_EQ(refused.status(), 401U);
  EXPECT_EQ(refused.field("code"), "unauthenticated");
  const std::string campaign = std::to_string(harness.create_campaign(1));
  const Answer late = harness.send(post, service + "IssueCoupon", issue_of(campaign, "ann"), json);
  harness.acknowledge();
  harness.advance_ms(10'100);
  EXPECT_EQ(late.field("code"), "deadline_exceeded");
  harness.appender->refuse_with(Error::Kind::unavailable);
  EXPECT_EQ(harness.ask(post, service + "IssueCoupon", issue_of(campaign, "bob"), json).field("code"), "unavailable");
  EXPECT_EQ(harness.ask(post, service + "IssueCoupon", "{", json).field("code"), "invalid_argument");
}

TEST(CouponIssuanceV1, TheStatusFollowsTheState) {
  Harness harness;
  const auto status_of = [&](std::uint32_t campaign) {
    return harness.ask(post, service + "GetCampaign", get_of(std::to_string(campaign)), json).field("campaign.status");
  };
  EXPECT_EQ(status_of(harness.create_campaign(1, "{}", 60'000)), "CAMPAIGN_STATUS_PENDING");
  const std::uint32_t campaign = harness.create_campaign(1);
  EXPECT_EQ(status_of(campaign), "CAMPAIGN_STATUS_ACTIVE");
  const std::string path = "/v1/campaigns/" + std::to_string(campaign);
  (void)harness.serve(post, path + "/pause", "", admin);
  EXPECT_EQ(status_of(campaign), "CAMPAIGN_STATUS_ACTIVE");
  (void)harness.serve(post, path + "/resume", "", admin);
  (void)harness.serve_request(campaign, "ann");
  EXPECT_EQ(status_of(campaign), "CAMPAIGN_STATUS_ENDED") << "sold out";
  const std::uint32_t other = harness.create_campaign(1);
  (void)harness.serve(post, "/v1/campaigns/" + std::to_string(other) + "/close", "", admin);
  EXPECT_EQ(status_of(other), "CAMPAIGN_STATUS_ENDED") << "closed";
}

TEST(CouponIssuanceV1, CountsBeyondTheirFieldsAreShownAsTheLargestNumber) {
  Harness harness;
  const std::string campaign = std::to_string(harness.create_campaign(4'294'967'295));
  EXPECT_EQ(harness.ask(post, service + "GetCampaign", get_of(campaign), json).field("campaign.totalCouponsCount"),
            "2147483647");
}

TEST(CouponIssuanceV1, BinaryMessagesSayTheSame) {
  Harness harness;
  const HeaderList proto{{"Content-Type", "application/proto"}};
  const std::uint32_t campaign = harness.create_campaign(1);
  coupon_issuance::v1::IssueCouponRequest issue;
  issue.set_campaign_id(std::to_string(campaign));
  issue.set_user_id("ann");
  for (const bool again : {false, true}) {
    const Answer answer = harness.serve(post, service + "IssueCoupon", issue.SerializeAsString(), proto);
    coupon_issuance::v1::IssueCouponResponse response;
    ASSERT_TRUE(response.ParseFromString(answer.body()));
    EXPECT_EQ(response.has_coupon(), !again);
    EXPECT_EQ(response.error().code(), again ? "COUPON_ALREADY_CLAIMED" : "");
  }
}

}  // namespace
}  // namespace openrun::gateway::dialects
