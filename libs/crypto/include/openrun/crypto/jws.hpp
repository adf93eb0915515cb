// Signatures of compact JWS (RFC 7515) as tokens of users carry them: HS256, RS256 and ES256 (RFC 7518). What stands in
// the header and the payload is JSON, and the caller's business. Thread-safe.
//
// A key has one algorithm, given when it is made. So no token can choose how a key is used: a public RSA key is never a
// secret of HMAC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {

enum class JwsAlgorithm : std::uint8_t { hs256, rs256, es256 };

// "HS256", "RS256", "ES256", exactly; empty for anything else, "none" above all.
[[nodiscard]] std::optional<JwsAlgorithm> jws_algorithm(std::string_view name);
[[nodiscard]] std::string_view to_string(JwsAlgorithm algorithm);

inline constexpr std::size_t jws_bytes_max = 8 * 1024;
inline constexpr std::size_t hmac_key_bytes_min = 32;  // RFC 7518, section 3.2
inline constexpr int rsa_bits_min = 2'048;             // section 3.3
inline constexpr int rsa_bits_max = 8'192;

// A token taken apart: header and payload decoded, and what is signed, which is a view into the token.
struct CompactJws {
  std::string header;
  std::string payload;
  std::vector<std::uint8_t> signature;
  std::string_view signed_text;
};
// Exactly three parts of base64url, none of them empty, at most jws_bytes_max together. Whatever else a text has
// (padding, white space, a fourth part, bits that base64url leaves over) is refused.
[[nodiscard]] std::optional<CompactJws> split_jws(std::string_view token);

class JwsKey {
 public:
  // Error::Kind::invalid says what is wrong with the key, without showing it.
  [[nodiscard]] static Result<JwsKey> hs256(std::span<const std::uint8_t> secret);
  // Both big endian, without a sign.
  [[nodiscard]] static Result<JwsKey> rs256(std::span<const std::uint8_t> modulus,
                                            std::span<const std::uint8_t> exponent);
  // A point of P-256, 32 bytes each.
  [[nodiscard]] static Result<JwsKey> es256(std::span<const std::uint8_t> x, std::span<const std::uint8_t> y);

  [[nodiscard]] JwsAlgorithm algorithm() const { return algorithm_; }
  // False too where `algorithm` is not the key's own. HS256 compares in constant time.
  [[nodiscard]] bool verify(JwsAlgorithm algorithm, std::string_view signed_text,
                            std::span<const std::uint8_t> signature) const;

 private:
  JwsKey(JwsAlgorithm algorithm, std::shared_ptr<const void> handle)
      : algorithm_(algorithm), handle_(std::move(handle)) {}
  explicit JwsKey(const HmacKey& mac) : algorithm_(JwsAlgorithm::hs256), mac_(mac) {}

  JwsAlgorithm algorithm_;
  std::shared_ptr<const void> handle_;  // OpenSSL's key; none for HMAC
  std::optional<HmacKey> mac_;          // of HMAC alone
};

}  // namespace openrun::crypto
