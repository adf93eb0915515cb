// What reconciler and audit compare.
#include <array>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

class Audit : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    auto store = coupon_store();
    auto writer = store->take_over(Partition{0}).value();
    for (const std::uint32_t coupons : {3U, 2U}) {
      const auto batch = sample_batch(writer, campaign_, coupons);
      ASSERT_EQ(store->commit(batch).outcome, ports::CommitOutcome::committed);
      writer.snapshot.next_offset = batch.next_offset;
    }
    issuance::Campaign empty = sample_campaign(8);
    ASSERT_EQ(store->commit(sample_batch(writer, empty, 0)).outcome, ports::CommitOutcome::committed);
    audit_ = make_audit_store(options(), logger_);
  }
  issuance::Campaign campaign_ = sample_campaign(7);
  std::unique_ptr<AuditStore> audit_;
};

TEST_F(Audit, ACampaignIsCountedFromItsRows) {
  const auto campaigns = audit_->stored_campaigns(CampaignId{0}, 10, Timestamp{0}, {});
  ASSERT_TRUE(campaigns) << campaigns.error().message;
  ASSERT_EQ(campaigns->size(), 2U);
  const issuance::StoredCampaign& first = (*campaigns)[0];
  EXPECT_EQ(first.campaign, CampaignId{7});
  EXPECT_EQ(first.stock, 1'000);
  EXPECT_EQ(first.issued, 5);
  EXPECT_EQ(first.coupons, 5);
  EXPECT_EQ(first.sequence_min, 1);
  EXPECT_EQ(first.sequence_max, 5);
  EXPECT_EQ(first.duplicate_claims, 0);
  EXPECT_EQ(first.offset_max, 4);
  EXPECT_EQ(first.next_offset, 6);
  EXPECT_EQ((*campaigns)[1].coupons, 0);
  EXPECT_EQ((*campaigns)[1].offset_max, -1);
  EXPECT_EQ(audit_->stored_campaigns(CampaignId{7}, 10, Timestamp{0}, {})->size(), 1U);
  EXPECT_EQ(audit_->stored_campaigns(CampaignId{0}, 1, Timestamp{0}, {})->size(), 1U);
}

TEST_F(Audit, WhatWasDamagedIsSeen) {
  database().rows("DELETE FROM coupon WHERE sequence = 2");
  database().rows("UPDATE coupon SET sequence = 9 WHERE sequence = 1");
  database().rows("ALTER TABLE coupon DROP CONSTRAINT coupon_user_id_campaign_id_idempotency_key_key");
  database().rows("UPDATE coupon SET user_id = 'same' WHERE sequence IN (3, 4)");
  const auto first = audit_->stored_campaigns(CampaignId{0}, 10, Timestamp{0}, {})->at(0);
  EXPECT_EQ(first.coupons, 4);
  EXPECT_EQ(first.sequence_min, 3);
  EXPECT_EQ(first.sequence_max, 9);
  EXPECT_EQ(first.duplicate_claims, 1);
  database().rows("DELETE FROM coupon");
  database().rows(
      "ALTER TABLE coupon ADD CONSTRAINT coupon_user_id_campaign_id_idempotency_key_key "
      "UNIQUE (user_id, campaign_id, idempotency_key)");
}

TEST_F(Audit, OnlyWhatChangedLatelyIsLookedAt) {
  database().rows("UPDATE campaign SET touched_at = '2001-01-01Z' WHERE id = 7");
  const auto campaigns = audit_->stored_campaigns(CampaignId{0}, 10, Timestamp{1'500'000'000'000}, {});
  ASSERT_EQ(campaigns->size(), 1U);
  EXPECT_EQ((*campaigns)[0].campaign, CampaignId{8});
}

TEST_F(Audit, GapsAreLookedForBehindWhatIsSound) {
  // Rows of offsets 0 to 2, 3 to 4 and 5.
  const auto facts = [this](std::map<Partition, Offset> sound) { return audit_->partitions(sound)->at(0); };
  EXPECT_EQ(facts({{Partition{0}, Offset{5}}}).outbox_gaps, 0);
  database().rows("UPDATE outbox SET first_offset = 4 WHERE first_offset = 3");
  EXPECT_EQ(facts({}).outbox_gaps, 1);
  EXPECT_EQ(facts({{Partition{1}, Offset{5}}}).outbox_gaps, 1) << "of another partition";
  EXPECT_EQ(facts({{Partition{0}, Offset{3}}}).outbox_gaps, 1) << "what comes next must begin where the sound ones end";
  const AuditStore::PartitionRow row = facts({{Partition{0}, Offset{5}}});
  EXPECT_EQ(row.outbox_gaps, 0) << "what was there is taken for what it was";
  EXPECT_EQ(row.outbox_first, Offset{0});
  EXPECT_EQ(row.outbox_next, Offset{6});
  EXPECT_EQ(row.outbox_backlog, 3);
  // A store that was restored ends before that.
  EXPECT_EQ(facts({{Partition{0}, Offset{50}}}).outbox_next, Offset{6});
  database().rows("DELETE FROM outbox WHERE first_offset = 4");
  EXPECT_EQ(facts({{Partition{0}, Offset{3}}}).outbox_gaps, 1);
  database().rows("DELETE FROM outbox");
  EXPECT_EQ(facts({{Partition{0}, Offset{5}}}).outbox_first, Offset{-1});
  EXPECT_EQ(facts({{Partition{0}, Offset{5}}}).outbox_next, Offset{-1});
}

TEST_F(Audit, OfAKnownCampaignOnlyNewCouponsAreRead) {
  const auto facts = [this](const issuance::StoredCampaign& known) {
    const std::array all{known, issuance::StoredCampaign{.campaign = CampaignId{99}, .coupons = 1}};
    return audit_->stored_campaigns(CampaignId{0}, 10, Timestamp{1}, all)->at(0);
  };
  issuance::StoredCampaign known = audit_->stored_campaigns(CampaignId{0}, 10, Timestamp{1}, {})->at(0);
  database().rows("DELETE FROM coupon WHERE sequence = 3");
  EXPECT_EQ(facts(known).coupons, 5) << "what was there is taken for what it was";
  EXPECT_EQ(facts(known).sequence_min, 1);
  EXPECT_EQ(facts(known).sequence_max, 5);
  EXPECT_EQ(facts(known).offset_max, 4);
  // Rows 4 and 5 are new, and must be there.
  known.coupons = known.sequence_max = 3;
  known.offset_max = 2;
  EXPECT_EQ(facts(known).coupons, 5);
  EXPECT_EQ(facts(known).offset_max, 4);
  database().rows("DELETE FROM coupon WHERE sequence = 4");
  EXPECT_EQ(facts(known).coupons, 4);
  EXPECT_EQ(facts(known).sequence_max, 5);
  // More than the counter says is not believed.
  database().rows("UPDATE campaign SET issued = 2 WHERE id = 7");
  EXPECT_EQ(facts(known).coupons, 3);
  EXPECT_EQ(facts(known).sequence_min, 1);
}

TEST_F(Audit, EveryCodeComesInOrder) {
  std::vector<AuditStore::CodeRow> rows;
  const auto count = audit_->each_code([&](const AuditStore::CodeRow& row) { rows.push_back(row); });
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 6U);
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[4].user, "user-7-5");
  EXPECT_EQ(rows[4].digest, (Digest{0xD1, 5}));
  EXPECT_EQ(rows[4].state, "open");
  EXPECT_EQ(rows[5].campaign, CampaignId{8}) << "a campaign without coupons comes too";
  EXPECT_EQ(rows[5].sequence, Sequence{0});
  EXPECT_EQ(rows[5].digest, (Digest{0xD1, 0}));
  EXPECT_EQ(rows[4].campaign, CampaignId{7});
  EXPECT_EQ(rows[4].sequence, Sequence{5});
  EXPECT_EQ(rows[4].code, "code-5");
  EXPECT_EQ(rows[4].request_partition, Partition{0});
  EXPECT_EQ(rows[4].request_offset, Offset{4});
  EXPECT_EQ(rows[4].issued_at, Timestamp{1'700'000'001'005});
  EXPECT_EQ(rows[4].starts_at, campaign_.terms.starts_at);
}

