#include <gtest/gtest.h>

#include <openrun/crypto/coupon_chain.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

const ChainLink first{Sequence{1},  Partition{3}, Offset{41}, Timestamp{1'764'000'000'123},
                      std::nullopt, "user-1",     "",         "A1B2C3D4E5F6G"};
const ChainLink second{
    Sequence{2}, Partition{3}, Offset{45},           Timestamp{1'764'000'000'124}, Timestamp{1'764'000'001'000},
    "사용자",    "key",        "가나다라마바사아자1"};

// Computed apart, from the header's definition, with another implementation of SHA-256.
TEST(CouponChain, IsTheChainThatItsHeaderDefines) {
  const Digest start = chain_start(CampaignId{7});
  EXPECT_EQ(hex(start), "d32c2026645b6742e09c59da3243f8be9a9e0aa887d9d4cccacaacd29a68d472");
  const Digest one = chain_next(start, first);
  EXPECT_EQ(hex(one), "c702cd6745107d655ba6f8e802b008c4cd429594dde49905ad5ee39e64444eb1");
  EXPECT_EQ(hex(chain_next(one, second)), "eaf773467071c59f42063fab0f4cd8322ba154d825e0c7dd5feb679dc0c87732");
}

TEST(CouponChain, EveryPartOfACouponCounts) {
  const Digest start = chain_start(CampaignId{7});
  const Digest whole = chain_next(start, second);
  const auto changed = [&](auto change) {
    ChainLink link = second;
    change(link);
    return chain_next(start, link) != whole;
  };
  EXPECT_TRUE(changed([](ChainLink& link) { link.sequence.value += 1; }));
  EXPECT_TRUE(changed([](ChainLink& link) { link.request_partition.value += 1; }));
  EXPECT_TRUE(changed([](ChainLink& link) { link.request_offset.value += 1; }));
  EXPECT_TRUE(changed([](ChainLink& link) { link.issued_at.value += 1; }));
  EXPECT_TRUE(changed([](ChainLink& link) { link.valid_until.reset(); }));
  EXPECT_TRUE(changed([](ChainLink& link) { link.user = "사용"; }));
  EXPECT_TRUE(changed([](ChainLink& link) { link.code = "가나다라마바사아자2"; }));
  EXPECT_TRUE(changed([](ChainLink& link) {
    link.user = "사용자k";
    link.idempotency_key = "ey";
  }));
  EXPECT_NE(chain_start(CampaignId{8}), start);
}

}  // namespace
}  // namespace openrun::crypto
