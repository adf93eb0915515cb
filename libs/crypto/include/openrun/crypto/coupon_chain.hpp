// The chain over a campaign's coupons: one digest that stands for all of them in their order, so that a later change of
// any row is found by whoever knows the digest. SHA-256 (FIPS 180-4):
//
//   head 0 = H( "openrun coupon chain 1" | campaign:4 )
//   head n = H( head n-1 | sequence:8 | partition:4 | offset:8 | issued_at ms:8 | valid_until ms:8, -1 for none
//               | length:4 user | length:4 idempotency key | length:4 code )            numbers big endian
//
// The SQL function coupon_chain(campaign) of the schema computes the same from the rows. Pure functions; any thread.
#pragma once

#include <optional>
#include <string_view>

#include <openrun/base/digest.hpp>
#include <openrun/base/ids.hpp>

namespace openrun::crypto {

// What of a coupon never changes. Redeeming it does not break the chain.
struct ChainLink {
  Sequence sequence;
  Partition request_partition;
  Offset request_offset;
  Timestamp issued_at;
  std::optional<Timestamp> valid_until;
  std::string_view user;
  std::string_view idempotency_key;
  std::string_view code;
};

// The head of a campaign without coupons.
[[nodiscard]] Digest chain_start(CampaignId campaign);
// The head after one more coupon. Links come in order of their sequences, without gaps (the caller sees to it).
[[nodiscard]] Digest chain_next(const Digest& head, const ChainLink& link);

}  // namespace openrun::crypto
