#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>

namespace openrun {
namespace {

// The length of the well-formed sequence at bytes[i], or 0 (RFC 3629, section 4).
std::size_t sequence_length(std::string_view bytes, std::size_t i) noexcept {
  const auto at = [&](std::size_t k) { return static_cast<unsigned char>(bytes[k]); };
  const auto within = [&](std::size_t k, unsigned low, unsigned high) {
    return k < bytes.size() && at(k) >= low && at(k) <= high;
  };
  const unsigned lead = at(i);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return within(i + 1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return within(i + 1, low, high) && within(i + 2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return within(i + 1, low, high) && within(i + 2, 0x80, 0xBF) && within(i + 3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::size_t utf8_length(std::string_view bytes) noexcept {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < bytes.size(); ++characters) {
    const std::size_t length = sequence_length(bytes, i);
    if (length == 0) return not_utf8;
    i += length;
  }
  return characters;
}

bool has_control_character(std::string_view bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c < 0x20 || c == 0x7F) return true;
    if (c == 0xC2 && i + 1 < bytes.size() && static_cast<unsigned char>(bytes[i + 1]) < 0xA0) return true;
  }
  return false;
}

bool is_valid_user_id(std::string_view bytes) noexcept {
  if (bytes.empty() || bytes.size() > limits::user_id_bytes_max || has_control_character(bytes)) return false;
  const std::size_t characters = utf8_length(bytes);
  return characters != not_utf8 && characters <= limits::user_id_characters_max;
}

bool is_valid_idempotency_key(std::string_view bytes) noexcept {
  if (bytes.empty() || bytes.size() > limits::idempotency_key_bytes_max) return false;
  for (const char c : bytes) {
    if (c < 0x20 || c > 0x7E) return false;
  }
  return true;
}

}  // namespace openrun
