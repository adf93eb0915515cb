#include "reconciler/acknowledged.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::reconciler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Partition partition{2};
constexpr std::int64_t second = 1'000'000;

// A results topic and a store in memory, and the shell around the class on simulated time.
class World {
 public:
  // A batch of outcomes at consecutive offsets; an empty campaign is a refusal. Stored unless told otherwise.
  void publish(std::int64_t first_offset, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& issued,
               bool stored = true) {
    wire::ResultBatch batch;
    batch.partition = partition;
    batch.first_offset = Offset{first_offset};
    Offset offset{first_offset};
    for (const auto& [campaign, sequence] : issued) {
      wire::OutcomeEntry entry;
      entry.offset = offset;
      entry.campaign = CampaignId{campaign};
      entry.outcome = campaign == 0 ? issuance::Outcome::sold_out : issuance::Outcome::issued;
      entry.sequence = Sequence{sequence};
      batch.entries.push_back(entry);
      if (campaign != 0 && stored) rows[CampaignId{campaign}].insert({Sequence{sequence}, offset});
      offset = offset + 1;
    }
    batch.last_offset = offset + -1;
    topic.push_back(std::move(batch));
  }
  void run_for(std::int64_t duration_us) {
    const std::int64_t end = now_us + duration_us;
    while (now_us < end) {
      step();
      now_us += 1'000;
    }
  }

