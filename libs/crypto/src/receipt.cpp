#include <algorithm>
#include <array>
#include <tuple>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/receipt.hpp>

namespace openrun::crypto {
namespace {

constexpr std::size_t facts_bytes = 1 + 2 + 4 + 8 + 4;
constexpr std::size_t receipt_bytes = facts_bytes + std::tuple_size_v<Tag>;
constexpr std::size_t receipt_characters = (receipt_bytes * 4 + 2) / 3;
constexpr std::int32_t partition_max = 65'535;
static_assert(receipt_characters == 47);

void put(std::span<std::uint8_t>& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i, value >>= 8) out[i - 1] = static_cast<std::uint8_t>(value);
  out = out.subspan(bytes);
}

std::uint64_t take(std::span<const std::uint8_t>& in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : in.first(bytes)) value = value << 8 | byte;
  in = in.subspan(bytes);
  return value;
}

}  // namespace

ReceiptSigner::ReceiptSigner(const std::vector<ReceiptKey>& keys) {
  OPENRUN_ASSERT(!keys.empty(), "a signer has at least one key");
  for (const ReceiptKey& key : keys) {
    OPENRUN_ASSERT(key.key.size() == 32, "a receipt key has 32 bytes");
    keys_.push_back({key.id, HmacKey(key.key)});
  }
}

std::string ReceiptSigner::sign(const Receipt& receipt) const {
  OPENRUN_ASSERT(receipt.partition.value >= 0 && receipt.partition.value <= partition_max && receipt.offset.value >= 0,
                 "a receipt names a place in the log");
  const Key& key = keys_.back();
  std::array<std::uint8_t, receipt_bytes> bytes{};
  std::span<std::uint8_t> out(bytes);
  put(out, key.id, 1);
  put(out, static_cast<std::uint64_t>(receipt.partition.value), 2);
  put(out, receipt.campaign.value, 4);
  put(out, static_cast<std::uint64_t>(receipt.offset.value), 8);
  put(out, receipt.nonce, 4);
  std::ranges::copy(key.key.tag(std::span(bytes).first(facts_bytes)), out.begin());
  return base64url(bytes);
}

std::optional<Receipt> ReceiptSigner::verify(std::string_view text) const {
  std::vector<std::uint8_t> bytes;
  if (text.size() != receipt_characters || !from_base64url(text, bytes)) return std::nullopt;
  const std::span<const std::uint8_t> facts = std::span(bytes).first(facts_bytes);
  const std::span<const std::uint8_t> tag = std::span(bytes).subspan(facts_bytes);
  const bool signed_by_us = std::ranges::any_of(
      keys_, [&](const Key& key) { return key.id == facts[0] && equal_constant_time(key.key.tag(facts), tag); });
  if (!signed_by_us) return std::nullopt;
  std::span<const std::uint8_t> in = facts.subspan(1);
  Receipt receipt;
  receipt.partition = Partition{static_cast<std::int32_t>(take(in, 2))};
  receipt.campaign = CampaignId{static_cast<std::uint32_t>(take(in, 4))};
  receipt.offset = Offset{static_cast<std::int64_t>(take(in, 8))};
  receipt.nonce = static_cast<std::uint32_t>(take(in, 4));
  return receipt;
}

}  // namespace openrun::crypto
