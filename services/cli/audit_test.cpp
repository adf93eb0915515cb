#include "cli/audit.hpp"

#include <array>

#include <gtest/gtest.h>

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
    for (const Finding& finding : audit.findings()) names += finding.invariant + " ";
    return names;
  }
  crypto::CouponCodes codes{key()};
  Audit audit{codes};
};

TEST_F(AuditTest, CleanCouponsAreClean) {
  audit.coupon(coupon(1, 10));
  audit.coupon(coupon(2, 11));
  audit.partition({Partition{0}, Offset{12}, 0, Offset{12}, Offset{12}});
  EXPECT_TRUE(audit.clean()) << invariants();
  EXPECT_EQ(audit.coupons(), 2U);
}

TEST_F(AuditTest, SeesACodeThatBelongsToAnotherRow) {
  AuditedCoupon forged = coupon(1, 10);
  forged.code = coupon(2, 10).code;
  audit.coupon(forged);
  EXPECT_EQ(invariants(), "code_names_its_row ");
}

TEST_F(AuditTest, SeesSequencesThatDoNotFollowTheLog) {
  audit.coupon(coupon(1, 10));
  audit.coupon(coupon(2, 9));
  EXPECT_EQ(invariants(), "sequences_follow_the_log ");
}

TEST_F(AuditTest, SeesACouponBeforeTheStart) {
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

}  // namespace
}  // namespace openrun::cli
