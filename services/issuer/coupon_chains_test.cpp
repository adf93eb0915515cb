#include "issuer/coupon_chains.hpp"

#include <gtest/gtest.h>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::issuer {
namespace {

const std::vector<std::uint8_t> code_key(32, 7);

issuance::Campaign campaign(std::uint32_t id) {
  issuance::Campaign one;
  one.id = CampaignId{id};
  return one;
}

ports::CouponRow coupon(std::uint32_t campaign, std::uint32_t sequence, const std::string& user) {
  ports::CouponRow row;
  row.campaign = CampaignId{campaign};
  row.sequence = Sequence{sequence};
  row.user = user;
  row.request_offset = Offset{sequence};
  return row;
}

// Two campaigns whose coupons alternate, on top of `chains`.
ports::CommitBatch batch_of(std::uint32_t first_sequence) {
  ports::CommitBatch batch;
  batch.partition = Partition{3};
  batch.campaigns = {campaign(1), campaign(2)};
  for (std::uint32_t i = first_sequence; i < first_sequence + 3; ++i) {
    batch.coupons.push_back(coupon(1, i, "a" + std::to_string(i)));
    batch.coupons.push_back(coupon(2, i, "b" + std::to_string(i)));
  }
  return batch;
}

Digest chain_of(const std::vector<ports::CommitBatch>& batches, std::uint32_t campaign) {
  Digest head = crypto::chain_start(CampaignId{campaign});
  for (const ports::CommitBatch& batch : batches) {
    for (const ports::CouponRow& row : batch.coupons) {
      if (row.campaign != CampaignId{campaign}) continue;
      head = crypto::chain_next(head, {row.sequence, batch.partition, row.request_offset, row.issued_at,
                                       row.valid_until, row.user, row.idempotency_key, row.code});
    }
  }
  return head;
}

class CouponChainsTest : public ::testing::Test {
 protected:
  crypto::CouponCodes codes_{code_key};
  CouponChains chains_{codes_};
};

TEST_F(CouponChainsTest, EachCampaignHasAChainOfItsOwnFromBatchToBatch) {
  chains_.reset({});
  ports::CommitBatch first = batch_of(1);
  chains_.complete(first);
  EXPECT_EQ(first.digests, (std::vector{chain_of({first}, 1), chain_of({first}, 2)}));
  chains_.committed(first);
  ports::CommitBatch second = batch_of(4);
  chains_.complete(second);
  EXPECT_EQ(second.digests, (std::vector{chain_of({first, second}, 1), chain_of({first, second}, 2)}));
  EXPECT_FALSE(second.coupons.back().code.empty());
}

TEST_F(CouponChainsTest, ABatchThatWasNotCommittedLeavesNothingBehind) {
  chains_.reset({});
  ports::CommitBatch lost = batch_of(1);
  chains_.complete(lost);
  ports::CommitBatch again = batch_of(1);
  again.coupons.pop_back();
  chains_.complete(again);
  EXPECT_EQ(again.digests, (std::vector{chain_of({again}, 1), chain_of({again}, 2)}));
}

TEST_F(CouponChainsTest, ABatchThatIsCompletedTwiceStaysAsItIs) {
  chains_.reset({});
  ports::CommitBatch batch = batch_of(1);
  chains_.complete(batch);
  const std::string payload = batch.payload;
  chains_.complete(batch);
  EXPECT_EQ(batch.payload, payload);
}

TEST_F(CouponChainsTest, GoesOnFromWhatTheStoreHolds) {
  ports::TakenOver taken;
  taken.snapshot.campaigns = {campaign(1), campaign(2)};
  taken.digests = {Digest{1}, Digest{2}};
  ports::CommitBatch stale = batch_of(1);
  chains_.complete(stale);
  chains_.committed(stale);
  chains_.reset(taken);
  ports::CommitBatch refusals_only;
  refusals_only.campaigns = {campaign(2)};
  chains_.complete(refusals_only);
  EXPECT_EQ(refusals_only.digests, std::vector{Digest{2}});
}

}  // namespace
}  // namespace openrun::issuer
