#include "cli/audit.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/crypto/coupon_chain.hpp>

namespace openrun::cli {
namespace {

class AuditTest : public ::testing::Test {
 protected:
  static std::array<std::uint8_t, 32> key() {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = 1;
    return bytes;
  }
  AuditedCoupon coupon(std::uint32_t sequence, std::int64_t offset) {
    AuditedCoupon c;
    c.campaign = CampaignId{5};
    c.sequence = Sequence{sequence};
    c.code = codes.encode({c.campaign, c.sequence}, crypto::CodeAlphabet::hangul);
    c.request_offset = Offset{offset};
    c.starts_at = Timestamp{1'000};
    c.issued_at = Timestamp{1'000 + offset};
    return c;
  }
  [[nodiscard]] std::string invariants() const {
    std::string names;
    for (const Finding& finding : audit.findings().kept()) names += finding.invariant + " ";
    return names;
  }
  void begin(Digest stored = crypto::chain_start(CampaignId{5})) {
    CampaignDigest campaign;
    campaign.campaign = CampaignId{5};
    campaign.stored = stored;
    audit.begin_coupons(campaign);
  }
  static Digest chain_of(const std::vector<AuditedCoupon>& coupons) {
    Digest head = crypto::chain_start(CampaignId{5});
    for (const AuditedCoupon& c : coupons) {
      head = crypto::chain_next(head, {c.sequence, c.request_partition, c.request_offset, c.issued_at, c.valid_until,
                                       c.user, c.idempotency_key, c.code});
    }
    return head;
  }
  crypto::CouponCodes codes{key()};
  Audit audit{codes};
};

TEST_F(AuditTest, CleanCouponsAreClean) {
  begin(chain_of({coupon(1, 10), coupon(2, 11)}));
  audit.coupon(coupon(1, 10));
  audit.coupon(coupon(2, 11));
  audit.end_coupons();
  audit.partition({Partition{0}, Offset{12}, 0, Offset{12}, Offset{12}});
  EXPECT_TRUE(audit.clean()) << invariants();
  EXPECT_EQ(audit.coupons(), 2U);
}

TEST_F(AuditTest, SeesACodeThatBelongsToAnotherRow) {
  begin();
  AuditedCoupon forged = coupon(1, 10);
  forged.code = coupon(2, 10).code;
  audit.coupon(forged);
  EXPECT_EQ(invariants(), "code_names_its_row ");
}

TEST_F(AuditTest, SeesSequencesThatDoNotFollowTheLog) {
  begin();
  audit.coupon(coupon(1, 10));
  audit.coupon(coupon(2, 9));
  EXPECT_EQ(invariants(), "sequences_follow_the_log ");
}

TEST_F(AuditTest, SeesACouponBeforeTheStart) {
  begin();
  AuditedCoupon early = coupon(1, 10);
  early.issued_at = Timestamp{999};
  audit.coupon(early);
  EXPECT_EQ(invariants(), "nobody_before_the_start ");
}

TEST_F(AuditTest, SeesAWrongCounter) {
  issuance::StoredCampaign campaign;
  campaign.campaign = CampaignId{5};
  campaign.stock = 10;
  campaign.issued = 2;
  campaign.coupons = 1;
  campaign.sequence_min = 1;
  campaign.sequence_max = 1;
  campaign.offset_max = 3;
  campaign.next_offset = 4;
  audit.campaign(campaign);
  EXPECT_FALSE(audit.clean());
}

TEST_F(AuditTest, SeesOutboxGapsAndACheckpointAhead) {
  audit.partition({Partition{0}, Offset{12}, 1, Offset{11}, Offset{13}});
  EXPECT_EQ(invariants(), "outbox_without_gap outbox_reaches_the_checkpoint published_only_what_is_committed ");
}

TEST_F(AuditTest, SeesByTheDigestThatARowWasChanged) {
  begin(chain_of({coupon(1, 10)}));
  AuditedCoupon changed = coupon(1, 10);
  changed.user = "somebody else";
  audit.coupon(changed);
  audit.end_coupons();
  EXPECT_EQ(invariants(), "campaign_digest_is_its_coupons ");
}

TEST_F(AuditTest, SeesByTheDigestThatARowIsMissing) {
  begin(chain_of({coupon(1, 10)}));
  audit.end_coupons();
  EXPECT_EQ(invariants(), "campaign_digest_is_its_coupons ");
}

TEST_F(AuditTest, SeesACouponWithoutACampaign) {
  audit.coupon(coupon(1, 10));
  EXPECT_EQ(invariants(), "coupon_has_a_campaign ");
}

}  // namespace
}  // namespace openrun::cli