TEST_F(Audit, APartitionTellsOfItsOutbox) {
  auto outbox = make_outbox(options(), logger_);
  ASSERT_TRUE(outbox->set_published_through(Partition{0}, Offset{3}));
  database().rows("INSERT INTO partition_checkpoint VALUES (1, 4, 0, '1970-01-01Z', 0, 1)");
  database().rows(
      "INSERT INTO dead_letter (partition, \"offset\", log_time, key, value, headers, reason, error, replays) "
      "VALUES (0, 1, now(), '', '', '{}', 'X', '', 0)");
  const auto partitions = audit_->partitions({});
  ASSERT_TRUE(partitions) << partitions.error().message;
  ASSERT_EQ(partitions->size(), 2U);
  const AuditStore::PartitionRow& first = (*partitions)[0];
  EXPECT_EQ(first.epoch, Epoch{1});
  EXPECT_EQ(first.next_offset, Offset{6});
  EXPECT_EQ(first.outbox_first, Offset{0});
  EXPECT_EQ(first.outbox_next, Offset{6});
  EXPECT_EQ(first.outbox_gaps, 0);
  EXPECT_EQ(first.published_through, Offset{3});
  EXPECT_EQ(first.outbox_backlog, 2);
  EXPECT_EQ(first.open_dead_letters, 1);
  EXPECT_EQ(first.log_time, Timestamp{1'700'000'002'345});
  EXPECT_EQ((*partitions)[1].outbox_first, Offset{-1});
  EXPECT_EQ((*partitions)[1].outbox_next, Offset{-1});
  database().rows("DELETE FROM outbox WHERE first_offset = 3");
  EXPECT_EQ(audit_->partitions({})->at(0).outbox_gaps, 1);
}

