#include <array>

#include <gtest/gtest.h>

#include <openrun/sim/database.hpp>
#include <openrun/sim/stores.hpp>

namespace openrun::sim {
namespace {

using ports::CommitOutcome;
constexpr Partition zero{0};

class SimDatabase : public ::testing::Test {
 protected:
  // One record that gives a coupon of campaign 1 to a user.
  ports::CommitBatch batch(Epoch epoch, std::int64_t first, std::uint32_t sequence, const std::string& user) {
    ports::CommitBatch made;
    made.partition = zero;
    made.epoch = epoch;
    made.expected_next_offset = Offset{first};
    made.next_offset = Offset{first + 1};
    made.payload = "batch " + std::to_string(first);
    issuance::Campaign campaign;
    campaign.id = CampaignId{1};
    campaign.terms.stock = 10;
    campaign.issued = sequence;
    made.campaigns = {campaign};
    made.digests = {Digest{}};
    ports::CouponRow coupon;
    coupon.campaign = CampaignId{1};
    coupon.sequence = Sequence{sequence};
    coupon.user = user;
    coupon.request_offset = Offset{first};
    made.coupons = {coupon};
    return made;
  }
  CommitOutcome commit(const ports::CommitBatch& made) {
    if (const auto answer = database.begin(7, made)) return answer->outcome;
    return database.end(7, false) ? CommitOutcome::committed : CommitOutcome::in_doubt;
  }
  Epoch take_over() { return database.take_over(zero)->epoch; }

