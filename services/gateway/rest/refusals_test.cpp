// What the gate refuses before the log, and how it stays honest about it.
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

class Refusals : public ::testing::Test {
 protected:
  // Until the gateway refuses strangers of itself: counters and winners are there.
  bool refuses(std::uint32_t campaign, const std::string& code) {
    return harness.until([&] {
      const Answer answer = harness.request(campaign, "stranger");
      if (harness.appender->open() > 0) {
        harness.acknowledge();
        harness.decide();
      }
      return answer.arrived() && answer.status() == 409 && answer.field("code") == code &&
             answer.field("receipt").empty();
    });
  }
  std::string path(std::uint32_t campaign, const std::string& rest = "") {
    return "/v1/campaigns/" + std::to_string(campaign) + rest;
  }
  int calls(const std::string& name) {
    std::lock_guard lock(harness.database.mutex);
    return harness.database.calls[name];
  }

  Harness harness;
};

TEST_F(Refusals, ASoldOutCampaignRefusesStrangersAtOnceAndShowsWinnersTheirCoupon) {
  const std::uint32_t campaign = harness.create_campaign(2);
  const Answer ann = harness.serve_request(campaign, "ann");
  (void)harness.serve_request(campaign, "bob");
  ASSERT_TRUE(refuses(campaign, "SOLD_OUT"));
  const std::size_t open = harness.appender->open();
  const Answer again = harness.ask(post, path(campaign, "/requests"), R"({"user_id":"ann"})", json);
  EXPECT_EQ(again.status(), 409U);
  EXPECT_EQ(again.field("code"), "ALREADY_ISSUED");
  EXPECT_EQ(again.field("coupon.code"), ann.field("coupon.code"));
  EXPECT_EQ(harness.appender->open(), open) << "neither entered the log";
  EXPECT_GE(harness.metrics.value("openrun_gate_refusals_total{reason=\"SOLD_OUT\"}"), 1);
}

TEST_F(Refusals, UntilTheWinnersAreLoadedRequestsEnterTheLog) {
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)harness.serve_request(campaign, "ann");
  // Another gateway, which starts with the store down: it can't know the winners.
  const Answer first = harness.serve_request(campaign, "bob");
  EXPECT_EQ(first.status(), 409U);
  ASSERT_TRUE(refuses(campaign, "SOLD_OUT"));
  const int loads = calls("holders");
  for (int i = 0; i < 50; ++i) (void)harness.request(campaign, "user" + std::to_string(i));
  EXPECT_EQ(calls("holders"), loads) << "loaded once";
}

TEST_F(Refusals, AWinnerWhoCannotBeLookedUpIs503NeverSoldOut) {
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)harness.serve_request(campaign, "ann");
  ASSERT_TRUE(refuses(campaign, "SOLD_OUT"));
  {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = true;
  }
  EXPECT_EQ(harness.ask(post, path(campaign, "/requests"), R"({"user_id":"ann"})", json).status(), 503U);
  EXPECT_EQ(harness.ask(post, path(campaign, "/requests"), R"({"user_id":"bob"})", json).status(), 409U);
}

TEST_F(Refusals, AMissedRestockSellsAgainWithinTwoSeconds) {
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)harness.serve_request(campaign, "ann");
  const int reads_before = calls("campaigns_named");
  ASSERT_TRUE(refuses(campaign, "SOLD_OUT"));
  ASSERT_TRUE(harness.until([&] { return calls("campaigns_named") > reads_before; }))
      << "the first refusal reads it too";
  // The restock is decided and committed, but its results are lost.
  (void)harness.send(post, path(campaign, "/stock"), R"({"add":1})", admin);
  harness.acknowledge();
  harness.decide(false);
  // Still refused, but after campaign_refresh_ms such a refusal reads the campaign again.
  const int reads = calls("campaigns_named");
  harness.advance_ms(1'000);
  EXPECT_EQ(harness.request(campaign, "carl").status(), 409U);
  ASSERT_TRUE(harness.until([&] { return calls("campaigns_named") > reads; }));
  ASSERT_TRUE(harness.until([&] { return harness.request(campaign, "carl").status() != 409U; }));
  EXPECT_EQ(harness.appender->open(), 1U) << "the request entered the log";
}

TEST_F(Refusals, ACampaignBeyondTheSkewBeforeItsStartRefuses) {
  const std::uint32_t campaign = harness.create_campaign(5, "{}", 60'000);
  const Answer early = harness.request(campaign, "ann");
  EXPECT_EQ(early.status(), 409U);
  EXPECT_EQ(early.field("code"), "NOT_STARTED");
  harness.clock.advance_ms(59'500);
  (void)harness.request(campaign, "ann");
  EXPECT_EQ(harness.appender->open(), 1U) << "within the skew the log decides";
}

TEST_F(Refusals, AClosedCampaignRefusesAndStillTellsWinners) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer ann = harness.serve_request(campaign, "ann");
  ASSERT_EQ(harness.serve(post, path(campaign, "/close"), "", admin).field("state"), "closed");
  ASSERT_TRUE(refuses(campaign, "CLOSED"));
  const Answer again = harness.ask(post, path(campaign, "/requests"), R"({"user_id":"ann"})", json);
  EXPECT_EQ(again.field("coupon.code"), ann.field("coupon.code"));
}

TEST_F(Refusals, APausedSoldOutCampaignIsLeftToTheLog) {
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)harness.serve_request(campaign, "ann");
  ASSERT_TRUE(refuses(campaign, "SOLD_OUT"));
  ASSERT_EQ(harness.serve(post, path(campaign, "/pause"), "", admin).status(), 200U);
  EXPECT_EQ(harness.serve_request(campaign, "zoe").field("code"), "PAUSED");
}

TEST_F(Refusals, WithSeveralCouponsAUserTheLogKnowsWhetherItIsTheSameKeyAgain) {
  const std::uint32_t campaign = harness.create_campaign(1, R"({"max_per_user":2})");
  const Answer first = harness.serve_request(campaign, "ann", with(json, "Idempotency-Key", "k"));
  ASSERT_TRUE(harness.until([&] {
    const Answer stranger = harness.request(campaign, "stranger", with(json, "Idempotency-Key", "s"));
    if (harness.appender->open() > 0) harness.acknowledge();
    return stranger.status() == 409;
  }));
  harness.decide();
  const Answer again = harness.serve_request(campaign, "ann", with(json, "Idempotency-Key", "k"));
  EXPECT_EQ(again.status(), 201U);
  EXPECT_EQ(again.field("coupon.code"), first.field("coupon.code"));
}

TEST_F(Refusals, AHashThatBelongsToNobodyInTheStoreIsARefusal) {
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)harness.serve_request(campaign, "ann");
  ASSERT_TRUE(refuses(campaign, "SOLD_OUT"));
  {
    // As if ann's hash were that of another user, who holds the coupon.
    std::lock_guard lock(harness.database.mutex);
    harness.database.coupons.begin()->second.user = "somebody else";
  }
  EXPECT_EQ(harness.ask(post, path(campaign, "/requests"), R"({"user_id":"ann"})", json).field("code"), "SOLD_OUT");
}

}  // namespace
}  // namespace openrun::gateway
