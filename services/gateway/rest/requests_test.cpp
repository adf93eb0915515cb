// POST /v1/campaigns/{id}/requests, against a whole gateway over fakes.
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

const HeaderList waited = with(json, "Prefer", "wait=10");

TEST(Requests, AnAcknowledgedRequestGetsAReceiptAndItsPosition) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer first = harness.request(campaign, "ann");
  const Answer second = harness.request(campaign, "bob");
  EXPECT_FALSE(first.arrived()) << "not before the log has acknowledged";
  harness.acknowledge();
  ASSERT_EQ(second.status(), 202U);
  EXPECT_EQ(second.header("Location"), "/v1/requests/" + second.field("receipt"));
  EXPECT_EQ(second.field("status"), "waiting");
  EXPECT_EQ(second.field("position"), "1");
  EXPECT_EQ(second.field("campaign_id"), std::to_string(campaign));
  EXPECT_EQ(second.header("Cache-Control"), "no-store");
  EXPECT_FALSE(second.header("Retry-After").empty());
  EXPECT_EQ(second.header("Preference-Applied"), "");
}

TEST(Requests, TheTraceThatACallNamesStandsInItsRecordAndInTheLinesAboutIt) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const Answer traced = harness.request(campaign, "ann", with(waited, "Traceparent", traceparent));
  const Answer plain = harness.request(campaign, "bob", with(waited, "traceparent", "no trace"));
  harness.acknowledge();
  std::vector<FakeAppender::Appended> records;
  for (const auto& [partition, appended] : harness.undecided)
    records.insert(records.end(), appended.begin(), appended.end());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].headers, (ports::Headers{{"traceparent", traceparent}}));
  EXPECT_TRUE(records[1].headers.empty()) << "what is no trace context is ignored";
  harness.decide();
  harness.until([&] { return traced.arrived(); });
  EXPECT_EQ(traced.status(), 201U);
  const auto lines = [&] { return harness.logger.lines_with("trace_id=4bf92f3577b34da6a3ce929d0e0e4736"); };
  EXPECT_TRUE(harness.until([&] { return lines() == 3; })) << "in the log, known here, answered";
  EXPECT_EQ(harness.logger.lines_with("request answered with its outcome"), 1U);
  EXPECT_EQ(harness.logger.lines_with("ann"), 0U) << "users are not named";
}

TEST(Requests, AWaitedRequestIsAnsweredWithTheCoupon) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5, R"({"code_format":"latin","valid_for_seconds":60})");
  const Answer answer = harness.serve_request(campaign, "ann");
  ASSERT_EQ(answer.status(), 201U);
  EXPECT_EQ(answer.field("status"), "issued");
  EXPECT_EQ(answer.field("coupon.sequence"), "1");
  EXPECT_EQ(answer.field("coupon.code"),
            test_codes().encode({CampaignId{campaign}, Sequence{1}}, crypto::CodeAlphabet::latin));
  EXPECT_FALSE(answer.field("coupon.valid_until").empty());
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=10");
}

TEST(Requests, AskingTwiceShowsTheSameCouponAsARefusal) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer first = harness.serve_request(campaign, "ann");
  const Answer second = harness.serve_request(campaign, "ann");
  EXPECT_EQ(second.status(), 409U);
  EXPECT_EQ(second.field("code"), "ALREADY_ISSUED");
  EXPECT_EQ(second.field("coupon.code"), first.field("coupon.code"));
}

TEST(Requests, AWaitThatIsOverIsAnswered202AndCountsFromTheArrival) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer answer = harness.request(campaign, "ann", waited);
  harness.acknowledge();
  harness.advance_ms(9'900);
  EXPECT_FALSE(answer.arrived());
  harness.advance_ms(200);
  EXPECT_EQ(answer.status(), 202U);
  EXPECT_EQ(answer.header("Preference-Applied"), "wait=10");
}

TEST(Requests, AResultThatCameBeforeItsDeliveryReportIsFound) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  // Nobody waits here any more, so the feed posts nothing.
  harness.advance_ms(100);
  const Answer answer = harness.request(campaign, "ann", waited);
  // The I/O thread stands still while the log acknowledges, the issuer decides and the feed reads.
  for (auto& record : harness.appender->acknowledge()) harness.undecided[record.partition].push_back(record);
  harness.decide();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!(harness.metrics.value("openrun_window_highest{partition=\"0\"}") >= 2) &&
         std::chrono::steady_clock::now() < deadline) {
    (void)harness.send(get, "/metrics");
  }
  EXPECT_FALSE(answer.arrived());
  harness.io[0]->run();
  EXPECT_EQ(answer.status(), 201U);
}

