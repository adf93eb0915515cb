// rpc_campaign and rpc_coupon against a whole gateway over fakes.
#include <gtest/gtest.h>
#include <rpc_campaign/rpc_campaign.pb.h>
#include <rpc_coupon/rpc_coupon.pb.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway::dialects {
namespace {

using namespace gateway::testing;
using enum ports::HttpMethod;

const std::string campaigns = "/rpc_campaign.CampaignService/";
const std::string coupons = "/rpc_coupon.CouponService/";

std::string campaign_of(std::uint32_t campaign) {
  return R"({"campaignId":)" + std::to_string(campaign) + "}";
}

TEST(Rpc, ACampaignIsCreatedShownAndIssuedFrom) {
  Harness harness;
  const Answer created =
      harness.serve(post, campaigns + "CreateCampaign",
                    R"({"title":"Opening","couponRemains":2,"beginAt":"2025-01-01T09:00:00.5+09:00"})", admin);
  EXPECT_EQ(created.body(),
            R"({"campaignId":1,"title":"Opening","couponRemains":2,"beginAt":"2025-01-01T00:00:00.500Z"})");
  const Answer issued = harness.serve(post, coupons + "IssueCoupon", campaign_of(1), json);
  const ports::Coupon& coupon = harness.database.coupons.begin()->second;
  EXPECT_EQ(issued.field("couponId"), "4294967297") << "campaign * 2^32 + sequence";
  EXPECT_EQ(issued.field("campaignId"), "1");
  EXPECT_EQ(issued.field("couponCode"), coupon.code);
  EXPECT_FALSE(issued.field("issuedAt").empty());
  EXPECT_EQ(harness.ask(post, campaigns + "GetCampaign", campaign_of(1), json).body(),
            R"({"campaignId":1,"title":"Opening","couponRemains":1,"beginAt":"2025-01-01T00:00:00.500Z"})");
}

TEST(Rpc, EveryCallIsThatOfANewAnonymousUser) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(harness.serve(post, coupons + "IssueCoupon", campaign_of(campaign), json).status(), 200U);
  }
  const Answer sold_out = harness.serve(post, coupons + "IssueCoupon", campaign_of(campaign), json);
  EXPECT_EQ(sold_out.status(), 400U);
  EXPECT_EQ(sold_out.body(), R"({"code":"failed_precondition","message":"COUPON_SOLD_OUT"})");
  EXPECT_NE(harness.database.coupons.begin()->second.user, harness.database.coupons.rbegin()->second.user);
  // What is left is 0, and it is said, because it is not absent.
  EXPECT_EQ(harness.ask(post, campaigns + "GetCampaign", campaign_of(campaign), json).field("couponRemains"), "0");
}

TEST(Rpc, RefusalsAreErrorsWithTheirMessages) {
  Harness harness;
  const std::uint32_t scheduled = harness.create_campaign(1, "{}", 60'000);
  EXPECT_EQ(harness.serve(post, coupons + "IssueCoupon", campaign_of(scheduled), json).field("message"),
            "CAMPAIGN_NOT_STARTED");
  for (const std::string& path : {coupons + "IssueCoupon", campaigns + "GetCampaign"}) {
    const Answer answer = harness.ask(post, path, campaign_of(77), json);
    EXPECT_EQ(answer.status(), 404U);
    EXPECT_EQ(answer.field("message"), "RECORD_NOT_FOUND");
  }
  EXPECT_EQ(
      harness.ask(post, campaigns + "CreateCampaign", R"({"couponRemains":1,"beginAt":"2025-01-01T00:00:00Z"})", json)
          .field("code"),
      "unauthenticated");
}

TEST(Rpc, BadFieldsOfANewCampaignAreInvalidArguments) {
  Harness harness;
  for (const char* body : {
           R"({"couponRemains":-1,"beginAt":"2025-01-01T00:00:00Z"})",
           R"({"couponRemains":1})",
           R"({"couponRemains":1,"beginAt":null})",
           R"({"couponRemains":1,"beginAt":"soon"})",
           R"({"couponRemains":1,"beginAt":"1969-12-31T23:59:59Z"})",
           R"({"couponRemains":2147483648,"beginAt":"2025-01-01T00:00:00Z"})",
           R"({"title":"a\u0000b","couponRemains":1,"beginAt":"2025-01-01T00:00:00Z"})",
       }) {
    const Answer answer = harness.ask(post, campaigns + "CreateCampaign", body, admin);
    EXPECT_EQ(answer.status(), 400U) << body;
    EXPECT_EQ(answer.field("code"), "invalid_argument") << body;
  }
}

TEST(Rpc, BinaryTimesThatNoCalendarHasAreInvalidArguments) {
  Harness harness;
  const HeaderList proto{{"Content-Type", "application/proto"}, {"Authorization", "Bearer secret-token"}};
  const struct {
    std::int64_t seconds;
    std::int32_t nanos;
  } rows[] = {{-1, 0}, {253'402'300'800, 0}, {9'223'372'036'854'775'807, 0}, {0, -1}, {0, 1'000'000'000}};
  for (const auto& row : rows) {
    rpc_campaign::CreateCampaignRequest request;
    request.set_coupon_remains(1);
    request.mutable_begin_at()->set_seconds(row.seconds);
    request.mutable_begin_at()->set_nanos(row.nanos);
    EXPECT_EQ(harness.ask(post, campaigns + "CreateCampaign", request.SerializeAsString(), proto).field("code"),
              "invalid_argument")
        << row.seconds << " " << row.nanos;
  }
  rpc_campaign::CreateCampaignRequest request;
  request.set_coupon_remains(1);
  request.mutable_begin_at()->set_seconds(1'750'000'000);
  const Answer created = harness.serve(post, campaigns + "CreateCampaign", request.SerializeAsString(), proto);
  rpc_campaign::CreateCampaignResponse response;
  ASSERT_TRUE(response.ParseFromString(created.body()));
  EXPECT_EQ(response.begin_at().seconds(), 1'750'000'000);
}

}  // namespace
}  // namespace openrun::gateway::dialects
