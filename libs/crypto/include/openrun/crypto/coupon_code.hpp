// Coupon codes: a keyed bijection of (campaign, sequence). Unique by construction, not guessable, and a code decrypts
// to its coupon's primary key, so that no index on codes is needed.
//
//   campaign < 2^31, sequence < 2^32  ->  63 bits  ->  numerals  ->  FF1  ->  symbols
//   hangul: 10 symbols of an alphabet of 150 (140 easy Hangul syllables and the digits): 150^10 > 2^72
//   latin:  13 symbols of Crockford's base 32: 32^13 = 2^65
//
// The spare bits must be zero after decryption: that refuses all but 1 in 2^9 (hangul) or 1 in 4 (latin) of invented
// codes, and the look-up in the store refuses the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/crypto/ff1.hpp>

namespace openrun::crypto {

enum class CodeAlphabet : std::uint8_t { hangul = 0, latin = 1 };

struct CouponKey {
  CampaignId campaign;
  Sequence sequence;
  bool operator==(const CouponKey&) const = default;
};

// Thread-safe after construction.
class CouponCodes {
 public:
  explicit CouponCodes(std::span<const std::uint8_t> key);

  // UTF-8: hangul in NFC, latin in upper case without hyphens. sequence >= 1, campaign within limits (asserted).
  [[nodiscard]] std::string encode(CouponKey key, CodeAlphabet alphabet) const;
  // The same of any number of coupons, into as many codes (asserted). Several at once cost a fraction of one by one
  // each (Ff1Strings).
  void encode(std::span<const CouponKey> keys, CodeAlphabet alphabet, std::span<std::string> codes) const;

  // Accepts hangul in NFC and NFD, latin in either case, with or without hyphens, and Crockford's look-alikes (O=0,
  // I=L=1). Empty where it is no code of this key: wrong length, a foreign symbol, or spare bits set.
  [[nodiscard]] std::optional<CouponKey> decode(std::string_view text) const;

  // Names the key without revealing it (16 hex digits). Stored at migration, checked at every start.
  [[nodiscard]] std::string fingerprint() const;

 private:
  CouponCodes(std::span<const std::uint8_t> key, const Ff1& cipher);

  Ff1Strings hangul_;
  Ff1Strings latin_;
  std::string fingerprint_;
};

}  // namespace openrun::crypto
