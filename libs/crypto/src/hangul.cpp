#include "hangul.hpp"

namespace openrun::crypto {
namespace {

constexpr char32_t syllable_first = 0xAC00;
constexpr char32_t syllable_last = 0xD7A3;
constexpr char32_t lead_first = 0x1100;
constexpr char32_t lead_last = 0x1112;
constexpr char32_t vowel_first = 0x1161;
constexpr char32_t vowel_last = 0x1175;
constexpr char32_t tail_base = 0x11A7;  // one before the first: tail 0 is "none"
constexpr char32_t tail_last = 0x11C2;
constexpr char32_t vowel_count = 21;
constexpr char32_t tail_count = 28;

}  // namespace

std::optional<HangulReader::Front> HangulReader::front() const {
  if (text_.empty()) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text_[i])); };
  if (byte(0) < 0x80) return Front{byte(0), 1};
  // All of Hangul takes three bytes.
  if (text_.size() < 3 || byte(0) >> 4 != 0xE || byte(1) >> 6 != 2 || byte(2) >> 6 != 2) return std::nullopt;
  return Front{(byte(0) & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
}

std::optional<char32_t> HangulReader::take_within(char32_t first, char32_t last) {
  const auto found = front();
  if (!found || found->code_point < first || found->code_point > last) return std::nullopt;
  text_.remove_prefix(found->bytes);
  return found->code_point - first;
}

std::optional<char32_t> HangulReader::next() {
  if (const auto ascii = take_within(0, 0x7F)) return ascii;
  char32_t syllable = 0;
  if (const auto lead = take_within(lead_first, lead_last)) {
    const auto vowel = take_within(vowel_first, vowel_last);
    if (!vowel) return std::nullopt;
    syllable = (*lead * vowel_count + *vowel) * tail_count;
  } else if (const auto whole = take_within(syllable_first, syllable_last)) {
    syllable = *whole;
  } else {
    return std::nullopt;
  }
  if (syllable % tail_count == 0) {
    if (const auto tail = take_within(tail_base + 1, tail_last)) syllable += *tail + 1;
  }
  return syllable_first + syllable;
}

}  // namespace openrun::crypto
