// The waiting-room calls against a whole gateway over fakes.
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway::dialects {
namespace {

using namespace gateway::testing;
using enum ports::HttpMethod;

std::string gate(std::uint32_t campaign, const std::string& call) {
  return "/gate/events/" + std::to_string(campaign) + "/" + call;
}

// Name and value, as a browser sends them back.
HeaderList cookie_of(const Answer& answer) {
  const std::string set = answer.header("Set-Cookie");
  return {{"Cookie", "theme=dark; " + set.substr(0, set.find(';')) + "; lang=ko"}};
}

class WaitingRoomTest : public ::testing::Test {
 protected:
  // In the log, not decided.
  Answer enter(const std::string& user, const HeaderList& headers = {}) {
    Answer answer = harness_.send(post, gate(campaign_, "enqueue?userId=" + user), "", headers);
    harness_.until([&] {
      harness_.acknowledge();
      return answer.arrived();
    });
    return answer;
  }
  Answer rank(const std::string& query, const HeaderList& headers = {}) {
    return harness_.ask(get, gate(campaign_, "rank" + query), "", headers);
  }
  void decide() {
    harness_.decide();
    ASSERT_TRUE(harness_.settled());
  }

  Harness harness_;
  std::uint32_t campaign_ = harness_.create_campaign(2);
};

TEST_F(WaitingRoomTest, WhoEntersGetsARankAndTheReceiptAsACookie) {
  const Answer first = enter("ann");
  const Answer second = enter("bob");
  ASSERT_EQ(first.status(), 200U) << first.body();
  EXPECT_EQ(first.field("status"), "ENQUEUED");
  EXPECT_EQ(first.field("rank"), "0");
  EXPECT_EQ(second.field("rank"), "1");
  EXPECT_EQ(second.header("Cache-Control"), "no-store");
  const std::string cookie = first.header("Set-Cookie");
  const std::string id = std::to_string(campaign_);
  EXPECT_TRUE(cookie.starts_with("openrun_" + id + "=" + first.field("receipt") + ".")) << cookie;
  EXPECT_TRUE(cookie.ends_with("; Path=/gate/events/" + id + "; Max-Age=86400; HttpOnly; SameSite=Lax")) << cookie;
}

TEST_F(WaitingRoomTest, TheCookieIsSecureWhereTheClientCameByTls) {
  EXPECT_TRUE(enter("ann", {{"X-Forwarded-Proto", "https"}}).header("Set-Cookie").ends_with("; Secure"));
  Settings settings = Harness::test_settings();
  settings.serves_tls = true;
  Harness by_itself(settings);
  const std::string path = gate(by_itself.create_campaign(1), "enqueue?userId=ann");
  EXPECT_TRUE(by_itself.serve(post, path).header("Set-Cookie").ends_with("; Secure"));
}

TEST_F(WaitingRoomTest, RankFallsUntilTheRequestIsDecidedAndThenTellsTheOutcome) {
  (void)enter("ann");
  const Answer entered = enter("bob");
  const Answer waiting = rank("?userId=bob", cookie_of(entered));
  EXPECT_EQ(waiting.body(), R"({"status":"WAITING","rank":1})");
  decide();
  const Answer decided = rank("?userId=bob", cookie_of(entered));
  EXPECT_EQ(decided.field("status"), "PROCESSING");
  EXPECT_EQ(decided.field("rank"), "0");
  EXPECT_EQ(decided.field("outcome.status"), "issued");
  EXPECT_EQ(decided.field("outcome.coupon.sequence"), "2");
  EXPECT_EQ(rank("?receipt=" + entered.field("receipt")).body(), decided.body()) << "by the receipt";
  EXPECT_EQ(rank("?userId=bob").body(), decided.body()) << "by the name, which this gateway knows";
  EXPECT_EQ(rank("", cookie_of(entered)).body(), decided.body()) << "by the cookie alone";
}

TEST_F(WaitingRoomTest, WhoIsKnownIsAlreadyEnqueued) {
  const Answer entered = enter("ann");
  const Answer by_name = enter("ann");
  EXPECT_EQ(by_name.body(), R"({"status":"ALREADY_ENQUEUED","rank":0})") << "no receipt for who only knows the name";
  EXPECT_EQ(by_name.header("Set-Cookie"), "");
  const Answer by_cookie = enter("ann", cookie_of(entered));
  EXPECT_EQ(by_cookie.field("status"), "ALREADY_ENQUEUED");
  EXPECT_EQ(by_cookie.field("receipt"), entered.field("receipt"));
  decide();
  EXPECT_EQ(enter("ann").field("status"), "ALREADY_ENQUEUED") << "issued";
  EXPECT_EQ(harness_.database.coupons.size(), 1U);
}

TEST_F(WaitingRoomTest, ACookieSpeaksForItsOwnUserAndCampaignOnly) {
  const Answer entered = enter("ann");
  const Answer other = enter("bob", cookie_of(entered));
  EXPECT_EQ(other.field("status"), "ENQUEUED") << "another user of the same browser";
  EXPECT_NE(other.field("receipt"), entered.field("receipt"));
  const std::uint32_t elsewhere = harness_.create_campaign(1);
  std::string moved = cookie_of(entered).front().second;
  const std::string name = "openrun_" + std::to_string(campaign_);
  moved.replace(moved.find(name), name.size(), "openrun_" + std::to_string(elsewhere));
  EXPECT_EQ(harness_.ask(get, gate(elsewhere, "rank?userId=ann"), "", {{"Cookie", moved}}).status(), 404U);
  EXPECT_EQ(harness_.ask(get, gate(elsewhere, "rank?receipt=" + entered.field("receipt"))).status(), 404U);
}

TEST_F(WaitingRoomTest, WhatIsNoCookieOfOursIsPassedOver) {
  const std::string name = "openrun_" + std::to_string(campaign_) + "=";
  for (const std::string& text :
       {std::string(""), std::string(";;=;"), name, name + ".", name + "abc.0123456789abcdef",
        name + std::string(47, 'A') + ".0123456789abcdef", name + std::string(47, 'A') + ".xyz"}) {
    EXPECT_EQ(rank("?userId=ann", {{"Cookie", text}}).status(), 404U) << text;
  }
}

TEST_F(WaitingRoomTest, ASoldOutOrClosedCampaignStillEnqueues) {
  (void)enter("ann");
  (void)enter("bob");
  decide();
  const Answer late = enter("cas");
  EXPECT_EQ(late.field("status"), "ENQUEUED");
  decide();
  const Answer told = rank("?userId=cas");
  EXPECT_EQ(told.field("status"), "PROCESSING");
  EXPECT_EQ(told.field("outcome.status"), "rejected");
  EXPECT_EQ(told.field("outcome.reason"), "SOLD_OUT");
  ASSERT_EQ(harness_.serve(post, "/v1/campaigns/" + std::to_string(campaign_) + "/close", "", admin).status(), 200U);
  EXPECT_EQ(enter("dan").field("status"), "ENQUEUED");
}

TEST_F(WaitingRoomTest, WhoWasRefusedForATimeMayStandInTheQueueAgain) {
  campaign_ = harness_.create_campaign(1, "{}", 60'000);
  const Answer early = enter("ann");
  EXPECT_EQ(early.field("status"), "ENQUEUED") << "before the start too";
  decide();
  EXPECT_EQ(rank("?userId=ann").field("outcome.reason"), "NOT_STARTED");
  harness_.advance_ms(60'000);
  EXPECT_EQ(enter("ann", cookie_of(early)).field("status"), "ENQUEUED");
  decide();
  EXPECT_EQ(rank("?userId=ann").field("outcome.status"), "issued");
}

TEST_F(WaitingRoomTest, AnotherGatewayKnowsWhoHoldsACouponAndNobodyElse) {
  const Answer winner = enter("ann");
  decide();
  (void)enter("bob");
  harness_.restart();
  ASSERT_TRUE(harness_.until([&] { return harness_.gateway->observe().results_ready; }));
  const Answer told = rank("?userId=ann");
  EXPECT_EQ(told.field("status"), "PROCESSING");
  EXPECT_EQ(told.field("outcome.coupon.code"), harness_.database.coupons.begin()->second.code);
  const Answer unknown = rank("?userId=bob");
  EXPECT_EQ(unknown.status(), 404U);
  EXPECT_EQ(unknown.field("code"), "NOT_FOUND");
  EXPECT_EQ(rank("").status(), 404U) << "nobody is named";
  EXPECT_EQ(rank("", cookie_of(winner)).field("outcome.status"), "issued") << "a receipt is good everywhere";
  harness_.database.down = true;
  EXPECT_EQ(rank("?userId=bob").status(), 503U);
}

TEST_F(WaitingRoomTest, TheShortFormsDoTheSameByQueryOrJson) {
  const std::string id = std::to_string(campaign_);
  const struct {
    std::string query;
    std::string body;
    std::string user;
  } rows[] = {
      {"?eventId=" + id + "&userId=u1", "", "u1"},
      {"", R"({"eventId":)" + id + R"(,"userId":"u2","more":1})", "u2"},
      {"", R"({"eventId":")" + id + R"(","userId":3})", "3"},
      {"?eventId=" + id, R"({"userId":"u4"})", "u4"},
      {"?eventId=" + id + "&userId=%EA%B9%80%26", "", "\xEA\xB9\x80&"},
  };
  for (const auto& row : rows) {
    const Answer entered = harness_.send(post, "/enqueue" + row.query, row.body, json);
    harness_.acknowledge();
    EXPECT_EQ(entered.field("status"), "ENQUEUED") << row.user << entered.body();
    EXPECT_NE(entered.header("Set-Cookie").find("; Path=/; "), std::string::npos);
    EXPECT_EQ(harness_.ask(get, "/rank" + row.query, row.body, json).field("status"), "WAITING") << row.user;
  }
  decide();
  EXPECT_EQ(harness_.database.coupons.at({CampaignId{campaign_}, Sequence{2}}).user, "u2");
}

TEST_F(WaitingRoomTest, BadCallsAreToldWhatIsWrong) {
  const std::string id = std::to_string(campaign_);
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "enqueue")).field("errors.0.field"), "userId");
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "enqueue?userId=%zz")).status(), 400U);
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "enqueue?userId=%00")).status(), 400U);
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "enqueue?userId=" + std::string(65, 'a'))).status(), 400U);
  EXPECT_EQ(harness_.ask(post, "/enqueue?userId=ann").field("errors.0.field"), "eventId");
  EXPECT_EQ(harness_.ask(post, "/enqueue", "{", json).status(), 400U);
  EXPECT_EQ(harness_.ask(post, "/enqueue", "x=1", {{"Content-Type", "text/plain"}}).status(), 415U);
  EXPECT_EQ(harness_.ask(post, "/enqueue", R"({"eventId":)" + id + R"(,"userId":{}})", json).status(), 400U);
  EXPECT_EQ(harness_.ask(post, gate(77, "enqueue?userId=ann")).field("code"), "CAMPAIGN_NOT_FOUND");
  EXPECT_EQ(harness_.ask(post, "/gate/events/abc/enqueue?userId=ann").status(), 404U);
  EXPECT_EQ(harness_.ask(get, gate(campaign_, "enqueue?userId=ann")).header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(rank("?receipt=nonsense").status(), 404U);
  harness_.appender->refuse_with(Error::Kind::unavailable);
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "enqueue?userId=ann")).status(), 503U);
}

