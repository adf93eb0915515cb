// Campaign calls.
#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

constexpr const char* good = R"({"name":"Spring","stock":10,"starts_at":"2027-01-15T08:00:00Z"})";

TEST(Campaigns, ACreatedCampaignIsShownAsTheContractSays) {
  Harness harness;
  const Answer answer = harness.serve(
      post, "/v1/campaigns",
      R"({"name":"Spring \"1\"","description":"d","stock":10,"starts_at":"2027-01-15T08:00:00+09:00",)"
      R"("ends_at":"2027-02-01T00:00:00Z","policy":{"discount":{"type":"amount","value":500,"currency":"KRW"},)"
      R"("valid_for_seconds":60,"max_per_user":2,"code_format":"latin"}})",
      admin);
  ASSERT_EQ(answer.status(), 201U) << answer.body();
  EXPECT_EQ(answer.header("Location"), "/v1/campaigns/" + answer.field("id"));
  EXPECT_EQ(answer.field("name"), "Spring \"1\"");
  EXPECT_EQ(answer.field("stock"), "10");
  EXPECT_EQ(answer.field("issued"), "0");
  EXPECT_EQ(answer.field("remaining"), "10");
  EXPECT_EQ(answer.field("starts_at"), "2027-01-14T23:00:00.000Z");
  EXPECT_EQ(answer.field("policy.discount.currency"), "KRW");
  EXPECT_EQ(answer.field("policy.max_per_user"), "2");
  EXPECT_EQ(answer.field("policy.code_format"), "latin");
  EXPECT_FALSE(answer.field("created_at").empty());
  EXPECT_FALSE(answer.field("server_time").empty());
  const Answer shown = harness.ask(get, "/v1/campaigns/" + answer.field("id"));
  EXPECT_EQ(shown.status(), 200U);
  EXPECT_EQ(shown.field("description"), "d");
}

TEST(Campaigns, ANameMustNotBeEmpty) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(5));
  const std::pair<ports::HttpMethod, std::string> calls[] = {{post, "/v1/campaigns"}, {patch, path}};
  for (const auto& [method, target] : calls) {
    const Answer answer = harness.ask(
        method, target,
        method == post ? R"({"name":"","stock":1,"starts_at":"2027-01-15T08:00:00Z"})" : R"({"name":""})", admin);
    EXPECT_EQ(answer.status(), 400U) << target;
    EXPECT_NE(answer.body().find(R"({"field":"name","message":"must not be empty"})"), std::string::npos)
        << answer.body();
  }
}

TEST(Campaigns, AdminCallsNeedAToken) {
  Harness harness;
  const std::uint32_t id = harness.create_campaign(5);
  const std::string path = "/v1/campaigns/" + std::to_string(id);
  const std::pair<ports::HttpMethod, std::string> calls[] = {
      {post, "/v1/campaigns"},  {patch, path},           {post, path + "/stock"},  {post, path + "/pause"},
      {post, path + "/resume"}, {post, path + "/close"}, {get, path + "/coupons"}, {put, "/v1/dispatch"},
      {get, "/v1/dispatch"},
  };
  for (const auto& [method, target] : calls) {
    for (const char* token : {"", "Bearer", "Bearer wrong", "Basic secret-token", "Bearer secret-token2"}) {
      const Answer answer = harness.ask(method, target, "{}", {{"Authorization", token}, json[0]});
      EXPECT_EQ(answer.status(), 401U) << target << " with " << token;
      EXPECT_TRUE(answer.header("WWW-Authenticate").starts_with("Bearer")) << target;
    }
  }
  EXPECT_EQ(harness.appender->open(), 0U);
}

TEST(Campaigns, TheSameKeyCreatesOneCampaignAndGivesTheSameAnswer) {
  Harness harness;
  const HeaderList keyed = with(admin, "Idempotency-Key", "k-1");
  const Answer first = harness.serve(post, "/v1/campaigns", good, keyed);
  const Answer second = harness.serve(post, "/v1/campaigns", good, keyed);
  EXPECT_EQ(second.status(), 201U);
  EXPECT_EQ(second.field("id"), first.field("id"));
  const std::string stock = "/v1/campaigns/" + first.field("id") + "/stock";
  const HeaderList stock_key = with(admin, "Idempotency-Key", "k-2");
  EXPECT_EQ(harness.serve(post, stock, R"({"add":5})", stock_key).field("stock"), "15");
  EXPECT_EQ(harness.serve(post, stock, R"({"add":5})", stock_key).field("stock"), "15");
  EXPECT_EQ(harness.serve(post, stock, R"({"add":5})", admin).field("stock"), "20");
}

