#include "issuer/coupon_chains.hpp"

#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/crypto/coupon_chain.hpp>

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

constexpr Partition partition{3};

// What the chain of a campaign with these coupons has to be.
Digest chain_of(Digest head, const std::vector<ports::CouponRow>& coupons, std::uint32_t campaign) {
  for (const ports::CouponRow& row : coupons) {
    if (row.campaign != CampaignId{campaign}) continue;
    head = crypto::chain_next(head, {row.sequence, partition, row.request_offset, row.issued_at, row.valid_until,
                                     row.user, row.idempotency_key, row.code});
  }
  return head;
}

class CouponChainsTest : public ::testing::Test {
 protected:
  void extend(std::vector<ports::CouponRow>& coupons) { chains_.extend(partition, coupons); }

  crypto::CouponCodes codes_{code_key};
  CouponChains chains_{codes_};
};

TEST_F(CouponChainsTest, EachCampaignHasAChainOfItsOwn) {
  std::vector coupons{coupon(1, 1, "ann"), coupon(2, 1, "ann"), coupon(1, 2, "bob"), coupon(2, 2, "cas")};
  extend(coupons);
  EXPECT_EQ(chains_.head(CampaignId{1}), chain_of(crypto::chain_start(CampaignId{1}), coupons, 1));
  EXPECT_EQ(chains_.head(CampaignId{2}), chain_of(crypto::chain_start(CampaignId{2}), coupons, 2));
  EXPECT_EQ(chains_.head(CampaignId{3}), crypto::chain_start(CampaignId{3}));
}

TEST_F(CouponChainsTest, ACouponGetsTheCodeOfItsAlphabet) {
  std::vector coupons{coupon(1, 1, "ann"), coupon(1, 2, "bob")};
  coupons[1].code_format = issuance::CodeFormat::latin;
  extend(coupons);
  EXPECT_EQ(coupons[0].code, codes_.encode({CampaignId{1}, Sequence{1}}, crypto::CodeAlphabet::hangul));
  EXPECT_EQ(coupons[1].code, codes_.encode({CampaignId{1}, Sequence{2}}, crypto::CodeAlphabet::latin));
}

// Two campaigns and both alphabets in runs shorter and longer than what is worked on at once, as one piece and as many.
TEST_F(CouponChainsTest, CouponsTogetherAreCompletedLikeEachAlone) {
  constexpr auto bound = static_cast<std::uint32_t>(crypto::Ff1Strings::side_by_side);
  std::vector<ports::CouponRow> together;
  for (std::uint32_t i = 1; i <= 4 * bound; ++i) {
    together.push_back(coupon(i % 3 == 0 ? 2 : 1, i, "user-" + std::to_string(i)));
    if (i > bound / 2 && i < 3 * bound) together.back().code_format = issuance::CodeFormat::latin;
  }
  std::vector alone = together;
  extend(together);
  CouponChains other(codes_);
  for (ports::CouponRow& row : alone) other.extend(partition, std::span(&row, 1));
  for (std::size_t i = 0; i < together.size(); ++i) ASSERT_EQ(together[i].code, alone[i].code) << i;
  for (const std::uint32_t id : {1U, 2U}) {
    EXPECT_EQ(chains_.head(CampaignId{id}), other.head(CampaignId{id}));
    EXPECT_EQ(chains_.head(CampaignId{id}), chain_of(crypto::chain_start(CampaignId{id}), together, id));
  }
}

TEST_F(CouponChainsTest, GoesOnFromWhatTheStoreHoldsAndForgetsWhatItDoesNotHold) {
  std::vector lost{coupon(1, 1, "ann"), coupon(2, 1, "ann")};
  extend(lost);
  ports::TakenOver taken;
  taken.snapshot.campaigns = {campaign(1)};
  taken.digests = {Digest{1}};
  chains_.reset(taken);
  EXPECT_EQ(chains_.head(CampaignId{2}), crypto::chain_start(CampaignId{2}));
  std::vector coupons{coupon(1, 8, "bob")};
  extend(coupons);
  EXPECT_EQ(chains_.head(CampaignId{1}), chain_of(Digest{1}, coupons, 1));
}

}  // namespace
}  // namespace openrun::issuer
