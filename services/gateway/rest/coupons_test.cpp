// Coupon calls.
#include <gtest/gtest.h>

#include "gateway/rest/http_text.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

class Coupons : public ::testing::Test {
 protected:
  Answer of(const std::string& code, const HeaderList& headers) {
    return harness.ask(get, "/v1/coupons/" + percent_encode(code), "", headers);
  }
  const HeaderList ann{{"X-User-Id", "ann"}};
  const HeaderList bob{{"X-User-Id", "bob"}};
  Harness harness;
};

TEST_F(Coupons, ItsOwnerAndAnAdminSeeACoupon) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string code = harness.serve_request(campaign, "ann").field("coupon.code");
  for (const HeaderList& headers : {ann, admin}) {
    const Answer answer = of(code, headers);
    EXPECT_EQ(answer.status(), 200U);
    EXPECT_EQ(answer.field("code"), code);
    EXPECT_EQ(answer.field("user_id"), "ann");
    EXPECT_EQ(answer.field("status"), "UNUSED");
    EXPECT_EQ(answer.field("campaign_id"), std::to_string(campaign));
    EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  }
  EXPECT_EQ(of(code, bob).status(), 403U);
  EXPECT_EQ(of(code, {}).status(), 401U);
}

TEST_F(Coupons, LatinCodesAreTakenWithHyphensAndInEitherCase) {
  const std::uint32_t campaign = harness.create_campaign(5, R"({"code_format":"latin"})");
  std::string code = harness.serve_request(campaign, "ann").field("coupon.code");
  for (char& c : code) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  code.insert(4, "-");
  EXPECT_EQ(of(code, ann).status(), 200U);
}

TEST_F(Coupons, WhatIsNoCodeOrWasNeverIssuedIs404) {
  EXPECT_EQ(of("HELLO", ann).field("code"), "NOT_FOUND");
  const std::string never = test_codes().encode({CampaignId{1}, Sequence{9}}, crypto::CodeAlphabet::hangul);
  EXPECT_EQ(of(never, ann).status(), 404U);
  EXPECT_EQ(harness.ask(get, "/v1/coupons/%zz", "", ann).status(), 404U);
}

TEST_F(Coupons, ExpiredIsDerivedFromTheTime) {
  const std::uint32_t campaign = harness.create_campaign(5, R"({"valid_for_seconds":60})");
  const std::string code = harness.serve_request(campaign, "ann").field("coupon.code");
  EXPECT_EQ(of(code, ann).field("status"), "UNUSED");
  harness.clock.advance_ms(60'000);
  EXPECT_EQ(of(code, ann).field("status"), "EXPIRED");
  {
    std::lock_guard lock(harness.database.mutex);
    harness.database.coupons[{CampaignId{campaign}, Sequence{1}}].used_at = harness.clock.now();
  }
  EXPECT_EQ(of(code, ann).field("status"), "USED");
}

TEST_F(Coupons, ACampaignsCouponsComeInOrderAndInPages) {
  const std::uint32_t campaign = harness.create_campaign(5);
  for (const char* user : {"a", "b", "c"}) (void)harness.serve_request(campaign, user);
  const std::string path = "/v1/campaigns/" + std::to_string(campaign) + "/coupons";
  const Answer first = harness.ask(get, path + "?limit=2", "", admin);
  EXPECT_EQ(first.field("coupons"), "array of 2");
  EXPECT_EQ(first.field("coupons.0.user_id"), "a");
  EXPECT_EQ(first.field("next_after"), "2");
  const Answer second = harness.ask(get, path + "?limit=2&after=2", "", admin);
  EXPECT_EQ(second.field("coupons.0.sequence"), "3");
  EXPECT_EQ(second.field("next_after"), "null");
  EXPECT_EQ(harness.ask(get, path + "?limit=0", "", admin).status(), 400U);
  EXPECT_EQ(harness.ask(get, "/v1/campaigns/99/coupons", "", admin).status(), 404U);
}

TEST_F(Coupons, AUsersCouponsAreForThatUserAndAdmins) {
  for (int i = 0; i < 2; ++i) (void)harness.serve_request(harness.create_campaign(5), "ann");
  EXPECT_EQ(harness.ask(get, "/v1/users/ann/coupons", "", ann).field("coupons"), "array of 2");
  EXPECT_EQ(harness.ask(get, "/v1/users/ann/coupons", "", admin).field("coupons"), "array of 2");
  EXPECT_EQ(harness.ask(get, "/v1/users/bob/coupons", "", bob).field("coupons"), "array of 0");
  EXPECT_EQ(harness.ask(get, "/v1/users/ann/coupons", "", bob).status(), 403U);
  EXPECT_EQ(harness.ask(get, "/v1/users/ann/coupons").status(), 401U);
  EXPECT_EQ(harness.ask(get, "/v1/users/%00/coupons", "", admin).status(), 400U);
}

}  // namespace
}  // namespace openrun::gateway