TEST(Campaigns, ACreateWhoseKeyTheCampaignHasForgottenShowsItAsItIs) {
  Harness harness;
  const HeaderList keyed = with(admin, "Idempotency-Key", "k-1");
  const Answer first = harness.serve(post, "/v1/campaigns", good, keyed);
  const std::string stock = "/v1/campaigns/" + first.field("id") + "/stock";
  for (std::size_t i = 0; i < limits::command_keys_remembered; ++i) {
    EXPECT_EQ(harness.serve(post, stock, R"({"add":1})", admin).status(), 200U);
  }
  const Answer again = harness.serve(post, "/v1/campaigns", good, keyed);
  EXPECT_EQ(again.status(), 201U);
  EXPECT_EQ(again.field("id"), first.field("id"));
  EXPECT_EQ(again.field("stock"), std::to_string(10 + limits::command_keys_remembered));
}

// The store was restored from before an id was reserved, so it is reserved once more while its create is undecided.
TEST(Campaigns, OfTwoCreatesWithOneIdTheLaterOneGetsAnother) {
  Harness harness;
  const auto create = [&](const std::string& name) {
    return harness.send(post, "/v1/campaigns",
                        R"({"name":")" + name + R"(","stock":10,"starts_at":"2027-01-15T08:00:00Z"})",
                        with(admin, "Idempotency-Key", name));
  };
  const Answer first = create("first");
  ASSERT_TRUE(harness.until([&] { return harness.appender->open() == 1; }));
  harness.database.reservations.clear();
  harness.database.last_campaign_id = 0;
  const Answer second = create("second");
  ASSERT_TRUE(harness.until([&] { return harness.appender->open() == 2; }));
  EXPECT_EQ(harness.database.reservations.at("second").campaign, CampaignId{1});
  ASSERT_TRUE(harness.until([&] {
    harness.acknowledge();
    harness.decide();
    return first.arrived() && second.arrived();
  }));
  EXPECT_EQ(first.status(), 201U);
  EXPECT_EQ(first.field("id") + first.field("name"), "1first");
  EXPECT_EQ(second.status(), 201U);
  EXPECT_EQ(second.field("id") + second.field("name"), "2second");
  EXPECT_EQ(harness.serve(post, "/v1/campaigns", good, with(admin, "Idempotency-Key", "second")).field("id"), "2");
}

