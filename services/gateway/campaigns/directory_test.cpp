#include "gateway/campaigns/directory.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using Kind = Directory::Judgement::Kind;

class DirectoryTest : public ::testing::Test {
 protected:
  // A campaign that is open, with these winners.
  void store_campaign(std::uint32_t id, std::uint32_t stock, const std::vector<std::string>& holders = {}) {
    ports::StoredCampaign stored;
    stored.campaign.id = CampaignId{id};
    stored.campaign.terms.stock = stock;
    stored.campaign.terms.starts_at = clock.now() + -1'000;
    for (const std::string& user : holders) {
      ports::Coupon coupon;
      coupon.campaign = stored.campaign.id;
      coupon.sequence = Sequence{++stored.campaign.issued};
      coupon.user = user;
      database.coupons[{coupon.campaign, coupon.sequence}] = coupon;
    }
    database.campaigns[stored.campaign.id] = stored;
  }
  void load(std::uint32_t id) {
    directory.load(io, CampaignId{id}, [this, id](const Result<CampaignView>& view) {
      answers[id] = view ? "" : std::string(to_string(view.error().kind));
    });
  }
  // All that waits for the store is done, and told.
  void work() {
    while (auto job = pool.take()) (*job)(store);
    io.run();
  }
  Directory::Judgement judge(std::uint32_t id, const std::string& user) {
    const auto view = directory.known(CampaignId{id});
    return view ? directory.judge(*view, user) : Directory::Judgement{};
  }
  static std::string to_string(Error::Kind kind) {
    return kind == Error::Kind::not_found    ? "not found"
           : kind == Error::Kind::overloaded ? "overloaded"
                                             : "unavailable";
  }

