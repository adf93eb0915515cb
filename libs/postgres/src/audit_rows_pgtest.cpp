// The rows of one moment, as `openrun audit --deep` reads them.
#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

class AuditRowsTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    store_ = coupon_store();
    writer_ = store_->take_over(Partition{0}).value();
    write(3, [](ports::CommitBatch& batch) {
      batch.payload = "first";
      batch.commands = {{CampaignId{7}, "create", Offset{0}, issuance::Outcome::command_applied}};
      batch.dead_letters.push_back({Offset{1}, Timestamp{1'700'000'000'000}, "7", "\xff", {{"h", "v"}}, "X", "e", 0});
    });
    write(2, [](ports::CommitBatch& batch) { batch.payload = "second"; });
    rows_ = make_audit_rows(options());
  }
  void write(std::uint32_t coupons, const std::function<void(ports::CommitBatch&)>& change) {
    ports::CommitBatch batch = sample_batch(writer_, campaign_, coupons);
    change(batch);
    ASSERT_EQ(store_->commit(batch).outcome, ports::CommitOutcome::committed);
    writer_.snapshot.next_offset = batch.next_offset;
  }
  issuance::Campaign campaign_ = sample_campaign(7);
  std::unique_ptr<ports::CouponStore> store_;
  ports::TakenOver writer_;
  std::unique_ptr<ports::AuditRows> rows_;
};

TEST_F(AuditRowsTest, EveryKindOfRowComesInTheOrderOfTheLogAndThenEnds) {
  const auto checkpoints = rows_->checkpoints();
  ASSERT_TRUE(checkpoints) << checkpoints.error().message;
  ASSERT_EQ(checkpoints->size(), 1U);
  EXPECT_EQ(checkpoints->at(0).next_offset, Offset{5});
  EXPECT_EQ(checkpoints->at(0).issued, 5);
  const auto campaigns = rows_->campaigns(Partition{0});
  ASSERT_TRUE(campaigns) << campaigns.error().message;
  ASSERT_EQ(campaigns->size(), 1U);
  EXPECT_EQ(campaigns->at(0).campaign, campaign_);
  EXPECT_EQ(campaigns->at(0).digest, (Digest{0xD1, 5}));
  EXPECT_EQ(campaigns->at(0).first_command, Offset{0});
  EXPECT_EQ(campaigns->at(0).counters_offset, Offset{4});
  ASSERT_TRUE(rows_->open(Partition{0}));
  const auto coupons = rows_->next_coupons();
  ASSERT_TRUE(coupons) << coupons.error().message;
  ASSERT_EQ(coupons->size(), 5U);
  EXPECT_EQ(coupons->at(4).user, "user-7-5");
  EXPECT_EQ(coupons->at(4).request_offset, Offset{4});
  EXPECT_EQ(coupons->at(4).request_nonce, 0U - 5);
  EXPECT_TRUE(rows_->next_coupons()->empty());
  EXPECT_EQ(rows_->next_commands()->at(0).idempotency_key, "create");
  const auto letters = rows_->next_dead_letters();
  ASSERT_TRUE(letters) << letters.error().message;
  EXPECT_EQ(letters->at(0).row.value, "\xff");
  EXPECT_EQ(letters->at(0).row.headers, (ports::Headers{{"h", "v"}}));
  EXPECT_FALSE(letters->at(0).final_offset);
  const auto outbox = rows_->next_outbox_rows();
  ASSERT_EQ(outbox->size(), 2U);
  EXPECT_EQ(outbox->at(1).payload, "second");
  EXPECT_EQ(rows_->outbox_row(Partition{0}, Offset{0}).value()->payload, "first");
  EXPECT_FALSE(rows_->outbox_row(Partition{0}, Offset{1}).value());
}

TEST_F(AuditRowsTest, WhatIsWrittenLaterIsNotSeen) {
  ASSERT_TRUE(rows_->checkpoints());
  write(1, [](ports::CommitBatch&) {});
  database().rows("UPDATE campaign SET issued = 0");
  EXPECT_EQ(rows_->checkpoints()->at(0).next_offset, Offset{5});
  EXPECT_EQ(rows_->campaign(CampaignId{7}).value()->campaign.issued, 5U);
  ASSERT_TRUE(rows_->open(Partition{0}));
  EXPECT_EQ(rows_->next_coupons()->size(), 5U);
  ASSERT_TRUE(rows_->open(Partition{0})) << "a second walk begins anew";
  EXPECT_EQ(rows_->next_coupons()->size(), 5U);
}

}  // namespace
}  // namespace openrun::postgres::test
