// /livez, /readyz, /metrics.
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

TEST(Health, AGatewayThatReadsAndProducesIsReady) {
  Harness harness;
  EXPECT_EQ(harness.ask(get, "/livez").status(), 200U);
  EXPECT_EQ(harness.ask(get, "/readyz").status(), 200U);
}

TEST(Health, WithoutAcknowledgementsItIsNotReadyWithinFiveSeconds) {
  Harness harness;
  (void)harness.request(harness.create_campaign(5), "ann");
  ASSERT_TRUE(harness.settled());
  EXPECT_EQ(harness.ask(get, "/readyz").status(), 200U);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(harness.settled());
  const Answer answer = harness.ask(get, "/readyz");
  EXPECT_EQ(answer.status(), 503U);
  EXPECT_NE(answer.field("reasons.0").find("not acknowledged"), std::string::npos) << answer.body();
  harness.acknowledge();
  EXPECT_EQ(harness.ask(get, "/readyz").status(), 200U) << "and again when they come";
}

TEST(Health, WithResultsFarBehindItIsNotReadyWithinFiveSeconds) {
  Harness harness;
  ASSERT_TRUE(harness.settled());
  harness.log.set_down(true);
  harness.advance_ms(2'900);
  EXPECT_EQ(harness.ask(get, "/readyz").status(), 200U);
  harness.advance_ms(200);
  const Answer answer = harness.ask(get, "/readyz");
  EXPECT_EQ(answer.status(), 503U);
  EXPECT_NE(answer.field("reasons.0").find("behind"), std::string::npos);
  harness.log.set_down(false);
  ASSERT_TRUE(harness.settled());
  EXPECT_EQ(harness.ask(get, "/readyz").status(), 200U);
}

TEST(Health, WithTheLogDownPollsOfDecidedRequestsAreAnswered) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer posted = harness.serve_request(campaign, "ann");
  harness.log.set_down(true);
  harness.appender->refuse_with(Error::Kind::unavailable);
  EXPECT_EQ(harness.request(campaign, "bob").status(), 503U);
  EXPECT_EQ(harness.ask(get, "/v1/requests/" + posted.field("receipt")).field("status"), "issued");
}

// No other gateway would have a better store, and requests are accepted without it.
TEST(Health, WithTheStoreInTroubleItIsReadyAndSaysWhatIsWrong) {
  Harness harness;
  harness.store_trouble = "Postgres's disk is full (53100)";
  const Answer answer = harness.ask(get, "/readyz");
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.field("status"), "ready");
  EXPECT_EQ(answer.field("store"), "Postgres's disk is full (53100)");
}

TEST(Health, AStoppingGatewayIsNotReadyButAlive) {
  Harness harness;
  harness.gateway->begin_drain();
  EXPECT_EQ(harness.ask(get, "/readyz").status(), 503U);
  EXPECT_EQ(harness.ask(get, "/livez").status(), 200U);
}

TEST(Health, TheMetricsCountWhatHappened) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  (void)harness.serve_request(campaign, "ann");
  const Answer held = harness.request(campaign, "bob", with(json, "Prefer", "wait=10"));
  harness.acknowledge();
  const Answer text = harness.ask(get, "/metrics");
  EXPECT_EQ(text.reply->response->content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(harness.metrics.value("openrun_requests_total{outcome=\"ISSUED\"}"), 1);
  EXPECT_EQ(harness.metrics.value("openrun_accepted_total"), 2);
  EXPECT_EQ(harness.metrics.value("openrun_waits"), 1);
  EXPECT_EQ(harness.metrics.value("openrun_pending"), 0);
  EXPECT_EQ(harness.metrics.value("openrun_http_connections"), 3);
  EXPECT_EQ(harness.metrics.value("openrun_campaigns_open"), 1);
  EXPECT_EQ(harness.metrics.value("openrun_stock_left"), 4);
  EXPECT_EQ(harness.metrics.value("openrun_store_polls_total"), 0);
  EXPECT_EQ(harness.metrics.value("openrun_bound{of=\"pending\"}"), 20'000);
  EXPECT_EQ(harness.metrics.value("openrun_window_highest{partition=\"0\"}"), 2);
  EXPECT_EQ(harness.metrics.value("openrun_acknowledge_seconds"), 1);
  EXPECT_EQ(harness.metrics.value("openrun_http_requests_total{route=\"/v1/campaigns/{}/requests\",status=\"2xx\"}"),
            1);
}

}  // namespace
}  // namespace openrun::gateway