TEST_F(Audit, CouponsAreSummedByRangeInTheOrderOfTheQuestion) {
  using Range = AuditStore::CouponRange;
  const std::vector<Range> ranges{{CampaignId{7}, Partition{0}, Sequence{4}, Sequence{5}},
                                  {CampaignId{9}, Partition{0}, Sequence{1}, Sequence{9}},
                                  {CampaignId{7}, Partition{0}, Sequence{1}, Sequence{2}},
                                  {CampaignId{7}, Partition{1}, Sequence{1}, Sequence{5}}};
  const auto sums = audit_->coupon_sums(ranges);
  ASSERT_TRUE(sums) << sums.error().message;
  ASSERT_EQ(sums->size(), 4U);
  // Sequence s stands at offset s - 1.
  EXPECT_EQ(sums->at(0).coupons, 2);
  EXPECT_EQ(sums->at(0).sum, 5U * 3 + 6U * 4);
  EXPECT_EQ(sums->at(1).coupons, 0);
  EXPECT_EQ(sums->at(1).sum, 0U);
  EXPECT_EQ(sums->at(2).coupons, 2);
  EXPECT_EQ(sums->at(2).sum, 3U * 1);
  EXPECT_EQ(sums->at(3).coupons, 0) << "their requests stood in another partition";
}

TEST_F(Audit, TheLargestNumbersThereAreCanBeSummed) {
  database().rows("UPDATE coupon SET sequence = 4294967295, request_offset = 9223372036854775807 WHERE sequence = 5");
  const auto sums =
      audit_->coupon_sums({{CampaignId{7}, Partition{0}, Sequence{4'294'967'295}, Sequence{4'294'967'295}}});
  ASSERT_TRUE(sums) << sums.error().message;
  const std::uint64_t weight = 4'294'967'295ULL % 1'000'003 + 1;
  EXPECT_EQ(sums->at(0).sum, weight * ((1ULL << 42) - 1) % (1ULL << 62));
}

TEST_F(Audit, CouponsOfARangeAreListedBySequence) {
  const auto keys = audit_->coupon_keys({CampaignId{7}, Partition{0}, Sequence{2}, Sequence{4}});
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->size(), 3U);
  EXPECT_EQ(keys->front().sequence, Sequence{2});
  EXPECT_EQ(keys->front().request_offset, Offset{1});
  EXPECT_EQ(keys->back().sequence, Sequence{4});
  EXPECT_EQ(audit_->checkpoints()->at(Partition{0}), Offset{6});
}

}  // namespace
}  // namespace openrun::postgres::test