  Scheduler scheduler;
  Database database{scheduler};
};

TEST_F(SimDatabase, AWriterOfAnotherEpochOrOffsetIsFenced) {
  const Epoch first = take_over();
  EXPECT_EQ(commit(batch(first, 0, 1, "ann")), CommitOutcome::committed);
  EXPECT_EQ(commit(batch(first, 0, 2, "bob")), CommitOutcome::fenced);
  const Epoch second = take_over();
  EXPECT_GT(second, first);
  EXPECT_EQ(commit(batch(first, 1, 2, "bob")), CommitOutcome::fenced);
  EXPECT_EQ(commit(batch(second, 1, 2, "bob")), CommitOutcome::committed);
  EXPECT_EQ(database.rebuild(zero, first).error().kind, Error::Kind::conflict);
  EXPECT_EQ(database.load_details(std::array{CampaignId{1}}, zero, first, 1).error().kind, Error::Kind::conflict);
  EXPECT_EQ(database.load_details(std::array{CampaignId{1}}, zero, second, 1)->front().claims.size(), 2U);
}

TEST_F(SimDatabase, KeysAreUniqueAndARefusedValueWritesNothing) {
  const Epoch epoch = take_over();
  ASSERT_EQ(commit(batch(epoch, 0, 1, "ann")), CommitOutcome::committed);
  EXPECT_EQ(commit(batch(epoch, 1, 2, "ann")), CommitOutcome::conflict);
  EXPECT_EQ(commit(batch(epoch, 1, 1, "bob")), CommitOutcome::conflict);
  database.refuses = [](const ports::CouponRow& row) { return row.user == "bad"; };
  EXPECT_EQ(commit(batch(epoch, 1, 2, "bad")), CommitOutcome::refused);
  EXPECT_EQ(database.partition(zero).next_offset, Offset{1});
  EXPECT_EQ(database.counted(CampaignId{1}).coupons, 1);
}

TEST_F(SimDatabase, AnOpenTransactionHoldsTheRowAndEndsWithATakeover) {
  const Epoch epoch = take_over();
  ASSERT_FALSE(database.begin(1, batch(epoch, 0, 1, "ann")).has_value());
  EXPECT_EQ(database.begin(2, batch(epoch, 0, 1, "bob"))->outcome, CommitOutcome::rolled_back);
  EXPECT_EQ(database.counted(CampaignId{1}).coupons, 0);
  take_over();
  EXPECT_FALSE(database.end(1, false)) << "its backend was terminated";
  EXPECT_EQ(database.counted(CampaignId{1}).coupons, 0);
}

TEST_F(SimDatabase, AnOpenTransactionThatNobodyTerminatesCommitsLate) {
  const Epoch epoch = take_over();
  ASSERT_FALSE(database.begin(1, batch(epoch, 0, 1, "ann")).has_value());
  scheduler.run_until(4'000'000);
  EXPECT_TRUE(database.end(1, false));
  EXPECT_EQ(database.rebuild(zero, epoch)->snapshot.next_offset, Offset{1});
}

TEST_F(SimDatabase, AProbeLeavesNothingBehind) {
  const Epoch epoch = take_over();
  ASSERT_FALSE(database.begin(1, batch(epoch, 0, 1, "ann")).has_value());
  EXPECT_TRUE(database.end(1, true));
  EXPECT_EQ(database.partition(zero).next_offset, Offset{0});
}

TEST_F(SimDatabase, FullItCanBeReadAndDownNothingIsAnsweredAndWhatWasOpenIsGone) {
  const Epoch epoch = take_over();
  database.set_full(true);
  EXPECT_EQ(commit(batch(epoch, 0, 1, "ann")), CommitOutcome::rolled_back);
  EXPECT_TRUE(database.rebuild(zero, epoch).has_value());
  EXPECT_FALSE(database.take_over(zero).has_value());
  database.set_full(false);
  ASSERT_FALSE(database.begin(1, batch(epoch, 0, 1, "ann")).has_value());
  database.set_down(true);
  EXPECT_FALSE(database.rebuild(zero, epoch).has_value());
  database.set_down(false);
  EXPECT_FALSE(database.end(1, false));
}

TEST_F(SimDatabase, GatewaysReadRowsAsTheyWereAWhileAgo) {
  std::int64_t age_us = 0;
  SimulatedGatewayStore store(database, [] { return CallFate::clean; }, [&] { return age_us; }, scheduler);
  const Epoch epoch = take_over();
  const CampaignId one[] = {CampaignId{1}};
  EXPECT_TRUE(store.campaigns_named(one)->empty());
  ASSERT_EQ(commit(batch(epoch, 0, 1, "ann")), CommitOutcome::committed);
  scheduler.run_until(50'000);
  ASSERT_EQ(commit(batch(epoch, 1, 2, "bob")), CommitOutcome::committed);
  EXPECT_EQ(store.campaigns_named(one)->front().campaign.issued, 2U);
  age_us = 10'000;
  EXPECT_EQ(store.campaigns_named(one)->front().campaign.issued, 1U);
  int told = 0;
  EXPECT_TRUE(store.holders(one, [&](CampaignId campaign, std::string_view user) {
    EXPECT_EQ(campaign, one[0]);
    EXPECT_EQ(user, "ann");
    ++told;
  }));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(*store.outcome_batch(zero, Offset{1}), "batch 1");
  EXPECT_FALSE(store.outcome_batch(zero, Offset{2})->has_value());
  EXPECT_EQ(store.progress(zero)->next_offset, Offset{2});
}

TEST_F(SimDatabase, ACallsAnswerMayBeLostAfterItsWork) {
  CallFate fate = CallFate::answer_lost;
  SimulatedOutbox outbox(database, [&] { return fate; });
  database.partition(zero).next_offset = Offset{9};
  EXPECT_FALSE(outbox.set_published_through(zero, Offset{5}).has_value());
  fate = CallFate::refused;
  EXPECT_FALSE(outbox.set_published_through(zero, Offset{9}).has_value());
  fate = CallFate::clean;
  EXPECT_EQ(outbox.published_through(zero), Offset{5});
  ASSERT_TRUE(outbox.set_published_through(zero, Offset{2}).has_value());
  EXPECT_EQ(outbox.published_through(zero), Offset{5}) << "it only ever grows";
  EXPECT_EQ(outbox.set_published_through(zero, Offset{10}).error().kind, Error::Kind::conflict);
  EXPECT_EQ(outbox.entries(zero, Offset{10}, 1).error().kind, Error::Kind::conflict);
}

}  // namespace
}  // namespace openrun::sim
