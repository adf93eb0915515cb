// Message authentication, keyed hashes and randomness over OpenSSL. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace openrun::crypto {

using Tag = std::array<std::uint8_t, 16>;

// A key of HMAC-SHA-256 (RFC 2104, FIPS 180-4), with all that depends on the key alone done once: who keeps one pays
// for two blocks a short message, where hmac_sha256() pays for four. The key must not be empty (asserted).
class HmacKey {
 public:
  explicit HmacKey(std::span<const std::uint8_t> key);
  [[nodiscard]] std::array<std::uint8_t, 32> sha256(std::span<const std::uint8_t> message) const;
  // Its first 128 bits.
  [[nodiscard]] Tag tag(std::span<const std::uint8_t> message) const;

 private:
  using State = std::array<std::uint32_t, 8>;  // of SHA-256 after one block
  State inner_;
  State outer_;
};

[[nodiscard]] std::array<std::uint8_t, 32> hmac_sha256(std::span<const std::uint8_t> key,
                                                       std::span<const std::uint8_t> message);
// Its first 128 bits.
[[nodiscard]] Tag hmac_tag(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message);

// Equal without telling by its duration where they differ. Different lengths are unequal at once.
[[nodiscard]] bool equal_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

// SipHash-2-4 (Aumasson and Bernstein, 2012); the two halves of its key as little-endian numbers.
[[nodiscard]] std::uint64_t siphash_2_4(std::uint64_t k0, std::uint64_t k1, std::span<const std::uint8_t> message);

// SipHash-2-4 of the campaign (4 bytes, little endian) and the user: the winners' set that gateways keep.
class UserHash {
 public:
  explicit UserHash(std::span<const std::uint8_t> key);  // 16 bytes (asserted)
  [[nodiscard]] std::uint64_t operator()(std::uint32_t campaign, std::string_view user) const;

 private:
  std::uint64_t k0_;
  std::uint64_t k1_;
};

// From the operating system's generator.
void random_bytes(std::span<std::uint8_t> out);
// A fast per-thread generator seeded from it, for nonces and jitter; not for keys.
[[nodiscard]] std::uint32_t random_u32();

[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
// Empty where the text is not hexadecimal of an even length.
[[nodiscard]] std::vector<std::uint8_t> from_hex(std::string_view text);
// URL-safe alphabet without padding (RFC 4648, section 5).
[[nodiscard]] std::string base64url(std::span<const std::uint8_t> bytes);
// False, and `out` empty, for anything that base64url() would not have written: padding, foreign characters, a length
// that no bytes have, trailing bits that are not zero.
[[nodiscard]] bool from_base64url(std::string_view text, std::vector<std::uint8_t>& out);

}  // namespace openrun::crypto
