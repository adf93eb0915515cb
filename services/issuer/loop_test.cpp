// What the loop does while all goes well, and when commits do not.
#include "issuer/loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/wire/log_record.hpp>
#include <openrun/wire/result_batch.hpp>

#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using ports::CommitAnswer;
using ports::CommitOutcome;
using State = LoopStatus::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(IssuerLoop, TakesOverThenDecidesCommitsAndPublishesInThatOrder) {
  Harness harness;
  harness.append_all({create(1, 10), request(1, "ann"), request(1, "bob")});
  harness.run();
  EXPECT_THAT(harness.transcript,
              ElementsAre("TakeOver", "OpenLog 0", "Tell taken_over ", "Commit 0-2", "Publish 0-2"));
  EXPECT_EQ(harness.state().coupons.size(), 2U);
  EXPECT_EQ(harness.state().next_offset, Offset{3});
  EXPECT_TRUE(harness.clean);
  EXPECT_EQ(harness.loop().status().state, State::running);
}

TEST(IssuerLoop, ABatchGoesAtOnceWhenNothingIsInFlight) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.append(request(1, "ann"));
  harness.run();
  EXPECT_EQ(harness.last("Publish"), "Publish 1-1");
}

TEST(IssuerLoop, DecidesTheNextBatchWhileOneIsCommitting) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.hold_commits = true;
  harness.append(request(1, "ann"));
  harness.run();
  ASSERT_TRUE(harness.holds_commit());
  harness.append_all({request(1, "bob"), request(1, "cas")});
  harness.run();
  EXPECT_EQ(harness.count("Commit"), 2U) << "exactly one commit is in flight";
  harness.release();
  EXPECT_EQ(harness.last("Publish"), "Publish 1-1");
  EXPECT_EQ(harness.last("Commit"), "Commit 2-3") << "goes at once when the answer comes";
  harness.release();
  EXPECT_EQ(harness.state().coupons.size(), 3U);
}

TEST(IssuerLoop, StopsTakingRecordsWhenTheNextBatchIsFull) {
  Harness harness({.batch_max = 4});
  harness.append(create(1, 100));
  harness.run();
  harness.hold_commits = true;
  for (int i = 0; i < 20; ++i) harness.append(request(1, "user" + std::to_string(i)));
  harness.run();
  EXPECT_EQ(harness.last("Commit"), "Commit 1-4");
  harness.run_for(100);
  EXPECT_EQ(harness.state().next_offset, Offset{1});
  harness.release();
  EXPECT_EQ(harness.last("Commit"), "Commit 5-8");
  harness.hold_commits = false;
  harness.release();
  EXPECT_EQ(harness.state().next_offset, Offset{21});
  EXPECT_EQ(harness.state().coupons.size(), 20U);
}

