#include <random>
#include <string>

#include <gtest/gtest.h>

#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/receipt.hpp>

namespace openrun::crypto {
namespace {

ReceiptKey a_key(std::uint8_t id, std::uint8_t fill) {
  return {id, std::vector<std::uint8_t>(32, fill)};
}

Receipt a_receipt() {
  return {Partition{3}, Offset{123'456'789'012}, CampaignId{42}, 0xDEADBEEF};
}

TEST(Receipts, AreReadBackByWhoeverHoldsTheKey) {
  const ReceiptSigner signer({a_key(1, 0x11)});
  const std::string text = signer.sign(a_receipt());
  EXPECT_EQ(text.size(), 47U);
  EXPECT_EQ(ReceiptSigner({a_key(1, 0x11)}).verify(text), std::optional(a_receipt()));
}

TEST(Receipts, HoldTheFullRangeOfEachField) {
  const ReceiptSigner signer({a_key(255, 0x11)});
  const Receipt largest{Partition{65'535}, Offset{std::numeric_limits<std::int64_t>::max()}, CampaignId{0xFFFFFFFF},
                        0xFFFFFFFF};
  EXPECT_EQ(signer.verify(signer.sign(largest)), std::optional(largest));
  const Receipt smallest{};
  EXPECT_EQ(signer.verify(signer.sign(smallest)), std::optional(smallest));
}

TEST(Receipts, HaveTheWrittenLayout) {
  const ReceiptSigner signer({a_key(9, 0x11)});
  std::vector<std::uint8_t> bytes;
  ASSERT_TRUE(from_base64url(signer.sign(a_receipt()), bytes));
  const std::string facts =
      "09"
      "0003"
      "0000002a"
      "0000001cbe991a14"
      "deadbeef";
  EXPECT_EQ(hex(std::span(bytes).first(19)), facts);
  EXPECT_EQ(hex(std::span(bytes).subspan(19)), hex(hmac_tag(std::vector<std::uint8_t>(32, 0x11), from_hex(facts))));
}

TEST(Receipts, AnyOtherTextIsRefused) {
  const ReceiptSigner signer({a_key(1, 0x11)});
  const std::string text = signer.sign(a_receipt());
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : std::string("AZaz09-_=. ")) {
      std::string other = text;
      other[i] = c;
      EXPECT_EQ(signer.verify(other).has_value(), other == text);
    }
  }
  EXPECT_FALSE(signer.verify(""));
  EXPECT_FALSE(signer.verify(text + "A"));
  EXPECT_FALSE(signer.verify(text.substr(1)));
  EXPECT_FALSE(signer.verify(std::string(47, 'A')));
}

TEST(Receipts, AnOldKeyStillVerifiesAndTheNewestSigns) {
  const ReceiptSigner before({a_key(1, 0x11)});
  const ReceiptSigner after({a_key(1, 0x11), a_key(2, 0x22)});
  EXPECT_EQ(after.verify(before.sign(a_receipt())), std::optional(a_receipt()));
  EXPECT_FALSE(before.verify(after.sign(a_receipt())));
  EXPECT_EQ(ReceiptSigner({a_key(2, 0x22)}).verify(after.sign(a_receipt())), std::optional(a_receipt()));
}

TEST(Receipts, AKeyOfTheSameIdButOtherBytesRefuses) {
  EXPECT_FALSE(ReceiptSigner({a_key(1, 0x12)}).verify(ReceiptSigner({a_key(1, 0x11)}).sign(a_receipt())));
}

TEST(Receipts, TheIdInAReceiptIsThatOfItsKey) {
  EXPECT_FALSE(ReceiptSigner({a_key(2, 0x11)}).verify(ReceiptSigner({a_key(1, 0x11)}).sign(a_receipt())));
}

TEST(ReceiptsDeathTest, ASignerNeedsAKeyOf32Bytes) {
  EXPECT_DEATH(ReceiptSigner({}), "at least one key");
  EXPECT_DEATH(ReceiptSigner({ReceiptKey{1, {1, 2, 3}}}), "32 bytes");
}

}  // namespace
}  // namespace openrun::crypto
