// Receipts: a place in the log under a MAC. Opaque, unguessable, readable by every gateway without shared state.
//
//   base64url( key id:1 | partition:2 | campaign:4 | offset:8 | nonce:4 | HMAC-SHA-256 truncated to 16 )   big endian,
//   47 characters
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {

struct Receipt {
  Partition partition;
  Offset offset;
  CampaignId campaign;
  std::uint32_t nonce = 0;  // stands in the record too
  bool operator==(const Receipt&) const = default;
};

struct ReceiptKey {
  std::uint8_t id = 0;
  std::vector<std::uint8_t> key;  // 32 bytes
};

// Verifies with all keys, signs with the last. Thread-safe after construction.
class ReceiptSigner {
 public:
  explicit ReceiptSigner(const std::vector<ReceiptKey>& keys);  // at least one (asserted)
  [[nodiscard]] std::string sign(const Receipt& receipt) const;
  // Empty for anything that was not signed with one of the keys; compared in constant time.
  [[nodiscard]] std::optional<Receipt> verify(std::string_view text) const;

 private:
  struct Key {
    std::uint8_t id;
    HmacKey key;
  };
  std::vector<Key> keys_;
};

}  // namespace openrun::crypto