TEST(IssuerLoop, ClosesABatchBeforeItsResultOutgrowsARecordOfKafka) {
  Harness harness({.batch_max = 10'000});
  std::vector<std::string> values;
  // Every one of these is repeated in the result with its whole description.
  for (std::uint32_t i = 1; i <= 600; ++i) {
    issuance::CampaignTerms terms;
    terms.name = "Campaign";
    while (terms.description.size() < 3'900) terms.description += "\U0001F381";
    terms.stock = 1;
    values.push_back(wire::encode_command(1, {CampaignId{i}, "key", issuance::CreateCampaign{terms}}));
  }
  harness.append_all(values);
  harness.run();
  EXPECT_EQ(harness.state().next_offset, Offset{600});
  EXPECT_GT(harness.state().outbox.size(), 1U);
  for (const auto& [first, payload] : harness.state().outbox) {
    EXPECT_LE(payload.size(), limits::result_batch_bytes_max);
    EXPECT_GT(payload.size(), limits::result_batch_bytes_max / 2 - 200'000);
  }
}

TEST(IssuerLoop, EachTouchedCampaignStandsOnceInTheBatchAtItsFinalState) {
  Harness harness;
  harness.hold_commits = true;
  harness.append_all({create(1, 10), request(1, "ann"), create(2, 5), add_stock(1, 3, "more"), request(1, "bob")});
  harness.run();
  harness.release();
  const auto campaigns = harness.state().campaigns;
  ASSERT_EQ(campaigns.size(), 2U);
  EXPECT_EQ(campaigns.at(CampaignId{1}).issued, 2U);
  EXPECT_EQ(campaigns.at(CampaignId{1}).terms.stock, 13U);
}

TEST(IssuerLoop, LoadsACampaignsDetailBeforeItDecidesAboutIt) {
  Harness harness;
  harness.append_all({create(1, 10), request(1, "ann")});
  harness.run();
  harness.restart();
  harness.append_all({request(1, "ann"), request(1, "bob")});
  harness.run();
  EXPECT_EQ(harness.count("LoadDetails 1"), 1U);
  EXPECT_EQ(harness.state().coupons.size(), 2U) << "ann has hers already";
}

TEST(IssuerLoop, CommitsWhatIsDecidedBeforeItLoadsADetail) {
  Harness harness;
  harness.append_all({create(1, 10), create(2, 10)});
  harness.run();
  harness.restart();
  harness.append_all({create(3, 1), request(2, "ann")});
  harness.run();
  const std::vector<std::string> tail(harness.transcript.end() - 5, harness.transcript.end());
  EXPECT_THAT(tail, ElementsAre("Commit 2-2", "Publish 2-2", "LoadDetails 2", "Commit 3-3", "Publish 3-3"));
}

// A round trip and a commit for each of them would make a takeover slow where the campaigns are many.
TEST(IssuerLoop, LoadsTheDetailsOfAllCampaignsInHandAtOnce) {
  Harness harness;
  harness.append_all({create(1, 10), create(2, 10), create(3, 10), request(1, "ann"), request(3, "ann")});
  harness.run();
  harness.restart();
  harness.append_all({request(2, "ann"), request(9, "ann"), garbage, request(2, "bob"), request(1, "ann"),
                      replay(Offset{7}, request(3, "ann")), request(3, "bob"), create(4, 1), request(4, "ann")});
  harness.run();
  const std::vector<std::string> tail(harness.transcript.end() - 3, harness.transcript.end());
  EXPECT_THAT(tail, ElementsAre("LoadDetails 2 1 3", "Commit 5-13", "Publish 5-13"));
  EXPECT_EQ(harness.state().coupons.size(), 6U) << "ann has hers of 1 and 3 already";
}

TEST(IssuerLoop, LoadsSoManyDetailsAtOnceAndNoMore) {
  Harness harness({.details_max = 2});
  harness.append_all({create(1, 10), create(2, 10), create(3, 10), create(4, 10), create(5, 10)});
  harness.run();
  harness.restart();
  harness.append_all({request(1, "ann"), request(2, "ann"), request(1, "bob"), request(3, "ann"), request(4, "ann"),
                      request(5, "ann")});
  harness.run();
  const std::vector<std::string> tail(harness.transcript.end() - 9, harness.transcript.end());
  EXPECT_THAT(tail, ElementsAre("LoadDetails 1 2", "Commit 5-7", "Publish 5-7", "LoadDetails 3 4", "Commit 8-9",
                                "Publish 8-9", "LoadDetails 5", "Commit 10-10", "Publish 10-10"));
}

TEST(IssuerLoop, LoadsSoManyClaimsAtOnceAndALargerCampaignAlone) {
  Harness harness({.detail_claims_max = 2});
  harness.append_all({create(1, 10), create(2, 10), create(3, 10), create(4, 10), request(1, "ann"), request(2, "ann"),
                      request(3, "ann"), request(3, "bob"), request(3, "cas"), request(4, "ann")});
  harness.run();
  harness.restart();
  harness.append_all({request(1, "bob"), request(2, "bob"), request(3, "dan"), request(4, "bob")});
  harness.run();
  const std::vector<std::string> tail(harness.transcript.end() - 9, harness.transcript.end());
  EXPECT_THAT(tail, ElementsAre("LoadDetails 1 2", "Commit 10-11", "Publish 10-11", "LoadDetails 3", "Commit 12-12",
                                "Publish 12-12", "LoadDetails 4", "Commit 13-13", "Publish 13-13"));
}

TEST(IssuerLoop, AsksAgainForAllTheDetailsThatItDidNotGet) {
  Harness harness;
  harness.append_all({create(1, 10), create(2, 10), request(2, "ann")});
  harness.run();
  harness.restart();
  harness.fault = [&](const Action& action) -> std::optional<Harness::Fault> {
    const bool first = std::holds_alternative<LoadDetails>(action) && harness.count("LoadDetails") == 1;
    return first ? std::optional(Harness::Fault::lost_before) : std::nullopt;
  };
  harness.append_all({request(1, "ann"), request(2, "ann"), request(2, "bob")});
  harness.run_for(1'000);
  EXPECT_EQ(harness.count("LoadDetails 1 2"), 2U);
  EXPECT_EQ(harness.count("LoadDetails"), 2U);
  EXPECT_EQ(harness.last("Commit"), "Commit 3-5");
  EXPECT_EQ(harness.state().coupons.size(), 3U);
}

// ---- commits that fail ----

class IssuerLoopCommit : public ::testing::TestWithParam<CommitOutcome> {};

TEST_P(IssuerLoopCommit, FailedDropsAllThatWasDecidedOnTopAndDecidesItAgain) {
  Harness harness;
  harness.append(create(1, 2));
  harness.run();
  harness.hold_commits = true;
  harness.append(request(1, "ann"));
  harness.run();
  harness.append_all({request(1, "bob"), request(1, "cas")});
  harness.run();
  harness.hold_commits = false;
  harness.release(CommitAnswer{GetParam(), "lost"});
  EXPECT_EQ(harness.count("Tell dropped"), 1U);
  EXPECT_EQ(harness.state().coupons.size(), 0U);
  harness.run_for(1'000);
  EXPECT_EQ(harness.count("Tell rebuilt"), 1U);
  EXPECT_EQ(harness.state().next_offset, Offset{4});
  EXPECT_EQ(harness.state().coupons.size(), 2U);
  EXPECT_TRUE(harness.clean);
}

INSTANTIATE_TEST_SUITE_P(InEveryWay, IssuerLoopCommit,
                         ::testing::Values(CommitOutcome::rolled_back, CommitOutcome::in_doubt,
                                           CommitOutcome::conflict));

TEST(IssuerLoop, ACommitInDoubtThatTheCheckpointConfirmsIsPublishedAndNotDecidedAgain) {
  Harness harness;
  harness.append(create(1, 2));
  harness.fault = [](const Action& action) -> std::optional<Harness::Fault> {
    if (std::holds_alternative<Commit>(action)) return Harness::Fault::doubt_after;
    return std::nullopt;
  };
  harness.run();
  harness.fault = {};
  harness.run_for(1'000);
  EXPECT_EQ(harness.count("Commit 0-0"), 1U);
  EXPECT_EQ(harness.count("Publish 0-0"), 1U);
  EXPECT_EQ(harness.loop().status().next_offset, Offset{1});
}

// The read that is under way when decisions are dropped may bring records all the same: they are read again.
TEST(IssuerLoop, RecordsThatArriveWhileDecisionsAreDroppedAreDecidedOnce) {
  Harness harness;
  harness.append(create(1, 2));
  harness.run();
  harness.hold_commits = true;
  harness.append(request(1, "ann"));
  harness.run();
  harness.append(request(1, "bob"));
  harness.hold_commits = false;
  harness.release(CommitAnswer{CommitOutcome::rolled_back, "lost"});
  harness.run_for(1'000);
  EXPECT_EQ(harness.last("Publish"), "Publish 1-2");
  EXPECT_EQ(harness.state().coupons.size(), 2U);
}

TEST(IssuerLoop, StoresTheRequestsKeyOnlyWhereAUserMayHoldSeveralCoupons) {
  Harness harness;
  harness.append_all({create(1, 2), create(2, 2, 2), request(1, "ann", "a key"), request(2, "ann", "a key")});
  harness.run();
  const auto coupons = harness.state().coupons;
  EXPECT_EQ(coupons.at({CampaignId{1}, Sequence{1}}).idempotency_key, "");
  EXPECT_EQ(coupons.at({CampaignId{2}, Sequence{1}}).idempotency_key, "a key");
}

TEST(IssuerLoop, AFencedWriterStopsAndCommitsNothingMore) {
  Harness harness;
  harness.append(create(1, 2));
  harness.run();
  (void)harness.database.take_over(test_partition);
  harness.append(request(1, "ann"));
  harness.run();
  EXPECT_THAT(harness.last("Stop"), HasSubstr("FENCED"));
  EXPECT_TRUE(harness.loop().finished());
  EXPECT_EQ(harness.loop().wake_at_us(), never_us);
  EXPECT_EQ(harness.loop().status().reason, "FENCED");
  EXPECT_TRUE(harness.state().coupons.empty());
}

TEST(IssuerLoop, ARebuildThatFindsAnotherEpochStops) {
  Harness harness;
  harness.append(create(1, 2));
  harness.run();
  harness.hold_commits = true;
  harness.append(request(1, "ann"));
  harness.run();
  (void)harness.database.take_over(test_partition);
  harness.release(CommitAnswer{CommitOutcome::in_doubt, "lost"});
  harness.run_for(100);
  EXPECT_THAT(harness.last("Stop"), HasSubstr("FENCED"));
}

// A writer that slept through its own succession would otherwise abort on the coupons that its successor gave.
TEST(IssuerLoop, ADetailThatDiffersFromTheStateIsAReasonToRebuildNotToAbort) {
  Harness harness;  // the first of the two campaigns that are asked for is as it should be
  harness.append_all({create(1, 10), create(2, 10)});
  harness.run();
  harness.restart();
  harness.run();
  (void)harness.database.take_over(test_partition);
  harness.database.edit(test_partition, [](FakeDatabase::PartitionState& state) {
    ports::CouponRow row;
    row.campaign = CampaignId{1};
    row.sequence = Sequence{1};
    row.user = "successor's";
    state.coupons.emplace(std::pair{row.campaign, row.sequence}, row);
  });
  harness.append_all({request(2, "ann"), request(1, "ann")});
  harness.run_for(1'000);
  EXPECT_EQ(harness.count("LoadDetails 2 1"), 1U);
  EXPECT_EQ(harness.last("Tell dropped"), "Tell dropped STATE_DIFFERS");
  EXPECT_THAT(harness.last("Stop"), HasSubstr("FENCED"));
}

// Postgres shows a campaign's coupons to the partition's writer only. One that was succeeded must not ask for them for
// ever, owning a partition that nobody decides.
TEST(IssuerLoop, AWriterThatIsRefusedADetailBecauseItWasSucceededStops) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.restart();
  harness.run();
  harness.database.fence_details();
  harness.append(request(1, "ann"));
  harness.run_for(1'000);
  EXPECT_THAT(harness.last("Stop"), HasSubstr("FENCED"));
  EXPECT_TRUE(harness.loop().finished());
}

TEST(IssuerLoop, RetriesAnUnavailableStoreForEverWithARisingPause) {
  Harness harness({.retry_ms_min = 50, .retry_ms_max = 2'000});
  harness.database.set_down(true);
  harness.append(create(1, 2));
  harness.run_for(60'000);
  EXPECT_EQ(harness.count("Tell store_unavailable"), 1U) << "told once, not at every try";
  EXPECT_EQ(harness.loop().status().reason, "STORE_UNAVAILABLE");
  EXPECT_GT(harness.count("TakeOver"), 25U);
  EXPECT_LT(harness.count("TakeOver"), 45U);
  harness.database.set_down(false);
  harness.run_for(2'000);
  EXPECT_EQ(harness.state().next_offset, Offset{1});
}

TEST(IssuerLoop, LosesNothingWhenTheStoreGoesAwayWhileItRuns) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.database.set_down(true);
  harness.append_all({request(1, "ann"), request(1, "bob")});
  harness.run_for(30'000);
  EXPECT_EQ(harness.loop().status().state, State::rebuilding);
  harness.database.set_down(false);
  harness.run_for(3'000);
  EXPECT_EQ(harness.state().coupons.size(), 2U);
}

// ---- revocation ----

TEST(IssuerLoop, ARevokedPartitionFinishesTheCommitInFlightPublishesItAndDropsTheRest) {
  Harness harness;
  harness.append(create(1, 10));
  harness.run();
  harness.hold_commits = true;
  harness.append(request(1, "ann"));
  harness.run();
  harness.append(request(1, "bob"));
  harness.run();
  harness.loop().on_revoked();
  harness.run();
  EXPECT_FALSE(harness.loop().finished());
  harness.release();
  EXPECT_EQ(harness.last("Publish"), "Publish 1-1");
  EXPECT_TRUE(harness.loop().finished());
  EXPECT_EQ(harness.state().next_offset, Offset{2});
  harness.append(request(1, "cas"));
  harness.run_for(10'000);
  EXPECT_EQ(harness.count("Commit"), 2U);
}

TEST(IssuerLoop, ARevokedPartitionThatIsIdleIsFinishedAtOnce) {
  Harness harness;
  harness.run();
  harness.loop().on_revoked();
  harness.run();
  EXPECT_TRUE(harness.loop().finished());
  EXPECT_EQ(harness.loop().wake_at_us(), never_us);
}

}  // namespace
}  // namespace openrun::issuer
