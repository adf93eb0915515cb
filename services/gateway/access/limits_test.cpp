#include "gateway/access/limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/crypto/mac.hpp>

#include "gateway/rest/render.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway::testing {
namespace {

using enum ports::HttpMethod;

Settings limited(Rate user, Rate address = {}, Rate campaign = {}) {
  Settings settings = Harness::test_settings();
  settings.limits.user = user;
  settings.limits.address = address;
  settings.limits.campaign = campaign;
  return settings;
}

constexpr Rate three{.per_second = 1, .burst = 3};

TEST(LimitsTest, AUserIsRefusedBeyondItsLimitAndToldWhenToComeBack) {
  Harness harness(limited(three));
  const std::uint32_t campaign = harness.create_campaign(10);
  for (int i = 0; i < 3; ++i) {
    const Answer answer = harness.serve_request(campaign, "mina");
    EXPECT_TRUE(answer.status() == 201 || answer.status() == 409);
    EXPECT_EQ(answer.header("RateLimit-Policy"), R"("user";q=3;w=3)");
    EXPECT_EQ(answer.header("RateLimit"), R"("user";r=)" + std::to_string(2 - i) + ";t=" + std::to_string(i + 1));
  }
  const Answer refused = harness.request(campaign, "mina");
  EXPECT_EQ(refused.status(), 429U);
  EXPECT_EQ(refused.field("code"), "RATE_LIMITED");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(refused.header("RateLimit-Policy"), R"("user";q=3;w=3)");
  EXPECT_EQ(refused.header("RateLimit"), R"("user";r=0;t=3)");
  EXPECT_EQ(harness.serve_request(campaign, "jun").status(), 201U) << "others are not refused for it";
  harness.advance_ms(1'000);
  EXPECT_NE(harness.serve_request(campaign, "mina").status(), 429U) << "as Retry-After said";
  EXPECT_EQ(harness.metrics.value(R"(openrun_rate_limited_total{by="user"})"), 1);
}

TEST(LimitsTest, SubmitsAndPollsAreCountedApart) {
  Harness harness(limited(three));
  const std::uint32_t campaign = harness.create_campaign(10);
  const std::string receipt = harness.serve_request(campaign, "mina").field("receipt");
  for (int i = 0; i < 3; ++i) (void)harness.serve_request(campaign, "mina");
  EXPECT_EQ(harness.request(campaign, "mina").status(), 429U);
  const std::string status = "/v1/requests/" + receipt;
  int polls = 0;
  for (; polls < 100 && harness.ask(get, status).status() == 200; ++polls) {
  }
  EXPECT_EQ(polls, 20) << "not below what following the advice may need";
  EXPECT_EQ(harness.ask(get, status).header("RateLimit-Policy"), R"("poll";q=20;w=2)");
  EXPECT_EQ(harness.ask(get, status).field("code"), "RATE_LIMITED");
  EXPECT_EQ(harness.ask(get, status + "/events").field("code"), "RATE_LIMITED") << "a stream is a poll too";
  const std::string other = harness.serve_request(campaign, "jun").field("receipt");
  EXPECT_EQ(harness.ask(get, "/v1/requests/" + other).status(), 200U) << "each receipt has its own";
}

// The contract: whoever polls when it was told to is always admitted, whatever the operator has set.
TEST(LimitsTest, AClientThatFollowsPollAfterIsAlwaysAdmitted) {
  for (const Rate& user : {Rate{.per_second = 1, .burst = 1}, Rate{.per_second = 20, .burst = 40}}) {
    FakeClock clock;
    RecordingLogger logger;
    RecordingMetrics metrics;
    TokenKeys keys{[]() -> Result<std::string> { return std::string(); }, logger};
    const Settings settings = limited(user, {.per_second = 1, .burst = 1}, {.per_second = 1, .burst = 1});
    const Auth auth(settings, keys, clock, logger, metrics);
    const std::function<std::uint32_t()> random_u32 = crypto::random_u32;
    Limits limits(settings.limits, auth, random_u32, metrics);
    FakeIoThread io(0, clock);
    const ports::HttpRequest request;
    for (const std::uint32_t jitter : {0U, 0x8000'0000U, 0xFFFF'FFFFU}) {
      const crypto::Receipt receipt{Partition{0}, Offset{jitter}, CampaignId{1}, 0};
      // Answers and polls are under way for up to 300 ms, so two polls may come closer together than they were sent.
      std::int64_t sent_ms = 0;
      std::int64_t arrived_ms = 0;
      for (int poll = 0; poll < 20'000; ++poll) {
        sent_ms += poll_after_ms(0, std::nullopt, 0, jitter);
        const std::int64_t arrives_ms = std::max(arrived_ms, sent_ms + crypto::random_u32() % 300);
        clock.advance_ms(arrives_ms - arrived_ms);
        arrived_ms = arrives_ms;
        Quota quota;
        Call call{io, request, {}, nullptr, &quota, clock.monotonic_us()};
        ASSERT_FALSE(limits.at_door(call, Door::poll));
        ASSERT_FALSE(limits.poll(call, receipt)) << "poll " << poll << " of jitter " << jitter;
      }
    }
  }
}

TEST(LimitsTest, AnAddressIsCountedForSubmitsAndForTheRestApart) {
  Settings settings = limited({}, three);
  settings.limits.proxies.trusted = *parse_networks("10.0.0.0/8");
  Harness harness(settings);
  const std::uint32_t campaign = harness.create_campaign(10);
  const auto from = [](const std::string& address) {
    HeaderList headers = json;
    headers.emplace_back("X-Forwarded-For", address);
    return headers;
  };
  harness.remote_address = "10.0.0.1";
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(harness.request(campaign, "u" + std::to_string(i), from("203.0.113.7")).status(), 429U);
  }
  const Answer refused = harness.request(campaign, "u3", from("203.0.113.7"));
  EXPECT_EQ(refused.status(), 429U);
  EXPECT_EQ(refused.header("RateLimit-Policy"), R"("address";q=3;w=3)");
  EXPECT_NE(harness.request(campaign, "u4", from("203.0.113.8")).status(), 429U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(harness.ask(get, "/v1/campaigns", "", from("203.0.113.7")).status(), 200U);
  }
  EXPECT_EQ(harness.ask(get, "/v1/campaigns", "", from("203.0.113.7")).status(), 429U);
  EXPECT_EQ(harness.metrics.value(R"(openrun_rate_limited_total{by="address"})"), 2);
}

TEST(LimitsTest, ANetworkOf64BitsIsOneAddressOfVersion6) {
  Harness harness(limited({}, three));
  const auto status_from = [&](const std::string& address) {
    harness.remote_address = address;
    return harness.ask(get, "/v1/campaigns").status();
  };
  EXPECT_EQ(status_from("2001:db8:0:1::1"), 200U);
  EXPECT_EQ(status_from("2001:db8:0:1::2"), 200U);
  EXPECT_EQ(status_from("2001:db8:0:1:ffff::3"), 200U);
  EXPECT_EQ(status_from("2001:db8:0:1::4"), 429U);
  EXPECT_EQ(status_from("2001:db8:0:2::1"), 200U);
  EXPECT_EQ(status_from("192.0.2.1"), 200U);
  EXPECT_EQ(status_from("::ffff:192.0.2.1"), 200U);
  EXPECT_EQ(status_from("192.0.2.1"), 200U);
  EXPECT_EQ(status_from("192.0.2.1"), 429U);
  EXPECT_EQ(status_from("192.0.2.2"), 200U);
}

TEST(LimitsTest, ACampaignIsCountedWhoeverAsks) {
  Harness harness(limited({}, {}, three));
  const std::uint32_t one = harness.create_campaign(10);
  const std::uint32_t two = harness.create_campaign(10);
  for (int i = 0; i < 3; ++i) EXPECT_NE(harness.request(one, "u" + std::to_string(i)).status(), 429U);
  EXPECT_EQ(harness.request(one, "u3").status(), 429U);
  EXPECT_NE(harness.request(two, "u3").status(), 429U);
}

TEST(LimitsTest, TheTightestLimitIsTold) {
  Harness harness(
      limited({.per_second = 1, .burst = 9}, {.per_second = 10, .burst = 30}, {.per_second = 5, .burst = 5}));
  const Answer answer = harness.serve_request(harness.create_campaign(10), "mina");
  EXPECT_EQ(answer.header("RateLimit-Policy"), R"("user";q=9;w=9, "address";q=30;w=3, "campaign";q=5;w=1)");
  EXPECT_EQ(answer.header("RateLimit"), R"("campaign";r=4;t=1)");
}

TEST(LimitsTest, AdminsAndHealthAreNeverRefused) {
  Harness harness(limited(three, three, three));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(harness.ask(get, "/v1/dispatch", "", admin).status(), 200U);
    EXPECT_EQ(harness.ask(get, "/livez").status(), 200U);
    EXPECT_EQ(harness.ask(get, "/metrics").status(), 200U);
    EXPECT_NE(harness.ask(get, "/readyz").status(), 429U);
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(harness.ask(get, "/v1/dispatch", "", {{"Authorization", "Bearer x"}}).status(), 401U);
  EXPECT_EQ(harness.ask(get, "/v1/dispatch", "", {{"Authorization", "Bearer x"}}).status(), 429U)
      << "who guesses tokens is";
}

TEST(LimitsTest, InventedReceiptsCountAsAnyOtherCall) {
  Harness harness(limited(three, three));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(harness.ask(get, "/v1/requests/invented").status(), 404U);
  EXPECT_EQ(harness.ask(get, "/v1/requests/invented").status(), 429U);
  EXPECT_EQ(harness.ask(get, "/v1/requests/invented/events").status(), 429U);
}

TEST(LimitsTest, WithoutLimitsNothingIsTold) {
  Harness harness;
  const Answer answer = harness.serve_request(harness.create_campaign(10), "mina");
  EXPECT_EQ(answer.header("RateLimit-Policy"), "");
  EXPECT_EQ(answer.header("RateLimit"), "");
}

TEST(Shedding, RefusesSubmitsEarlyWhilePollsAreAnswered) {
  Settings settings = Harness::test_settings();
  settings.limits.admission = {.append_delay_ms_max = 100, .line_wait_ms_max = 0};
  Harness harness(settings);
  const std::uint32_t campaign = harness.create_campaign(10'000);
  const std::string receipt = harness.serve_request(campaign, "first").field("receipt");
  std::size_t shed = 0;
  std::size_t in = 0;
  // The log acknowledges everything, and everything half a second late.
  for (int step = 0; step < 100; ++step) {
    for (int i = 0; i < 10; ++i) {
      const std::size_t before = harness.appender->open();
      const Answer answer = harness.request(campaign, "u" + std::to_string(step * 10 + i));
      if (answer.status() != 503U) {
        ++in;
        continue;
      }
      ++shed;
      EXPECT_EQ(answer.field("code"), "OVERLOADED");
      EXPECT_EQ(answer.header("Retry-After"), "1");
      EXPECT_EQ(harness.appender->open(), before) << "what is shed never enters the log";
    }
    EXPECT_EQ(harness.ask(get, "/v1/requests/" + receipt).status(), 200U);
    for (int i = 0; i < 20; ++i) harness.advance_ms(25);
    harness.acknowledge();
  }
  EXPECT_GT(shed, in);
  EXPECT_EQ(harness.metrics.value(R"(openrun_shed_total{cause="append"})"), static_cast<double>(shed));
  (void)harness.ask(get, "/metrics");
  EXPECT_LT(harness.metrics.value("openrun_admitted_share"), 0.5);
}

TEST(Shedding, EndsWhenTheLogIsQuickAgain) {
  Settings settings = Harness::test_settings();
  settings.limits.admission = {.append_delay_ms_max = 100, .line_wait_ms_max = 0};
  Harness harness(settings);
  const std::uint32_t campaign = harness.create_campaign(10'000);
  (void)harness.request(campaign, "early");
  for (int i = 0; i < 50; ++i) harness.advance_ms(100);  // nothing is acknowledged for five seconds
  (void)harness.ask(get, "/metrics");
  EXPECT_LT(harness.metrics.value("openrun_admitted_share"), 0.1);
  harness.acknowledge();
  for (int i = 0; i < 50; ++i) harness.advance_ms(100);
  (void)harness.ask(get, "/metrics");
  EXPECT_EQ(harness.metrics.value("openrun_admitted_share"), 1);
}

TEST(Shedding, WhoStoodInLineForTooLongIsRefusedAndPollsAreNot) {
  Harness harness;
  const std::uint32_t campaign = harness.create_campaign(10);
  const std::string receipt = harness.serve_request(campaign, "first").field("receipt");
  harness.is_overdue = true;
  const Answer answer = harness.request(campaign, "second");
  EXPECT_EQ(answer.status(), 503U);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_EQ(answer.body(),
            R"({"type":"urn:openrun:problem:overloaded","title":"The service can't take this now","status":503,)"
            R"("detail":"The gateway is over its capacity; ask again.","code":"OVERLOADED"})");
  EXPECT_EQ(harness.appender->open(), 0U);
  EXPECT_EQ(harness.ask(get, "/v1/requests/" + receipt).status(), 200U);
  EXPECT_EQ(harness.metrics.value(R"(openrun_shed_total{cause="line"})"), 1);
}

// What the limits cost a submit, printed: with all three on, headers included, and with none.
TEST(LimitsTest, TellWhatTheyCost) {
  FakeClock clock;
  RecordingLogger logger;
  RecordingMetrics metrics;
  TokenKeys keys{[]() -> Result<std::string> { return std::string(); }, logger};
  const Rate wide{.per_second = 100'000, .burst = 100'000};
  const std::function<std::uint32_t()> random_u32 = crypto::random_u32;
  for (const Settings& settings : {limited({}), limited(wide), limited(wide, wide, wide)}) {
    const Auth auth(settings, keys, clock, logger, metrics);
    Limits limits(settings.limits, auth, random_u32, metrics);
    FakeIoThread io(0, clock);
    ports::HttpRequest request;
    request.remote_address = "203.0.113.7";
    constexpr int rounds = 50'000;
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) {
      clock.advance_ms(1);
      Quota quota;
      Call call{io, request, {}, nullptr, &quota, clock.monotonic_us()};
      ASSERT_FALSE(limits.at_door(call, Door::submit));
      ASSERT_FALSE(limits.submit(call, "user-000001", CampaignId{7}));
      ports::HttpResponse response;
      quota.tell(response);
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begun;
    std::printf("[          ] %d limits: %.0f ns a submit\n",
                int{settings.limits.user.is_on()} + int{settings.limits.address.is_on()} +
                    int{settings.limits.campaign.is_on()},
                spent.count() / rounds);
  }
}

}  // namespace
}  // namespace openrun::gateway::testing
