// Hexadecimal and base64url.
#include <array>

#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64url_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t foreign = 0xFF;

constexpr std::array<std::uint8_t, 256> base64url_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(foreign);
  for (std::size_t i = 0; i < base64url_digits.size(); ++i) {
    values[static_cast<unsigned char>(base64url_digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

std::uint8_t hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return foreign;
}

}  // namespace

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(hex_digits[byte >> 4]);
    out.push_back(hex_digits[byte & 15]);
  }
  return out;
}

std::vector<std::uint8_t> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return {};
  std::vector<std::uint8_t> out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::uint8_t high = hex_value(text[i]);
    const std::uint8_t low = hex_value(text[i + 1]);
    if (high == foreign || low == foreign) return {};
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::string base64url(std::span<const std::uint8_t> bytes) {
  std::string out((bytes.size() * 4 + 2) / 3, '\0');
  char* to = out.data();
  for (; bytes.size() >= 3; bytes = bytes.subspan(3)) {
    const std::uint32_t bits = bytes[0] << 16 | bytes[1] << 8 | bytes[2];
    *to++ = base64url_digits[bits >> 18];
    *to++ = base64url_digits[bits >> 12 & 63];
    *to++ = base64url_digits[bits >> 6 & 63];
    *to++ = base64url_digits[bits & 63];
  }
  if (bytes.empty()) return out;
  const std::uint32_t bits = bytes[0] << 8 | (bytes.size() == 2 ? bytes[1] : 0);
  *to++ = base64url_digits[bits >> 10];
  *to++ = base64url_digits[bits >> 4 & 63];
  if (bytes.size() == 2) *to = base64url_digits[bits << 2 & 63];
  return out;
}

bool from_base64url(std::string_view text, std::vector<std::uint8_t>& out) {
  out.clear();
  if (text.size() % 4 == 1) return false;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  bool valid = true;
  for (const char c : text) {
    const std::uint8_t value = base64url_values[static_cast<unsigned char>(c)];
    valid = valid && value != foreign;
    bits = bits << 6 | (value & 63U);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<std::uint8_t>(bits >> count));
    }
  }
  valid = valid && (bits & ((1U << count) - 1)) == 0;
  if (!valid) out.clear();
  return valid;
}

}  // namespace openrun::crypto