  static constexpr std::size_t queue_max = 3;
  testing::FakeClock clock;
  testing::FakeIoThread io{0, clock};
  testing::FakeDatabase database;
  testing::FakeGatewayStore store{database};
  Settings settings = testing::Harness::test_settings();
  CampaignCache cache{10'000};
  Winners winners{100'000};
  StorePool pool{0, queue_max, nullptr};
  Directory directory{cache, winners, pool, clock, testing::test_user_hash(), settings};
  std::map<std::uint32_t, std::string> answers;  // "": found
};

TEST_F(DirectoryTest, WhatIsLookedUpTogetherIsOneQuestion) {
  store_campaign(1, 5);
  store_campaign(3, 5);
  for (const std::uint32_t id : {1, 2, 3, 1}) load(id);
  EXPECT_EQ(pool.queued(), 1U);
  work();
  EXPECT_EQ(answers, (std::map<std::uint32_t, std::string>{{1, ""}, {2, "not found"}, {3, ""}}));
  EXPECT_EQ(database.calls["campaigns_named"], 1);
  EXPECT_TRUE(directory.known(CampaignId{3}));
}

TEST_F(DirectoryTest, ManyAreAskedForInPiecesAndNoneIsForgotten) {
  for (std::uint32_t id = 1; id <= 250; ++id) {
    store_campaign(id, 5);
    load(id);
  }
  work();
  EXPECT_EQ(answers.size(), 250U);
  EXPECT_EQ(database.calls["campaigns_named"], 3);
  load(251);
  work();
  EXPECT_EQ(answers[251], "not found");
}

TEST_F(DirectoryTest, WhoeverComesBeforeTheQuestionIsAskedJoinsItAndWhoeverComesLaterIsAskedForAnew) {
  store_campaign(1, 5);
  load(1);
  auto job = pool.take();
  ASSERT_TRUE(job);
  load(2);
  bool is_told = false;
  io.set_after_post([&] {
    if (std::exchange(is_told, true)) return;
    answers.clear();
    load(1);
    load(3);
  });
  (*job)(store);
  EXPECT_EQ(database.calls["campaigns_named"], 1);
  EXPECT_EQ(pool.queued(), 1U);
  store_campaign(3, 5);
  work();
  EXPECT_EQ(answers, (std::map<std::uint32_t, std::string>{{1, ""}, {2, "not found"}, {3, ""}}));
  EXPECT_EQ(database.calls["campaigns_named"], 2);
}

TEST_F(DirectoryTest, WhereTheQueueToTheStoreIsFullEveryAskerIsTold) {
  for (std::size_t i = 0; i < queue_max; ++i) ASSERT_TRUE(pool.submit([](ports::GatewayStore&) {}));
  store_campaign(1, 5);
  load(1);
  io.run();
  EXPECT_EQ(answers[1], "overloaded");
  work();
  load(1);
  work();
  EXPECT_EQ(answers[1], "") << "the next one is asked for";
}

TEST_F(DirectoryTest, WithTheStoreDownWhatIsCachedIsTold) {
  store_campaign(1, 5);
  load(1);
  work();
  database.down = true;
  load(1);
  load(2);
  work();
  EXPECT_EQ(answers[1], "");
  EXPECT_EQ(answers[2], "unavailable");
}

TEST_F(DirectoryTest, CampaignsThatSellOutTogetherHaveTheirWinnersLoadedByOneQuestion) {
  store_campaign(1, 2, {"ann", "bob"});
  store_campaign(2, 1, {"eve"});
  for (const std::uint32_t id : {1, 2}) load(id);
  work();
  for (const std::uint32_t id : {1, 2}) directory.noticed(*cache.find(CampaignId{id}));
  EXPECT_EQ(pool.queued(), 1U);
  work();
  EXPECT_EQ(database.calls["holders"], 1);
  EXPECT_EQ(judge(1, "ann").kind, Kind::winner);
  EXPECT_EQ(judge(1, "bob").kind, Kind::winner);
  EXPECT_EQ(judge(1, "eve").kind, Kind::refuse);
  EXPECT_EQ(judge(2, "eve").kind, Kind::winner);
  EXPECT_EQ(judge(2, "ann").kind, Kind::refuse);
}

TEST_F(DirectoryTest, WinnersThatCouldNotBeLoadedAreLoadedLater) {
  store_campaign(1, 1, {"ann"});
  load(1);
  work();
  database.down = true;
  directory.noticed(*cache.find(CampaignId{1}));
  work();
  database.down = false;
  EXPECT_EQ(judge(1, "bob").kind, Kind::enter);
  clock.advance_ms(settings.campaign_refresh_ms);
  EXPECT_EQ(judge(1, "bob").kind, Kind::enter);
  work();
  EXPECT_EQ(judge(1, "bob").kind, Kind::refuse);
}

TEST_F(DirectoryTest, OfWinnersThatAreBrokenOffThoseOfWholeCampaignsCount) {
  store_campaign(1, 1, {"ann"});
  store_campaign(2, 2, {"eve", "fay"});
  store_campaign(3, 2, {"gus", "hal"});
  for (const std::uint32_t id : {1, 2, 3}) load(id);
  work();
  for (const std::uint32_t id : {1, 2, 3}) directory.noticed(*cache.find(CampaignId{id}));
  wire::ResultBatch told;
  told.entries.push_back(
      {Offset{7}, issuance::Outcome::issued, 1, CampaignId{2}, Sequence{2}, {}, testing::test_user_hash()(2, "fay")});
  winners.apply(told);
  database.holders_told_max = 3;  // hal, gus and fay
  work();
  EXPECT_EQ(judge(3, "gus").kind, Kind::winner);
  EXPECT_EQ(judge(3, "zoe").kind, Kind::refuse);
  EXPECT_EQ(judge(2, "eve").kind, Kind::enter) << "she has a coupon, and was not told";
  EXPECT_EQ(judge(1, "zoe").kind, Kind::enter);
  database.holders_told_max.reset();
  clock.advance_ms(settings.campaign_refresh_ms);
  for (const std::uint32_t id : {1, 2}) (void)judge(id, "zoe");
  work();
  EXPECT_EQ(judge(2, "eve").kind, Kind::winner);
  for (const std::uint32_t id : {1, 2}) EXPECT_EQ(judge(id, "zoe").kind, Kind::refuse);
}

TEST_F(DirectoryTest, RefusedCampaignsAreReadAgainByOneQuestion) {
  for (const std::uint32_t id : {1, 2, 3}) {
    store_campaign(id, 1, {"ann"});
    load(id);
  }
  work();
  const int before = database.calls["campaigns_named"];
  for (const std::uint32_t id : {1, 2, 3}) (void)judge(id, "bob");
  for (const std::uint32_t id : {1, 2, 3}) {
    auto& stored = database.campaigns[CampaignId{id}];
    stored.campaign.terms.stock = 2;
    stored.counters_offset = Offset{9};
  }
  work();
  EXPECT_EQ(database.calls["campaigns_named"], before + 1);
  for (const std::uint32_t id : {1, 2, 3}) EXPECT_EQ(cache.find(CampaignId{id})->stock, 2U);
}

}  // namespace
}  // namespace openrun::gateway
