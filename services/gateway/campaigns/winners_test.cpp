#include "gateway/campaigns/winners.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

constexpr CampaignId c{1};
using Answer = Winners::Answer;

wire::ResultBatch winners_of(CampaignId campaign, std::initializer_list<std::uint32_t> sequences) {
  wire::ResultBatch batch;
  for (const std::uint32_t sequence : sequences) {
    batch.entries.push_back(
        {Offset{sequence}, issuance::Outcome::issued, 0, campaign, Sequence{sequence}, {}, 1'000 + sequence});
  }
  return batch;
}

TEST(HashSet, HoldsWhatWasInsertedAndNothingElse) {
  HashSet set;
  EXPECT_FALSE(set.contains(0));
  for (std::uint64_t i = 0; i < 10'000; ++i) set.insert(i * 0x9E3779B97F4A7C15ULL);
  set.insert(0);
  EXPECT_EQ(set.size(), 10'000U);
  for (std::uint64_t i = 0; i < 10'000; ++i) ASSERT_TRUE(set.contains(i * 0x9E3779B97F4A7C15ULL));
  for (std::uint64_t i = 1; i < 10'000; ++i) ASSERT_FALSE(set.contains(i * 0x9E3779B97F4A7C15ULL + 1));
}

TEST(WinnerSet, IsCompleteOnlyWithoutGaps) {
  WinnerSet set;
  EXPECT_TRUE(set.complete(0));
  EXPECT_FALSE(set.complete(1));
  const std::uint64_t hashes[] = {11, 12, 13};
  set.loaded(3, hashes);
  EXPECT_TRUE(set.complete(3));
  set.add(Sequence{5}, 15);
  EXPECT_FALSE(set.complete(5)) << "4 is missing";
  set.add(Sequence{4}, 14);
  EXPECT_TRUE(set.complete(5));
  EXPECT_TRUE(set.contains(15));
}

TEST(WinnerSet, WinnersThatCameDuringTheLoadCount) {
  WinnerSet set;
  set.add(Sequence{3}, 13);
  set.add(Sequence{4}, 14);
  const std::uint64_t hashes[] = {11, 12, 13};
  set.loaded(3, hashes);
  EXPECT_TRUE(set.complete(4));
  EXPECT_EQ(set.size(), 4U);
}

TEST(Winners, NothingIsCertainBeforeTheLoad) {
  Winners winners(1'000);
  EXPECT_EQ(winners.ask(c, 2, 1'001), Answer::unknown);
  EXPECT_TRUE(winners.begin_load(c, 1, 1'000'000));
  EXPECT_EQ(winners.ask(c, 2, 1'001), Answer::unknown);
  const std::uint64_t hashes[] = {1'001, 1'002};
  winners.loaded(c, 2, hashes);
  EXPECT_EQ(winners.ask(c, 2, 1'001), Answer::hit);
  EXPECT_EQ(winners.ask(c, 2, 5), Answer::miss);
}

TEST(Winners, OneLoadAtATimeAndNotTooOften) {
  Winners winners(1'000);
  EXPECT_TRUE(winners.begin_load(c, 1'000, 500));
  EXPECT_FALSE(winners.begin_load(c, 9'000, 500)) << "one is under way";
  winners.load_failed(c);
  EXPECT_TRUE(winners.begin_load(c, 9'000, 500));
  winners.load_failed(c);
  EXPECT_FALSE(winners.begin_load(c, 9'400, 500));
}

TEST(Winners, ResultsExtendALoadedSetAndAMissedBatchMakesItIncomplete) {
  Winners winners(1'000);
  ASSERT_TRUE(winners.begin_load(c, 1, 500));
  winners.loaded(c, 0, {});
  winners.apply(winners_of(c, {1, 2}));
  EXPECT_EQ(winners.ask(c, 2, 1'002), Answer::hit);
  winners.apply(winners_of(c, {4}));
  EXPECT_EQ(winners.ask(c, 4, 77), Answer::unknown);
  winners.apply(winners_of(CampaignId{2}, {3}));
  EXPECT_EQ(winners.ask(c, 4, 77), Answer::unknown) << "another campaign's winner fills no gap";
  winners.apply(winners_of(c, {3}));
  EXPECT_EQ(winners.ask(c, 4, 77), Answer::miss);
}

TEST(Winners, AboveTheBoundTheLongestUnaskedSetIsDropped) {
  Winners winners(5);
  const std::uint64_t hashes[] = {1, 2, 3};
  for (std::uint32_t id = 1; id <= 3; ++id) {
    ASSERT_TRUE(winners.begin_load(CampaignId{id}, id, 500));
    winners.loaded(CampaignId{id}, 3, hashes);
  }
  EXPECT_LE(winners.size(), 5U);
  EXPECT_EQ(winners.ask(CampaignId{1}, 3, 1), Answer::unknown);
  EXPECT_EQ(winners.ask(CampaignId{3}, 3, 1), Answer::hit);
}

TEST(Winners, TheSetThatWasAskedForLastIsKept) {
  Winners winners(6);
  const std::uint64_t hashes[] = {1, 2, 3};
  for (const std::uint32_t id : {1, 2}) {
    ASSERT_TRUE(winners.begin_load(CampaignId{id}, id, 500));
    winners.loaded(CampaignId{id}, 3, hashes);
  }
  EXPECT_EQ(winners.ask(CampaignId{1}, 3, 1), Answer::hit);
  ASSERT_TRUE(winners.begin_load(CampaignId{3}, 3, 500));
  winners.loaded(CampaignId{3}, 3, hashes);
  EXPECT_EQ(winners.ask(CampaignId{1}, 3, 1), Answer::hit);
  EXPECT_EQ(winners.ask(CampaignId{2}, 3, 1), Answer::unknown);
  EXPECT_EQ(winners.ask(CampaignId{3}, 3, 1), Answer::hit);
}

TEST(Winners, EveryHashOfEverySetIsCountedOnce) {
  Winners winners(1'000);
  const std::uint64_t hashes[] = {1'001, 1'002, 1'003};
  ASSERT_TRUE(winners.begin_load(c, 1, 500));
  winners.apply(winners_of(c, {3, 4}));
  EXPECT_EQ(winners.size(), 2U);
  winners.loaded(c, 3, hashes);
  EXPECT_EQ(winners.size(), 4U);
  winners.apply(winners_of(c, {4, 5}));
  EXPECT_EQ(winners.size(), 5U);
  ASSERT_TRUE(winners.begin_load(c, 900, 500));
  winners.loaded(c, 3, hashes);
  ASSERT_TRUE(winners.begin_load(CampaignId{2}, 1, 500));
  winners.loaded(CampaignId{2}, 3, hashes);
  EXPECT_EQ(winners.size(), 8U);
}

TEST(Winners, AsManySmallSetsAreKeptAsCampaignsAreOpenAtOnce) {
  Winners winners(1'000'000);
  constexpr std::uint32_t campaigns = 25'000;
  const std::uint64_t hashes[] = {1};
  for (std::uint32_t id = 1; id <= campaigns; ++id) {
    ASSERT_TRUE(winners.begin_load(CampaignId{id}, id, 500));
    winners.loaded(CampaignId{id}, 1, hashes);
  }
  EXPECT_EQ(winners.size(), campaigns);
  EXPECT_EQ(winners.ask(CampaignId{1}, 1, 1), Answer::hit);
}

}  // namespace
}  // namespace openrun::gateway
