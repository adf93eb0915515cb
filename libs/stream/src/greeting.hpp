// What the two sides say before the first message, and what they draw from it. Pure but for randomness; any thread.
//
//   broadcaster -> listener   its nonce, 32 bytes
//   listener -> broadcaster   its nonce, 32 bytes; HMAC-SHA-256 of both under the invitation's key, 32 bytes
//   broadcaster -> listener   messages, sealed by the session's key (frames.hpp)
//
// The session's key is another HMAC of both nonces: no key seals two connections, and nobody who lacks the invitation's
// can answer for either side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openrun/crypto/sealing.hpp>

namespace openrun::stream {

inline constexpr std::size_t nonce_bytes = 32;
inline constexpr std::size_t answer_bytes = nonce_bytes + 32;
using Nonce = std::array<std::uint8_t, nonce_bytes>;

struct Invitation {
  std::string host;  // numeric
  std::uint16_t port = 0;
  crypto::SealingKey key{};

  // "1 192.0.2.1 9104 <key in hexadecimal>".
  [[nodiscard]] std::string text() const;
};
// Empty for anything that text() would not have written, a later version's among it.
[[nodiscard]] std::optional<Invitation> read_invitation(std::string_view text);

[[nodiscard]] Nonce random_nonce();
// The listener's answer to a nonce, and the key that it expects from then on.
struct Answer {
  std::array<std::uint8_t, answer_bytes> bytes{};
  crypto::SealingKey session{};
};
[[nodiscard]] Answer answer(const Invitation& invitation, std::span<const std::uint8_t, nonce_bytes> broadcaster);
// The session's key; empty where whoever answered does not know the invitation.
[[nodiscard]] std::optional<crypto::SealingKey> check_answer(const Invitation& invitation, const Nonce& broadcaster,
                                                             std::span<const std::uint8_t, answer_bytes> answer);

}  // namespace openrun::stream