TEST(Requests, EachRefusalOfTheLogIsToldByItsName) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)harness.serve_request(campaign, "ann");
  // Appended while the gateway does not know yet that it is sold out: this answer is the log's.
  Answer paused_answer;
  ASSERT_EQ(harness.serve(post, "/v1/campaigns/" + std::to_string(campaign) + "/pause", "", admin).status(), 200U);
  paused_answer = harness.serve_request(campaign, "bob");
  EXPECT_EQ(paused_answer.status(), 409U);
  EXPECT_EQ(paused_answer.field("code"), "PAUSED");
  EXPECT_FALSE(paused_answer.field("receipt").empty());
}

TEST(Requests, FaultsOfTheBodyAreNamedFieldByField) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(5)) + "/requests";
  const struct {
    const char* body;
    const char* field;
  } rows[] = {
      {R"({})", "user_id"},
      {R"({"user_id":7})", "user_id"},
      {R"({"user_id":""})", "user_id"},
      {R"({"user_id":"a\u0000b"})", "user_id"},
      {R"({"user_id":"ann","extra":1})", "extra"},
      {R"({"user_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})", "user_id"},
  };
  for (const auto& row : rows) {
    const Answer answer = harness.ask(post, path, row.body, json);
    EXPECT_EQ(answer.status(), 400U) << row.body;
    EXPECT_EQ(answer.field("code"), "INVALID_REQUEST") << row.body;
    EXPECT_EQ(answer.field("errors.0.field"), row.field) << row.body;
  }
  EXPECT_EQ(harness.ask(post, path, "{", json).status(), 400U);
  EXPECT_EQ(harness.ask(post, path, "[]", json).status(), 400U);
  EXPECT_EQ(harness.ask(post, path, R"({"user_id":"ann"})").status(), 415U);
  EXPECT_EQ(harness.ask(post, path, R"({"user_id":"ann"})", {{"Content-Type", "text/plain"}}).status(), 415U);
  EXPECT_EQ(harness.appender->open(), 0U);
}

TEST(Requests, TheUserMayComeFromTheFrontWhereThereIsNoBody) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string path = "/v1/campaigns/" + std::to_string(campaign) + "/requests";
  const Answer answer = harness.serve(post, path, "", {{"X-User-Id", "ann"}, {"Prefer", "wait=5"}});
  EXPECT_EQ(answer.status(), 201U);
  EXPECT_EQ(harness.ask(post, path, "").status(), 400U);
}

TEST(Requests, UserIdsBeyondAsciiTakeTheLongWayAndArriveUnchanged) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  EXPECT_EQ(harness.serve_request(campaign, "\xEA\xB9\x80\xEC\xB2\xA0\xEC\x88\x98").status(), 201U);
  EXPECT_EQ(harness.serve_request(campaign, R"(\u0061nn)").status(), 201U);
  EXPECT_EQ(harness.serve_request(campaign, "ann").field("code"), "ALREADY_ISSUED");
}

TEST(Requests, AnUnknownCampaignIs404AndWithTheStoreDown503) {
  Harness harness;
  EXPECT_EQ(harness.ask(post, "/v1/campaigns/77/requests", R"({"user_id":"ann"})", json).field("code"),
            "CAMPAIGN_NOT_FOUND");
  EXPECT_EQ(harness.ask(post, "/v1/campaigns/abc/requests", R"({"user_id":"ann"})", json).status(), 404U);
  harness.database.down = true;
  const Answer answer = harness.ask(post, "/v1/campaigns/77/requests", R"({"user_id":"ann"})", json);
  EXPECT_EQ(answer.status(), 503U);
  EXPECT_EQ(answer.field("code"), "OVERLOADED");
  EXPECT_FALSE(answer.header("Retry-After").empty());
}

TEST(Requests, WithTheStoreDownRequestsOfKnownCampaignsAreAccepted) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  harness.database.down = true;
  const Answer answer = harness.request(campaign, "ann");
  harness.acknowledge();
  EXPECT_EQ(answer.status(), 202U);
  EXPECT_EQ(answer.field("position"), "0");
}

TEST(Requests, WhatTheLogDoesNotAcknowledgeIs503) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  for (const auto fate : {ports::Delivery::Fate::failed, ports::Delivery::Fate::unknown}) {
    const Answer answer = harness.request(campaign, "ann", waited);
    (void)harness.appender->acknowledge(fate);
    harness.io[0]->run();
    EXPECT_EQ(answer.status(), 503U);
    EXPECT_FALSE(answer.header("Retry-After").empty());
  }
  harness.appender->refuse_with(Error::Kind::unavailable);
  EXPECT_EQ(harness.request(campaign, "ann").status(), 503U) << "at once while the log is known to be down";
}