TEST(Campaigns, ACreateThatTriesAnotherIdIsUndecidedTenSecondsAfterTheCall) {
  Harness harness;
  (void)harness.create_campaign(1);
  harness.database.reservations.clear();
  harness.database.last_campaign_id = 0;
  const Answer late = harness.send(post, "/v1/campaigns", good, with(admin, "Idempotency-Key", "late"));
  ASSERT_TRUE(harness.until([&] { return harness.appender->open() == 1; }));
  harness.acknowledge();
  harness.advance_ms(9'000);
  harness.decide();  // the id is taken
  ASSERT_TRUE(harness.until([&] { return harness.appender->open() == 1; }));
  harness.acknowledge();
  harness.advance_ms(1'100);
  ASSERT_TRUE(late.arrived());
  EXPECT_EQ(late.status(), 202U);
}

TEST(Campaigns, ACreateThatFindsManyIdsTakenIsToldToAskAgain) {
  Harness harness;
  for (int i = 0; i < 25; ++i) (void)harness.create_campaign(1);
  harness.database.reservations.clear();
  harness.database.last_campaign_id = 0;
  const HeaderList keyed = with(admin, "Idempotency-Key", "late");
  const Answer refused = harness.serve(post, "/v1/campaigns", good, keyed);
  EXPECT_EQ(refused.status(), 503U);
  EXPECT_FALSE(refused.header("Retry-After").empty());
  const Answer made = harness.serve(post, "/v1/campaigns", good, keyed);
  EXPECT_EQ(made.status(), 201U);
  EXPECT_EQ(made.field("id") + made.field("name"), "26Spring");
}

TEST(Campaigns, FaultsAreNamedFieldByField) {
  Harness harness;
  const std::pair<const char*, const char*> rows[] = {
      {R"({"stock":10,"starts_at":"2027-01-15T08:00:00Z"})", "name"},
      {R"({"name":"a","starts_at":"2027-01-15T08:00:00Z"})", "stock"},
      {R"({"name":"a","stock":-1,"starts_at":"2027-01-15T08:00:00Z"})", "stock"},
      {R"({"name":"a","stock":4294967296,"starts_at":"2027-01-15T08:00:00Z"})", "stock"},
      {R"({"name":"a","stock":1.5,"starts_at":"2027-01-15T08:00:00Z"})", "stock"},
      {R"({"name":"a","stock":1,"starts_at":"tomorrow"})", "starts_at"},
      {R"({"name":"a","stock":1,"starts_at":"2027-01-15T08:00:00Z","color":1})", "color"},
      {R"({"name":"a","stock":1,"starts_at":"2027-01-15T08:00:00Z","ends_at":"2027-01-14T08:00:00Z"})", "ends_at"},
      {R"({"name":"a","stock":1,"starts_at":"2027-01-15T08:00:00Z","policy":{"max_per_user":0}})",
       "policy.max_per_user"},
      {R"({"name":"a","stock":1,"starts_at":"2027-01-15T08:00:00Z","policy":{"colour":0}})", "policy.colour"},
      {R"({"name":"a","stock":1,"starts_at":"2027-01-15T08:00:00Z","policy":{"discount":{"type":"percent","value":101}}})",
       "policy.discount.value"},
  };
  for (const auto& [body, field] : rows) {
    const Answer answer = harness.ask(post, "/v1/campaigns", body, admin);
    EXPECT_EQ(answer.status(), 400U) << body;
    EXPECT_EQ(answer.field("errors.0.field"), field) << body << answer.body();
  }
  EXPECT_EQ(harness.ask(post, "/v1/campaigns", good, with(admin, "Idempotency-Key", "a\nb")).status(), 400U);
  EXPECT_EQ(harness.ask(post, "/v1/campaigns", good, {admin[0]}).status(), 415U);
  EXPECT_EQ(harness.appender->open(), 0U);
}

TEST(Campaigns, RefusalsOfCommandsAreToldByName) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(5));
  (void)harness.serve_request(1, "ann");
  const auto code = [&](ports::HttpMethod method, const std::string& target, const std::string& body) {
    const Answer answer = harness.serve(method, target, body, admin);
    EXPECT_EQ(answer.status(), 409U) << answer.body();
    return answer.field("code");
  };
  EXPECT_EQ(code(post, path + "/stock", R"({"add":-5})"), "BELOW_ISSUED");
  EXPECT_EQ(code(patch, path, R"({"starts_at":"2027-05-01T00:00:00Z"})"), "ALREADY_STARTED");
  EXPECT_EQ(harness.serve(post, path + "/close", "", admin).field("state"), "closed");
  EXPECT_EQ(code(post, path + "/resume", ""), "CLOSED");
  EXPECT_EQ(harness.ask(post, "/v1/campaigns/99/pause", "", admin).field("code"), "CAMPAIGN_NOT_FOUND");
}

TEST(Campaigns, PauseAndResumeAndChangeShowTheCampaignAfterThem) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(5));
  EXPECT_EQ(harness.serve(post, path + "/pause", "", admin).field("state"), "paused");
  EXPECT_EQ(harness.ask(get, path).field("state"), "paused");
  EXPECT_EQ(harness.serve(post, path + "/resume", "{}", admin).field("state"), "open");
  const Answer changed = harness.serve(patch, path, R"({"name":"Other","ends_at":"2028-01-01T00:00:00Z"})", admin);
  EXPECT_EQ(changed.field("name"), "Other");
  EXPECT_EQ(changed.field("ends_at"), "2028-01-01T00:00:00.000Z");
  EXPECT_EQ(harness.serve(patch, path, R"({"ends_at":null})", admin).field("ends_at"), "null");
}

