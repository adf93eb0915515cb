// A batch with so many coupons that they are copied: it must leave and say what a small one does.
#include <string>

#include <openrun/base/limits.hpp>

#include "commit.hpp"
#include "commit_fixture.hpp"

namespace openrun::postgres::test {
namespace {

constexpr auto many = static_cast<std::uint32_t>(copied_coupons_min);
const std::string nothing = "0 0 0 0 0 0";

class CopiedCommit : public Commit {
 protected:
  ports::CommitBatch batch_of(std::uint32_t coupons) { return sample_batch(writer_, campaign_, coupons); }

  issuance::Campaign campaign_ = sample_campaign(7, 1'000'000);
};

// The same coupons of two campaigns, in one batch and in two.
TEST_F(CopiedCommit, LeavesTheSameRowsAsSmallerBatches) {
  std::vector<ports::CouponRow> rows = batch_of(many).coupons;
  rows[1].user = "사용자";
  rows[1].idempotency_key = "열쇠";
  rows[1].code = "가나다라마바사아자1";
  rows[2].valid_until = Timestamp{limits::timestamp_ms_max};
  rows[3].valid_until = Timestamp{0};
  rows[3].request_nonce = 0xFFFFFFFF;
  rows[4].user.assign(limits::user_id_bytes_max, 'x');
  rows[5].sequence = Sequence{4'294'967'295};
  const auto written = [&](std::uint32_t campaign, std::size_t from, std::size_t to) {
    issuance::Campaign touched = sample_campaign(campaign, 1'000'000, many);
    ports::CommitBatch batch = sample_batch(writer_, touched, 0);
    for (std::size_t i = from; i < to; ++i) batch.coupons.emplace_back(rows[i]).campaign = CampaignId{campaign};
    return commit(batch);
  };
  ASSERT_EQ(written(7, 0, many), CommitOutcome::committed) << last_message_;
  ASSERT_EQ(written(8, 0, many / 2), CommitOutcome::committed) << last_message_;
  ASSERT_EQ(written(8, many / 2, many), CommitOutcome::committed) << last_message_;
  const std::string columns =
      "sequence, user_id, idempotency_key, code, status, issued_at, valid_until, used_at, redeem_key, "
      "request_partition, request_offset, request_nonce";
  EXPECT_EQ(database().value("SELECT count(*) FROM coupon"), std::to_string(2 * many));
  EXPECT_EQ(database().value("SELECT count(*) FROM (SELECT " + columns +
                             " FROM coupon WHERE campaign_id = 7 INTERSECT SELECT " + columns +
                             " FROM coupon WHERE campaign_id = 8) AS same"),
            std::to_string(many));
}

TEST_F(CopiedCommit, IsOneTransaction) {
  ASSERT_EQ(commit(batch_of(many)), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(everything(), "1000 1 1 0 0 1000");
  EXPECT_EQ(
      database().value("SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM coupon UNION ALL SELECT xmin FROM "
                       "campaign UNION ALL SELECT xmin FROM outbox UNION ALL SELECT xmin FROM "
                       "partition_checkpoint) AS written"),
      "1");
}

TEST_F(CopiedCommit, AProbeLeavesNothingBehindAndTheConnectionGoesOn) {
  const ports::CommitBatch batch = batch_of(many);
  EXPECT_EQ(store_->probe(batch).outcome, CommitOutcome::committed);
  EXPECT_EQ(everything(), nothing);
  EXPECT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(store_->probe(batch).outcome, CommitOutcome::fenced);
}

TEST_F(CopiedCommit, AnotherExpectedOffsetIsFenced) {
  ASSERT_EQ(commit(batch_of(1)), CommitOutcome::committed) << last_message_;
  ports::CommitBatch batch = batch_of(many);
  batch.expected_next_offset = Offset{0};
  EXPECT_EQ(commit(batch), CommitOutcome::fenced);
  EXPECT_EQ(everything(), "1 1 1 0 0 1");
}

TEST_F(CopiedCommit, AUserThatNoTextCanHoldIsRefusedAndNothingIsWritten) {
  ports::CommitBatch batch = batch_of(10'000);
  for (const std::string& user : {std::string("a\0b", 3), std::string("\xff\xfe"), std::string("\xed\xa0\x80")}) {
    // Early, so that most of the rows are on their way when the server has given up.
    batch.coupons[1].user = user;
    EXPECT_EQ(store_->probe(batch).outcome, CommitOutcome::refused);
    EXPECT_EQ(commit(batch), CommitOutcome::refused);
    EXPECT_EQ(everything(), nothing);
  }
}

TEST_F(CopiedCommit, TheSameClaimTwiceIsAConflict) {
  ASSERT_EQ(commit(batch_of(2)), CommitOutcome::committed) << last_message_;
  ports::CommitBatch batch = batch_of(many);
  batch.coupons[many - 1].user = "user-7-1";
  EXPECT_EQ(commit(batch), CommitOutcome::conflict);
  EXPECT_EQ(last_message_.find("user-7"), std::string::npos) << last_message_;
  EXPECT_EQ(everything(), "2 1 1 0 0 2");
}

TEST_F(CopiedCommit, WhatIsRefusedBehindTheCouponsTakesThemBack) {
  campaign_.terms.stock = many - 1;
  EXPECT_EQ(commit(batch_of(many)), CommitOutcome::rolled_back);
  EXPECT_EQ(everything(), nothing);
}

}  // namespace
}  // namespace openrun::postgres::test
