#include "reconciler/reconciler.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/clock.hpp>
#include <openrun/ports/testing/recording.hpp>

#include "reconciler/testing/fakes.hpp"

namespace openrun::reconciler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReconcilerTest : public ::testing::Test {
 protected:
  // A turn, and the wait that it asks for.
  std::int64_t turn() {
    const std::int64_t wait_ms = reconciler_.turn();
    clock_.advance_ms(wait_ms);
    return wait_ms;
  }
  [[nodiscard]] double drift(const std::string& invariant) const {
    return metrics_.value("openrun_reconciler_drift", {{"invariant", invariant}});
  }
  [[nodiscard]] double checked() const { return metrics_.value("openrun_reconciler_campaigns_checked_total"); }

  ports::testing::FakeClock clock_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  testing::FakeFacts facts_{clock_};
  testing::FakeResults results_;
  MissingCoupons missing_{0};
  ToldOffsets told_;
  Reconciler reconciler_{facts_, results_, missing_, told_,
                         clock_, logger_,  metrics_, {.interval_ms = 2'000, .full_interval_ms = 300'000}};
};

TEST_F(ReconcilerTest, ASoundStoreGivesNoLineAndGaugesAtZero) {
  facts_.add(1, 5);
  facts_.add(2, 0);
  EXPECT_EQ(turn(), 2'000);
  EXPECT_THAT(logger_.lines(), IsEmpty());
  for (const char* invariant :
       {"issued_within_stock", "stock_within_limit", "issued_is_coupons", "sequences_without_gap",
        "no_duplicate_claims", "coupons_are_decided", "outbox_without_gap"}) {
    EXPECT_EQ(drift(invariant), 0) << invariant;
  }
  EXPECT_GT(metrics_.value("openrun_reconciler_last_success_timestamp_seconds"), 1.6e9);
  EXPECT_GT(metrics_.value("openrun_reconciler_full_pass_timestamp_seconds"), 1.6e9);
  EXPECT_EQ(reconciler_.not_ready_reason(), "");
}

TEST_F(ReconcilerTest, AViolationIsToldOnceAndOnceMoreWhenItIsGone) {
  facts_.add(7, 5).coupons = 4;
  (void)turn();
  EXPECT_THAT(
      logger_.taken(),
      ElementsAre("error an invariant is violated invariant=issued_is_coupons campaign=7 detail=issued 5, coupons 4",
                  "error an invariant is violated invariant=sequences_without_gap campaign=7 detail=sequence_min 1, "
                  "sequence_max 5, coupons 4"));
  EXPECT_EQ(drift("issued_is_coupons"), 1);
  (void)turn();
  EXPECT_THAT(logger_.taken(), IsEmpty());
  EXPECT_EQ(reconciler_.violations(), 2U);
  facts_.add(7, 5);
  (void)turn();
  EXPECT_EQ(logger_.taken().size(), 2U);
  EXPECT_EQ(drift("issued_is_coupons"), 0);
  EXPECT_EQ(reconciler_.violations(), 0U);
}

TEST_F(ReconcilerTest, TheGaugeCountsTheSubjectsOfAnInvariant) {
  facts_.add(7, 5).issued = 6;
  facts_.add(8, 5).issued = 6;
  (void)turn();
  EXPECT_EQ(drift("issued_is_coupons"), 2);
  facts_.add(8, 5);
  (void)turn();
  EXPECT_EQ(drift("issued_is_coupons"), 1);
}

TEST_F(ReconcilerTest, PartitionsAreCheckedAndShownInEveryTurn) {
  PartitionFacts facts;
  facts.partition = Partition{3};
  facts.next_offset = Offset{10};
  facts.outbox_first = Offset{0};
  facts.outbox_next = Offset{10};
  facts.outbox_backlog = 4;
  facts.open_dead_letters = 2;
  facts_.partition_facts = {facts};
  (void)turn();
  EXPECT_EQ(metrics_.value("openrun_outbox_backlog", {{"partition", "3"}}), 4);
  EXPECT_EQ(metrics_.value("openrun_open_dead_letters", {{"partition", "3"}}), 2);
  facts_.partition_facts[0].next_offset = facts_.partition_facts[0].outbox_next = Offset{9};
  (void)turn();
  EXPECT_EQ(drift("checkpoint_never_runs_back"), 1);
  (void)turn();  // it stays so, until the partition stands where it stood
  EXPECT_EQ(drift("checkpoint_never_runs_back"), 1);
  facts_.partition_facts[0].next_offset = facts_.partition_facts[0].outbox_next = Offset{11};
  (void)turn();
  EXPECT_EQ(drift("checkpoint_never_runs_back"), 0);
}

TEST_F(ReconcilerTest, OnlyNewRowsOfAnOutboxThatWasSoundAreReadBetweenPassesOverAll) {
  PartitionFacts facts;
  facts.partition = Partition{3};
  facts.outbox_first = Offset{0};
  facts.next_offset = facts.outbox_next = Offset{10};
  facts_.partition_facts = {facts};
  (void)turn();
  facts_.partition_facts[0].outbox_gaps = 1;
  (void)turn();  // found
  facts_.partition_facts[0].outbox_gaps = 0;
  (void)turn();
  (void)turn();
  clock_.advance_ms(300'000);
  (void)turn();
  const std::map<Partition, Offset> sound{{Partition{3}, Offset{10}}};
  EXPECT_THAT(facts_.sound, ElementsAre(IsEmpty(), sound, IsEmpty(), sound, IsEmpty()));
}

TEST_F(ReconcilerTest, AStoreThatWasRestoredBelowItIsNoDrift) {
  PartitionFacts facts;
  facts.partition = Partition{3};
  facts.epoch = Epoch{5};
  facts.next_offset = Offset{11};
  facts.published_through = facts.next_offset;
  facts_.partition_facts = {facts};
  told_.told(Partition{3}, Offset{11});
  (void)turn();
  for (const std::int64_t next_offset : {4, 11, 15}) {
    facts.epoch = Epoch{next_offset == 4 ? 2U : 3U};  // as of the backup, and one more takeover
    facts.next_offset = facts.published_through = Offset{next_offset};
    facts_.partition_facts = {facts};
    (void)turn();
    EXPECT_EQ(drift("checkpoint_never_runs_back"), 0) << next_offset;
  }
  // What happens after it has caught up counts again.
  facts.epoch = Epoch{2};
  facts_.partition_facts = {facts};
  (void)turn();
  EXPECT_EQ(drift("checkpoint_never_runs_back"), 1);
}

TEST_F(ReconcilerTest, TurnsLookAtWhatChangedLatelyAndAtAllFromTimeToTime) {
  facts_.add(1, 5);
  (void)turn();  // the first turn is full as well
  clock_.advance_ms(2 * overlap_ms);
  (void)turn();
  (void)turn();
  facts_.add(2, 5);
  const double before = checked();
  (void)turn();
  EXPECT_EQ(checked(), before + 1);  // only the new one
  clock_.advance_ms(300'000);
  (void)turn();
  EXPECT_GE(checked(), before + 3);
}

TEST_F(ReconcilerTest, ARecentPassIsToldWhatWasSoundBefore) {
  facts_.add(7, 5);
  facts_.add(8, 5).issued = 6;
  (void)turn();
  (void)turn();
  ASSERT_EQ(facts_.calls.size(), 3U);  // recent, full, recent
  EXPECT_THAT(facts_.calls[0].known, IsEmpty());
  EXPECT_THAT(facts_.calls[1].known, IsEmpty());
  ASSERT_EQ(facts_.calls[2].known.size(), 1U);
  EXPECT_EQ(facts_.calls[2].known[0].campaign, CampaignId{7});
  EXPECT_EQ(facts_.calls[2].known[0].coupons, 5);
  EXPECT_EQ(facts_.calls[2].known[0].offset_max, 4);
}

TEST_F(ReconcilerTest, WhatAPassOverAllFindsWrongIsCountedAsAWholeUntilItIsSound) {
  facts_.add(7, 5);
  (void)turn();
  facts_.campaigns[CampaignId{7}].stored.coupons = 4;
  (void)turn();
  EXPECT_EQ(drift("issued_is_coupons"), 0);  // old rows are not read
  for (int i = 0; i < 160; ++i) {            // until the next pass over all
    facts_.campaigns[CampaignId{7}].changed_at = clock_.now();
    (void)turn();
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(drift("issued_is_coupons"), 1);
    (void)turn();
  }
  facts_.add(7, 5);
  (void)turn();
  EXPECT_EQ(drift("issued_is_coupons"), 0);
}

TEST_F(ReconcilerTest, APassOverAllIsToldNothing) {
  facts_.add(7, 5);
  (void)turn();
  clock_.advance_ms(300'000);
  facts_.add(7, 6);
  facts_.calls.clear();
  (void)turn();
  ASSERT_EQ(facts_.calls.size(), 2U);
  EXPECT_EQ(facts_.calls[1].changed_since, Timestamp{});
  EXPECT_THAT(facts_.calls[1].known, IsEmpty());
}

TEST_F(ReconcilerTest, WhatNoLongerChangesIsForgotten) {
  facts_.add(7, 5);
  (void)turn();
  clock_.advance_ms(2 * overlap_ms);
  (void)turn();
  (void)turn();  // looks back over less than that
  facts_.add(8, 5);
  (void)turn();
  facts_.calls.clear();
  (void)turn();
  ASSERT_EQ(facts_.calls.at(0).known.size(), 1U);
  EXPECT_EQ(facts_.calls[0].known[0].campaign, CampaignId{8});
}

TEST_F(ReconcilerTest, AChangeThatWasCommittedLateIsNotMissed) {
  (void)turn();
  clock_.advance_ms(overlap_ms / 2);
  (void)turn();
  // Its transaction had begun before the pass that could not see it yet.
  facts_.add(9, 5).issued = 6;
  facts_.campaigns[CampaignId{9}].changed_at = clock_.now() + -overlap_ms / 2;
  (void)turn();
  EXPECT_EQ(drift("issued_is_coupons"), 1);
}

TEST_F(ReconcilerTest, DuplicateClaimsAreJudgedOnlyByTheFullPassThatCountsThem) {
  facts_.add(7, 5).duplicate_claims = 1;
  (void)turn();
  EXPECT_EQ(drift("no_duplicate_claims"), 1);
  (void)turn();  // a recent pass, which does not count them
  EXPECT_EQ(drift("no_duplicate_claims"), 1);
  facts_.add(7, 5);
  clock_.advance_ms(300'000);
  (void)turn();
  EXPECT_EQ(drift("no_duplicate_claims"), 0);
}

TEST_F(ReconcilerTest, AStoreThatIsDownIsToldOnceAndWaitedFor) {
  facts_.add(1, 5);
  facts_.is_down = true;
  for (int i = 0; i < 5; ++i) (void)turn();
  EXPECT_THAT(logger_.taken(),
              ElementsAre("warning the store does not answer; waiting for it error=connection refused"));
  EXPECT_EQ(metrics_.value("openrun_reconciler_store_up"), 0);
  EXPECT_EQ(reconciler_.not_ready_reason(), "waiting for Postgres");
  EXPECT_EQ(checked(), 0);
  facts_.is_down = false;
  (void)turn();
  EXPECT_THAT(logger_.taken(), ElementsAre("info the store answers again"));
  EXPECT_EQ(metrics_.value("openrun_reconciler_store_up"), 1);
  EXPECT_GE(checked(), 1);
  facts_.is_down = true;
  (void)turn();
  EXPECT_EQ(logger_.taken().size(), 1U);
}

TEST_F(ReconcilerTest, AnOutageIsNoRepair) {
  facts_.add(7, 5).issued = 6;
  (void)turn();
  facts_.is_down = true;
  (void)turn();
  EXPECT_EQ(drift("issued_is_coupons"), 1);
}

TEST_F(ReconcilerTest, EachPassOverAllIsKeptForThePage) {
  facts_.add(1, 5);
  facts_.add(2, 3);
  (void)turn();
  ASSERT_EQ(results_.kept.size(), 1U);
  const ports::AuditResult& first = results_.kept.front();
  EXPECT_EQ(first.kind, ports::AuditKind::reconciler);
  EXPECT_EQ(first.done_by, "openrun-reconciler");
  EXPECT_EQ(first.campaigns, 2U);
  EXPECT_EQ(first.coupons, 8U);
  EXPECT_EQ(first.found, 0U);
  for (int i = 0; i < 5; ++i) (void)turn();
  EXPECT_EQ(results_.kept.size(), 1U);  // nothing is new
  clock_.advance_ms(300'000);
  (void)turn();
  EXPECT_EQ(results_.kept.size(), 2U);
}

TEST_F(ReconcilerTest, WhatIsFoundOrGoneBetweenPassesIsKeptTooButNotAtEveryTurn) {
  facts_.add(7, 5);
  (void)turn();
  facts_.add(7, 5).issued = 6;
  for (int i = 0; i < 3; ++i) (void)turn();
  ASSERT_EQ(results_.kept.size(), 2U);
  EXPECT_EQ(results_.kept[1].found, 1U);
  ASSERT_EQ(results_.kept[1].findings.size(), 1U);
  EXPECT_EQ(results_.kept[1].findings[0].invariant, "issued_is_coupons");
  EXPECT_EQ(results_.kept[1].findings[0].text, "campaign 7: issued 6, coupons 5");
  for (int i = 0; i < 20; ++i) {
    facts_.add(7, 5).issued = 6 + i % 2;  // another subject each time
    facts_.add(static_cast<std::uint32_t>(8 + i), 5).issued = 6;
    (void)turn();
  }
  EXPECT_LE(results_.kept.size(), 2U + 20U * 2'000U / keep_interval_ms + 1U);
  EXPECT_EQ(results_.kept.back().findings.size(), std::min<std::size_t>(results_.kept.back().found, 20));
}

TEST_F(ReconcilerTest, ACouponThatWasToldAndIsNotStoredIsAFinding) {
  facts_.add(7, 5);
  (void)turn();
  missing_ = 2;
  for (int i = 0; i < 3; ++i) (void)turn();
  ASSERT_EQ(results_.kept.size(), 2U);
  EXPECT_EQ(results_.kept[1].found, 2U);
  EXPECT_EQ(results_.kept[1].findings.at(0).invariant, "acknowledged_is_issued");
}

TEST_F(ReconcilerTest, AResultThatCannotBeKeptIsToldOnceAndTriedAgain) {
  facts_.add(7, 5);
  results_.is_down = true;
  for (int i = 0; i < 10; ++i) (void)turn();
  EXPECT_THAT(logger_.taken(),
              ElementsAre("warning what was found cannot be kept for the page error=permission denied"));
  EXPECT_GT(results_.calls, 1);
  EXPECT_EQ(reconciler_.not_ready_reason(), "");
  results_.is_down = false;
  for (int i = 0; i < 3; ++i) (void)turn();
  EXPECT_EQ(results_.kept.size(), 1U);
}

TEST_F(ReconcilerTest, AFullPassIsSpreadOverTurnsAndEnds) {
  for (std::uint32_t id = 1; id <= 500; ++id) facts_.add(id, 1);
  for (auto& [id, campaign] : facts_.campaigns) campaign.changed_at = Timestamp{1};  // none is recent
  facts_.call_takes_ms = 1'500;
  (void)turn();
  EXPECT_LT(checked(), 200);
  for (int i = 0; i < 10; ++i) (void)turn();
  EXPECT_EQ(checked(), 500);
}

TEST_F(ReconcilerTest, ItRestsLongerThanItWorks) {
  facts_.call_takes_ms = 1'000;
  facts_.add(1, 1);
  EXPECT_EQ(turn(), 2'000 * rest_factor);  // one call for the recent ones and one for all
}

TEST_F(ReconcilerTest, AChunkThatTimesOutIsTriedSmaller) {
  for (std::uint32_t id = 1; id <= 40; ++id) facts_.add(id, 1);
  facts_.limit_that_times_out = 4;
  for (int i = 0; i < 60; ++i) (void)turn();
  EXPECT_GT(metrics_.value("openrun_reconciler_full_pass_timestamp_seconds"), 0);
}

}  // namespace
}  // namespace openrun::reconciler
