#include "gateway/rest/render.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

TEST(Render, RequestsAreWrittenAsTheContractSays) {
  EXPECT_EQ(waiting_request("r", CampaignId{3}, {7, 120, 300}),
            R"({"receipt":"r","campaign_id":3,"status":"waiting","position":7,"eta_ms":120,"poll_after_ms":300})");
  EXPECT_EQ(waiting_request("r", CampaignId{3}, {0, std::nullopt, 200}),
            R"({"receipt":"r","campaign_id":3,"status":"waiting","position":0,"eta_ms":null,"poll_after_ms":200})");
  const IssuedCoupon coupon{"CODE", Sequence{9}, Timestamp{0}, Timestamp{1'000}};
  EXPECT_EQ(issued_request("r", CampaignId{3}, coupon),
            R"({"receipt":"r","campaign_id":3,"status":"issued","coupon":{"code":"CODE","sequence":9,)"
            R"("issued_at":"1970-01-01T00:00:00.000Z","valid_until":"1970-01-01T00:00:01.000Z"}})");
  EXPECT_EQ(rejected_request("r", CampaignId{3}, issuance::Outcome::sold_out, std::nullopt),
            R"({"receipt":"r","campaign_id":3,"status":"rejected","reason":"SOLD_OUT"})");
  EXPECT_EQ(failed_request("r", CampaignId{3}),
            R"({"receipt":"r","campaign_id":3,"status":"failed","reason":"DEAD_LETTERED"})");
}

TEST(Render, TheAdviceRisesWithTheTimeLeftAndTheLoadWithinItsBounds) {
  constexpr std::uint32_t middle = 0x80000000U;
  EXPECT_EQ(poll_after_ms(0, 1, 0, middle), 200);
  EXPECT_EQ(poll_after_ms(0, 2'000, 0, middle), 1'000);
  EXPECT_EQ(poll_after_ms(0, 1'000'000, 0, middle), 5'000);
  EXPECT_GT(poll_after_ms(0, 1'000, 0.5, middle), poll_after_ms(0, 1'000, 0, middle));
  EXPECT_GT(poll_after_ms(10'000, std::nullopt, 0, middle), poll_after_ms(0, std::nullopt, 0, middle));
  EXPECT_NE(poll_after_ms(0, 2'000, 0, 0), poll_after_ms(0, 2'000, 0, 0xFFFFFFFFU)) << "jittered";
}

TEST(Render, TheTimeLeftFollowsFromTheMeasuredRate) {
  EXPECT_FALSE(eta_ms(10, std::nullopt));
  EXPECT_EQ(eta_ms(99, 100.0), 1'000);
  EXPECT_EQ(retry_after(1), "1");
  EXPECT_EQ(retry_after(1'001), "2");
}

TEST(Render, ACampaignShowsItsStateAtTheServersTime) {
  issuance::Campaign campaign;
  campaign.id = CampaignId{5};
  campaign.terms.name = "a\"b";
  campaign.terms.stock = 10;
  campaign.terms.starts_at = Timestamp{1'000};
  campaign.issued = 4;
  std::string text;
  wire::JsonWriter json(text);
  write_campaign(json, campaign, Timestamp{500});
  EXPECT_EQ(
      text,
      R"({"id":5,"name":"a\"b","description":"","stock":10,"issued":4,"remaining":6,"state":"scheduled",)"
      R"("starts_at":"1970-01-01T00:00:01.000Z","ends_at":null,"policy":{"max_per_user":1,"code_format":"hangul"},)"
      R"("created_at":"1970-01-01T00:00:00.000Z","server_time":"1970-01-01T00:00:00.500Z"})");
}

}  // namespace
}  // namespace openrun::gateway