TEST(Requests, AboveTheBoundOfPendingAppendsItIsOverloaded) {
  Settings settings = Harness::test_settings();
  settings.pending_max = 2;
  Harness harness(settings);
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer a = harness.request(campaign, "a");
  const Answer b = harness.request(campaign, "b");
  const Answer c = harness.request(campaign, "c");
  EXPECT_EQ(c.status(), 503U);
  EXPECT_EQ(c.field("code"), "OVERLOADED");
  harness.acknowledge();
  EXPECT_EQ(a.status(), 202U);
  const Answer d = harness.request(campaign, "d");
  harness.acknowledge();
  EXPECT_EQ(d.status(), 202U) << "the seats were given back";
}

TEST(Requests, AboveTheBoundOfWaitsItIsAnswered202AtOnce) {
  Settings settings = Harness::test_settings();
  settings.waits_max = 1;
  Harness harness(settings);
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer held = harness.request(campaign, "a", waited);
  const Answer full = harness.request(campaign, "b", waited);
  harness.acknowledge();
  EXPECT_FALSE(held.arrived());
  EXPECT_EQ(full.status(), 202U);
  EXPECT_EQ(full.header("Preference-Applied"), "");
}

TEST(Requests, SeveralCouponsAUserNeedAKeyForEach) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5, R"({"max_per_user":2})");
  EXPECT_EQ(harness.request(campaign, "ann").status(), 400U);
  const auto keyed = [&](const char* key) {
    return harness.serve_request(campaign, "ann", with(json, "Idempotency-Key", key));
  };
  const Answer first = keyed("k1");
  EXPECT_EQ(first.status(), 201U);
  EXPECT_EQ(keyed("k1").field("coupon.code"), first.field("coupon.code"));
  EXPECT_EQ(keyed("k2").status(), 201U);
  EXPECT_EQ(keyed("k3").field("code"), "LIMIT_REACHED");
}

TEST(Requests, ADeadLetterIsToldAsFailed) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  harness.issuer.poison("ann");
  const Answer answer = harness.serve_request(campaign, "ann");
  EXPECT_EQ(answer.status(), 202U);
  EXPECT_EQ(answer.field("status"), "failed");
  EXPECT_EQ(answer.field("reason"), "DEAD_LETTERED");
}

TEST(Requests, DeliveriesOfABatchArePostedOncePerThread) {
  Harness harness(Harness::test_settings(), 2);
  const std::uint32_t campaign = harness.create_campaign(50);
  std::vector<Answer> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(harness.request(campaign, "u" + std::to_string(i), json, static_cast<std::size_t>(i % 2)));
  }
  const std::size_t before[] = {harness.io[0]->posts(), harness.io[1]->posts()};
  (void)harness.appender->acknowledge();
  EXPECT_EQ(harness.io[0]->posts() - before[0], 1U);
  EXPECT_EQ(harness.io[1]->posts() - before[1], 1U);
  // A second batch before the first was taken needs no second post.
  answers.push_back(harness.request(campaign, "late"));
  (void)harness.appender->acknowledge();
  EXPECT_EQ(harness.io[0]->posts() - before[0], 1U);
  for (auto& thread : harness.io) thread->run();
  for (const Answer& answer : answers) EXPECT_EQ(answer.status(), 202U);
}

TEST(Requests, DrainingReleasesTheWaitsAndBeginsNone) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer held = harness.request(campaign, "a", waited);
  harness.acknowledge();
  harness.gateway->begin_drain();
  harness.io[0]->run();
  EXPECT_EQ(held.status(), 202U);
  const Answer late = harness.request(campaign, "b", waited);
  harness.acknowledge();
  EXPECT_EQ(late.status(), 202U);
}

TEST(Requests, ThePolicyThatHeldAtTheIssueDecidesTheCodeNotTheOneAtThePost) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string path = "/v1/campaigns/" + std::to_string(campaign);
  const Answer changed = harness.send(patch, path, R"({"policy":{"code_format":"latin"}})", admin);
  const Answer asked = harness.request(campaign, "ann", waited);
  harness.acknowledge();
  harness.decide();
  ASSERT_TRUE(harness.until([&] { return asked.arrived() && changed.arrived(); }));
  EXPECT_EQ(changed.status(), 200U);
  EXPECT_EQ(asked.field("coupon.code"),
            test_codes().encode({CampaignId{campaign}, Sequence{1}}, crypto::CodeAlphabet::latin));
}

TEST(Requests, AChangeWhoseResultWasLostIsReadFromTheStoreBeforeItsTermsAreUsed) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(5);
  (void)harness.send(patch, "/v1/campaigns/" + std::to_string(campaign), R"({"policy":{"code_format":"latin"}})",
                     admin);
  harness.acknowledge();
  harness.decide(false);
  // These counters tell that the terms are newer than those known.
  const Answer asked = harness.serve_request(campaign, "ann");
  EXPECT_EQ(asked.field("coupon.code"),
            test_codes().encode({CampaignId{campaign}, Sequence{1}}, crypto::CodeAlphabet::latin));
}

}  // namespace
}  // namespace openrun::gateway
