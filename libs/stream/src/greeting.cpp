#include "greeting.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <openrun/crypto/mac.hpp>

#include "address.hpp"

namespace openrun::stream {
namespace {

constexpr std::string_view version = "1";

// HMAC of a purpose and both nonces.
crypto::SealingKey draw(const crypto::SealingKey& key, std::string_view purpose,
                        std::span<const std::uint8_t> broadcaster, std::span<const std::uint8_t> listener) {
  std::vector<std::uint8_t> text(purpose.begin(), purpose.end());
  text.insert(text.end(), broadcaster.begin(), broadcaster.end());
  text.insert(text.end(), listener.begin(), listener.end());
  return crypto::hmac_sha256(key, text);
}

constexpr std::string_view proof_purpose = "openrun stream 1 listener";
constexpr std::string_view session_purpose = "openrun stream 1 session";

// What stands before the next space; the rest stays in `text`.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

std::string Invitation::text() const {
  return std::string(version) + " " + host + " " + std::to_string(port) + " " + crypto::hex(key);
}

std::optional<Invitation> read_invitation(std::string_view text) {
  std::string_view rest = text;
  if (take_word(rest) != version) return std::nullopt;
  Invitation invitation;
  invitation.host = take_word(rest);
  const std::string_view port = take_word(rest);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), invitation.port);
  if (error != std::errc{} || end != port.data() + port.size() || invitation.port == 0) return std::nullopt;
  const std::vector<std::uint8_t> key = crypto::from_hex(rest);
  if (key.size() != invitation.key.size()) return std::nullopt;
  std::ranges::copy(key, invitation.key.begin());
  const auto address = numeric_address(invitation.host, invitation.port);
  if (!address || address->host() != invitation.host || invitation.text() != text) return std::nullopt;
  return invitation;
}

Nonce random_nonce() {
  Nonce nonce;
  crypto::random_bytes(nonce);
  return nonce;
}

Answer answer(const Invitation& invitation, std::span<const std::uint8_t, nonce_bytes> broadcaster) {
  const Nonce nonce = random_nonce();
  const auto proof = draw(invitation.key, proof_purpose, broadcaster, nonce);
  Answer made;
  std::ranges::copy(nonce, made.bytes.begin());
  std::ranges::copy(proof, made.bytes.begin() + nonce_bytes);
  made.session = draw(invitation.key, session_purpose, broadcaster, nonce);
  return made;
}

std::optional<crypto::SealingKey> check_answer(const Invitation& invitation, const Nonce& broadcaster,
                                               std::span<const std::uint8_t, answer_bytes> answer) {
  const auto listener = answer.first<nonce_bytes>();
  const auto proof = draw(invitation.key, proof_purpose, broadcaster, listener);
  if (!crypto::equal_constant_time(std::span(proof), answer.subspan<nonce_bytes>())) return std::nullopt;
  return draw(invitation.key, session_purpose, broadcaster, listener);
}

}  // namespace openrun::stream