TEST(Campaigns, AnUndecidedCommandIs202WithItsReceipt) {
  Harness harness;
  const Answer answer = harness.send(post, "/v1/campaigns", good, admin);
  ASSERT_TRUE(harness.until([&] { return harness.appender->open() == 1; }));
  harness.acknowledge();
  harness.advance_ms(9'900);
  EXPECT_FALSE(answer.arrived());
  harness.advance_ms(200);
  EXPECT_EQ(answer.status(), 202U);
  EXPECT_TRUE(answer.header("Location").starts_with("/v1/requests/"));
}

TEST(Campaigns, TheListIsFilteredAndPaged) {
  Harness harness;
  for (int i = 0; i < 5; ++i) (void)harness.create_campaign(5, "{}", i % 2 == 0 ? -1'000 : 60'000);
  const Answer open = harness.ask(get, "/v1/campaigns?state=open");
  EXPECT_EQ(open.field("campaigns"), "array of 3");
  EXPECT_EQ(open.field("next_after"), "null");
  const Answer page = harness.ask(get, "/v1/campaigns?limit=2&after=1");
  EXPECT_EQ(page.field("campaigns.0.id"), "2");
  EXPECT_EQ(page.field("campaigns.1.id"), "3");
  EXPECT_EQ(page.field("next_after"), "3");
  EXPECT_EQ(harness.ask(get, "/v1/campaigns?limit=2&after=3").field("next_after"), "null");
  const Answer filtered = harness.ask(get, "/v1/campaigns?state=open&limit=1");
  EXPECT_EQ(filtered.field("campaigns"), "array of 1");
  EXPECT_EQ(filtered.field("next_after"), "1");
  for (const char* query : {"state=odd", "limit=0", "limit=9999", "after=x"}) {
    EXPECT_EQ(harness.ask(get, std::string("/v1/campaigns?") + query).status(), 400U) << query;
  }
}

TEST(Campaigns, TheListShowsTheFreshestCounters) {
  Harness harness;
  const std::uint32_t id = harness.create_campaign(5);
  (void)harness.serve_request(id, "ann");
  {
    // The row is what an older snapshot would show.
    std::lock_guard lock(harness.database.mutex);
    harness.database.campaigns[CampaignId{id}].campaign.issued = 0;
    harness.database.campaigns[CampaignId{id}].counters_offset = Offset{0};
  }
  EXPECT_EQ(harness.ask(get, "/v1/campaigns").field("campaigns.0.issued"), "1");
}

TEST(Campaigns, WithTheStoreDownUnknownCampaignsAre503AndKnownOnesAreShown) {
  Harness harness;
  const std::string known = "/v1/campaigns/" + std::to_string(harness.create_campaign(5));
  {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = true;
  }
  EXPECT_EQ(harness.ask(get, known).status(), 200U);
  EXPECT_EQ(harness.ask(get, "/v1/campaigns/77").status(), 503U);
  EXPECT_EQ(harness.ask(get, "/v1/campaigns").status(), 503U);
  EXPECT_EQ(harness.ask(post, "/v1/campaigns", good, admin).status(), 503U);
}

TEST(Campaigns, CampaignsOfManyPartitionsGoToTheirOwn) {
  Harness harness(Harness::test_settings(), 1, 3);
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::uint32_t id = harness.create_campaign(5);
    (void)harness.request(id, "ann");
    harness.acknowledge();
    EXPECT_EQ(harness.undecided[home_partition(CampaignId{id}, 3)].size(), 1U);
    harness.decide();
  }
}

TEST(Campaigns, ADecidedCommandWhoseResultCannotBeReadIs202) {
  Harness harness;
  const std::string path = "/v1/campaigns/" + std::to_string(harness.create_campaign(5)) + "/pause";
  for (const bool down : {false, true}) {
    const Answer answer = harness.send(post, path, "", admin);
    harness.acknowledge();
    {
      harness.decide();
      std::lock_guard lock(harness.database.mutex);
      harness.database.outbox.clear();
      harness.database.down = down;
    }
    ASSERT_TRUE(harness.until([&] { return answer.arrived(); }));
    EXPECT_EQ(answer.status(), 202U);
    EXPECT_TRUE(answer.header("Location").starts_with("/v1/requests/"));
  }
}

TEST(Campaigns, EveryConfiguredTokenIsGood) {
  Harness harness;
  for (const char* token : {"Bearer other-token", "bearer  secret-token"}) {
    EXPECT_EQ(harness.ask(get, "/v1/dispatch", "", {{"Authorization", token}}).status(), 200U) << token;
  }
}

}  // namespace
}  // namespace openrun::gateway