  std::vector<wire::ResultBatch> topic;
  std::map<CampaignId, std::set<CouponKey>> rows;
  Acknowledged watch{partition};
  std::vector<std::string> missing;
  std::int64_t now_us = 0;
  std::size_t position = 0;
  bool store_down = false;
  bool log_down = false;
  bool position_lost = false;
  Offset next_offset{1'000'000'000};  // the checkpoint
  int questions = 0;
  std::size_t ranges = 0;

  // What the watch wants next.
  void step() {
    std::visit([&](const auto& action) { perform(action); }, watch.next(now_us));
  }

 private:
  [[nodiscard]] static std::unexpected<Error> down() { return fail(Error::Kind::unavailable, "down"); }
  [[nodiscard]] std::vector<CouponKey> in(const CouponRange& range) {
    EXPECT_EQ(range.partition, partition);
    std::vector<CouponKey> found;
    for (const CouponKey& key : rows[range.campaign]) {
      if (key.sequence >= range.first && key.sequence <= range.last) found.push_back(key);
    }
    return found;
  }
  void perform(const OpenResults&) {
    if (log_down) return watch.on_opened(now_us, down());
    position = 0;
    watch.on_opened(now_us, {});
  }
  void perform(const ReadResults& action) {
    if (log_down) return watch.on_results(now_us, down());
    if (std::exchange(position_lost, false)) return watch.on_results(now_us, fail(Error::Kind::not_found, "gone"));
    std::vector<wire::ResultBatch> batches;
    while (position < topic.size() && batches.size() < action.records_max) batches.push_back(topic[position++]);
    watch.on_results(now_us, batches);
  }
  void perform(const SumCoupons& action) {
    if (store_down) return watch.on_sums(now_us, down());
    ++questions;
    ranges += action.ranges.size();
    std::vector<CouponSum> sums;
    for (const CouponRange& range : action.ranges) {
      CouponSum sum;
      for (const CouponKey& key : in(range)) sum = {sum.coupons + 1, add_to_sum(sum.sum, key)};
      sums.push_back(sum);
    }
    watch.on_sums(now_us, sums);
  }
  void perform(const AskCheckpoint&) {
    if (store_down) return watch.on_checkpoint(now_us, down());
    watch.on_checkpoint(now_us, next_offset);
  }
  void perform(const ListCoupons& action) {
    if (store_down) return watch.on_coupons(now_us, down());
    watch.on_coupons(now_us, in(action.range));
  }
  void perform(const ReportMissing& action) {
    missing.push_back("campaign " + std::to_string(action.campaign.value) + " sequence " +
                      std::to_string(action.coupon.sequence.value) + " offset " +
                      std::to_string(action.coupon.request_offset.value));
    watch.on_reported();
  }
  void perform(const Rest& action) { now_us += action.duration_us; }
};

TEST(Acknowledged, WhatStandsInTheStoreIsCountedAndNothingIsReported) {
  World world;
  world.publish(0, {{7, 1}, {7, 2}, {0, 0}, {7, 3}});
  world.publish(4, {{7, 4}, {9, 1}});
  world.run_for(second);
  EXPECT_THAT(world.missing, IsEmpty());
  EXPECT_EQ(world.watch.checked(), 5U);
  EXPECT_TRUE(world.watch.idle());
}

TEST(Acknowledged, ACouponThatIsNotInTheStoreIsReportedByItsNumbers) {
  World world;
  world.publish(0, {{7, 1}, {7, 2}, {7, 3}});
  world.rows[CampaignId{7}].erase({Sequence{2}, Offset{1}});
  world.publish(3, {{7, 4}});
  world.run_for(second);
  EXPECT_THAT(world.missing, ElementsAre("campaign 7 sequence 2 offset 1"));
  EXPECT_EQ(world.watch.checked(), 4U);
}

TEST(Acknowledged, ACouponThatBelongsToAnotherRequestIsMissing) {
  World world;
  world.publish(0, {{7, 1}, {7, 2}});
  auto& rows = world.rows[CampaignId{7}];
  rows.erase({Sequence{2}, Offset{1}});
  rows.insert({Sequence{2}, Offset{99}});
  world.run_for(second);
  EXPECT_THAT(world.missing, ElementsAre("campaign 7 sequence 2 offset 1"));
}

TEST(Acknowledged, TwoCouponsThatChangedPlacesAreBothMissing) {
  World world;
  world.publish(0, {{7, 1}, {7, 2}});
  world.rows[CampaignId{7}] = {{Sequence{1}, Offset{1}}, {Sequence{2}, Offset{0}}};
  world.run_for(second);
  EXPECT_THAT(world.missing, SizeIs(2));
}

TEST(Acknowledged, AWholeBatchThatWasNeverCommittedIsReported) {
  World world;
  world.publish(0, {{7, 1}, {7, 2}, {8, 1}}, false);
  world.run_for(second);
  EXPECT_THAT(world.missing, SizeIs(3));
}

TEST(Acknowledged, WhatAStoreThatWasRestoredDoesNotHoldYetIsNotMissing) {
  World world;
  world.publish(0, {{7, 1}, {7, 2}});
  world.publish(2, {{7, 3}, {7, 4}}, false);
  world.publish(4, {{7, 5}}, false);
  world.next_offset = Offset{2};
  world.run_for(60 * second);
  EXPECT_THAT(world.missing, IsEmpty());
  EXPECT_FALSE(world.watch.idle()) << "it is checked once it has been decided again";
  EXPECT_LE(world.questions, 62) << "it asks once a second";
  // The issuers catch up and publish it once more, and one coupon does not come back.
  world.publish(2, {{7, 3}, {7, 4}});
  world.publish(4, {{7, 5}}, false);
  world.next_offset = Offset{5};
  world.run_for(10 * second);
  EXPECT_THAT(world.missing, ElementsAre("campaign 7 sequence 5 offset 4"));
  EXPECT_TRUE(world.watch.idle());
}

TEST(Acknowledged, WhatIsMissingBeforeTheCheckpointIsReportedThoughTheStoreStandsBehind) {
  World world;
  world.publish(0, {{7, 1}}, false);
  world.publish(1, {{8, 1}}, false);
  world.next_offset = Offset{1};
  world.run_for(10 * second);
  EXPECT_THAT(world.missing, ElementsAre("campaign 7 sequence 1 offset 0"));
}

// Issuer and relay may both publish a batch.
TEST(Acknowledged, ABatchThatIsToldTwiceIsReportedOnce) {
  World world;
  world.publish(0, {{7, 1}}, false);
  world.publish(0, {{7, 1}}, false);
  world.run_for(second);
  EXPECT_THAT(world.missing, SizeIs(1));
}

TEST(Acknowledged, ABatchCostsOneRangeForEachCampaignAndNotOneForEachCoupon) {
  World world;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> issued;
  for (std::uint32_t i = 1; i <= 5'000; ++i) issued.emplace_back(7 + i % 2, (i + 1) / 2);
  world.publish(0, issued);
  world.run_for(second);
  EXPECT_THAT(world.missing, IsEmpty());
  EXPECT_EQ(world.watch.checked(), 5'000U);
  EXPECT_EQ(world.ranges, 2U);
  EXPECT_EQ(world.questions, 1);
}

// 250 requests at a time for 2,500 campaigns: each batch holds one coupon of each of 250.
TEST(Acknowledged, SmallBatchesOfManyCampaignsCostOneRangeForEachCampaign) {
  World world;
  std::int64_t offset = 0;
  for (std::uint32_t sequence = 1; sequence <= 5; ++sequence) {
    for (std::uint32_t batch = 0; batch < 10; ++batch) {
      std::vector<std::pair<std::uint32_t, std::uint32_t>> issued;
      for (std::uint32_t i = 0; i < 250; ++i) issued.emplace_back(1 + batch * 250 + i, sequence);
      world.publish(offset, issued);
      offset += 250;
    }
  }
  world.run_for(second);
  EXPECT_THAT(world.missing, IsEmpty());
  EXPECT_EQ(world.watch.checked(), 12'500U);
  EXPECT_EQ(world.ranges, 2'500U);
}

TEST(Acknowledged, OfABacklogNoMoreIsReadThanMayBeHeld) {
  World world;
  world.store_down = true;
  for (std::uint32_t batch = 0; batch < 100; ++batch) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> issued;
    for (std::uint32_t i = 0; i < 1'000; ++i) issued.emplace_back(1 + i, batch + 1);
    world.publish(batch * 1'000, issued);
  }
  world.run_for(60 * second);
  EXPECT_EQ(world.position, 24U) << "whole reads of 8, until 20,000 coupons are held";
  world.store_down = false;
  world.run_for(60 * second);
  EXPECT_EQ(world.watch.checked(), 100'000U);
  EXPECT_THAT(world.missing, IsEmpty());
}

TEST(Acknowledged, MoreRangesThanAQuestionHoldsAreAskedInSeveral) {
  World world;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> issued;
  for (std::uint32_t i = 1; i <= 2'500; ++i) issued.emplace_back(i, 1);
  world.publish(0, issued);
  world.run_for(second);
  EXPECT_EQ(world.watch.checked(), 2'500U);
  EXPECT_EQ(world.questions, 3);
}

TEST(Acknowledged, AStoreThatIsDownIsWaitedForAndNothingIsSkipped) {
  World world;
  world.store_down = true;
  world.publish(0, {{7, 1}});
  world.publish(1, {{7, 2}}, false);
  world.run_for(60 * second);
  EXPECT_THAT(world.missing, IsEmpty()) << "a store that does not answer has lost nothing";
  EXPECT_EQ(world.watch.checked(), 0U);
  world.store_down = false;
  world.run_for(10 * second);
  EXPECT_THAT(world.missing, ElementsAre("campaign 7 sequence 2 offset 1"));
}

TEST(Acknowledged, ALogThatGoesDownWhileMoreIsReadKeepsNothingFromItsCheck) {
  World world;
  for (int i = 0; i < 8; ++i) world.publish(i, {{7, static_cast<std::uint32_t>(i + 1)}}, i != 4);
  world.step();  // opens
  world.step();  // reads
  world.log_down = true;
  world.run_for(10 * second);
  EXPECT_THAT(world.missing, ElementsAre("campaign 7 sequence 5 offset 4"));
  world.log_down = false;
  world.publish(8, {{7, 9}, {7, 10}});
  world.run_for(10 * second);
  EXPECT_EQ(world.watch.checked(), 10U);
  EXPECT_THAT(world.missing, SizeIs(1));
}

TEST(Acknowledged, APositionThatWasLostBeginsAgainAtTheLookBack) {
  World world;
  world.publish(0, {{7, 1}});
  world.run_for(second);
  world.position_lost = true;
  world.run_for(10 * second);
  world.publish(1, {{7, 2}});
  world.run_for(second);
  EXPECT_EQ(world.watch.checked(), 3U) << "the first one again";
  EXPECT_THAT(world.missing, IsEmpty());
}

TEST(Acknowledged, ALogThatIsDownIsTriedAgain) {
  World world;
  world.log_down = true;
  world.publish(0, {{7, 1}});
  world.run_for(20 * second);
  world.log_down = false;
  world.run_for(10 * second);
  EXPECT_EQ(world.watch.checked(), 1U);
}

}  // namespace
}  // namespace openrun::reconciler