TEST_F(WaitingRoomTest, TheReceiptOfACommandIsNobodysPlace) {
  const std::string path = "/v1/campaigns/" + std::to_string(campaign_) + "/pause";
  const Answer undecided = harness_.send(post, path, "", admin);
  harness_.acknowledge();
  harness_.advance_ms(11'000);
  ASSERT_EQ(undecided.status(), 202U);
  decide();
  EXPECT_EQ(rank("?receipt=" + undecided.field("receipt")).status(), 404U);
}

TEST_F(WaitingRoomTest, SeveralCouponsAUserNeedAKeyForEach) {
  campaign_ = harness_.create_campaign(5, R"({"max_per_user":2})");
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "enqueue?userId=ann")).status(), 400U);
  EXPECT_EQ(enter("ann", {{"Idempotency-Key", "k1"}}).field("status"), "ENQUEUED");
  EXPECT_EQ(enter("ann", {{"Idempotency-Key", "k2"}}).field("status"), "ENQUEUED");
  decide();
  EXPECT_EQ(harness_.database.coupons.size(), 2U);
}

TEST_F(WaitingRoomTest, WhatCompletesProcessingIsAcknowledged) {
  EXPECT_EQ(harness_.ask(post, gate(campaign_, "processing/complete?userId=ann")).status(), 200U);
  EXPECT_EQ(harness_.ask(post, "/gate/events/abc/processing/complete").status(), 404U);
}

}  // namespace
}  // namespace openrun::gateway::dialects
