#include "gateway/campaigns/campaign_cache.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

ports::StoredCampaign stored(std::uint32_t id, std::uint32_t stock, std::uint32_t issued, std::int64_t terms_offset,
                             std::int64_t counters_offset) {
  ports::StoredCampaign made;
  made.campaign.id = CampaignId{id};
  made.campaign.terms.stock = stock;
  made.campaign.issued = issued;
  made.campaign.terms_offset = Offset{terms_offset};
  made.counters_offset = Offset{counters_offset};
  return made;
}

wire::CampaignCounters counters(std::uint32_t id, std::uint32_t stock, std::uint32_t issued,
                                std::int64_t terms_offset) {
  wire::CampaignCounters made;
  made.campaign = CampaignId{id};
  made.stock = stock;
  made.issued = issued;
  made.terms_offset = Offset{terms_offset};
  return made;
}

TEST(CampaignCache, OnlyNewerCountersApply) {
  CampaignCache cache(100);
  cache.apply(stored(1, 10, 3, 0, 50), 1);
  cache.apply(counters(1, 10, 2, 0), Offset{40});
  EXPECT_EQ(cache.find(CampaignId{1})->issued, 3U);
  cache.apply(counters(1, 10, 7, 0), Offset{60});
  EXPECT_EQ(cache.find(CampaignId{1})->issued, 7U);
  cache.apply(stored(1, 10, 5, 0, 55), 2);
  EXPECT_EQ(cache.find(CampaignId{1})->issued, 7U) << "an older row of the store";
  cache.apply(stored(1, 20, 9, 61, 61), 3);
  EXPECT_EQ(cache.find(CampaignId{1})->stock, 20U);
}

TEST(CampaignCache, CountersOfAnUnknownCampaignDoNotMakeItKnown) {
  CampaignCache cache(100);
  EXPECT_FALSE(cache.apply(counters(1, 10, 2, 0), Offset{40}));
  EXPECT_FALSE(cache.find(CampaignId{1}));
}

TEST(CampaignCache, NewerTermsInTheCountersMakeTheDetailsOutdatedUntilTheyAreReadAgain) {
  CampaignCache cache(100);
  EXPECT_TRUE(cache.apply(stored(1, 10, 0, 5, 5), 1).details_current());
  EXPECT_FALSE(cache.apply(counters(1, 10, 0, 9), Offset{9})->details_current());
  EXPECT_TRUE(cache.apply(stored(1, 10, 0, 9, 9), 1).details_current());
}

TEST(CampaignCache, ACommandsResultMakesItsCampaignKnown) {
  CampaignCache cache(100);
  issuance::Campaign campaign;
  campaign.id = CampaignId{4};
  campaign.terms.name = "new";
  campaign.terms.stock = 3;
  campaign.terms_offset = Offset{7};
  cache.apply(campaign, Partition{2}, Offset{7});
  const auto view = cache.find(CampaignId{4});
  ASSERT_TRUE(view);
  EXPECT_EQ(view->details->terms.name, "new");
  EXPECT_EQ(view->details->partition, Partition{2});
  EXPECT_EQ(to_campaign(*view), campaign);
}

TEST(CampaignCache, ItHoldsNoMoreThanItsBoundAndKeepsWhatIsUsed) {
  CampaignCache cache(16 * 4);
  for (std::uint32_t id = 1; id <= 1'000; ++id) {
    cache.apply(stored(id * 16, 1, 0, 0, 0), 1);
    ASSERT_TRUE(cache.find(CampaignId{id * 16})) << "the newest is there";
  }
  EXPECT_LE(cache.size(), 16U * 4);
}

TEST(CampaignCache, OpenStockIsThatOfCampaignsThatIssueNow) {
  constexpr Timestamp now{1'000};
  CampaignCache cache(100);
  EXPECT_EQ(cache.stock_open(now).campaigns, 0U);
  const auto add = [&](std::uint32_t id, std::uint32_t issued, const std::function<void(issuance::Campaign&)>& change) {
    ports::StoredCampaign made = stored(id, 10, issued, 0, 0);
    made.campaign.terms.starts_at = now;
    change(made.campaign);
    cache.apply(made, 1);
  };
  const auto as_it_is = [](issuance::Campaign&) {};
  add(1, 3, as_it_is);
  add(2, 0, [](issuance::Campaign& one) { one.terms.ends_at = Timestamp{1'001}; });
  EXPECT_EQ(cache.stock_open(now).campaigns, 2U);
  EXPECT_EQ(cache.stock_open(now).left, 17U);
  add(3, 10, as_it_is);
  add(4, 0, [](issuance::Campaign& one) { one.paused = true; });
  add(5, 0, [](issuance::Campaign& one) { one.closed = true; });
  add(6, 0, [now](issuance::Campaign& one) { one.terms.ends_at = now; });
  add(7, 0, [](issuance::Campaign& one) { one.terms.starts_at = Timestamp{1'001}; });
  EXPECT_EQ(cache.stock_open(now).campaigns, 2U);
  EXPECT_EQ(cache.stock_open(now).left, 17U);
}

TEST(CampaignCache, ARefreshIsClaimedByOneInAnInterval) {
  CampaignCache cache(100);
  EXPECT_FALSE(cache.claim_refresh(CampaignId{1}, 1'000, 100)) << "unknown";
  cache.apply(stored(1, 10, 0, 5, 5), 1);
  EXPECT_TRUE(cache.claim_refresh(CampaignId{1}, 1'000, 100));
  EXPECT_FALSE(cache.claim_refresh(CampaignId{1}, 1'099, 100));
  EXPECT_TRUE(cache.claim_refresh(CampaignId{1}, 1'100, 100));
}

}  // namespace
}  // namespace openrun::gateway
