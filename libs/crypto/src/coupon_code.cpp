#include <algorithm>
#include <array>

#include <openrun/base/assert.hpp>
#include <openrun/base/limits.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>

#include "code_alphabets.hpp"
#include "hangul.hpp"

namespace openrun::crypto {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t hangul_radix = 150;
constexpr std::size_t hangul_length = 10;
constexpr std::size_t latin_radix = 32;
constexpr std::size_t latin_length = 13;
constexpr std::size_t length_max = latin_length;
constexpr unsigned number_bits = 63;  // campaign below 2^31, sequence below 2^32
// Ten symbols in NFD take at most 9 bytes each; thirteen with hyphens between all of them take 25.
constexpr std::size_t text_bytes_max = 96;
constexpr std::size_t syllable_bytes = 3;
constexpr std::uint8_t foreign = 0xFF;

static_assert(latin_symbols.size() == latin_radix);
static_assert(hangul_symbols.size() == 10 + (hangul_radix - 10) * syllable_bytes);

struct Layout {
  std::uint32_t radix;
  std::size_t length;
  std::string_view tweak;  // names the alphabet and its version: the two never encrypt alike
};
constexpr Layout hangul_layout{hangul_radix, hangul_length, "hangul/1"};
constexpr Layout latin_layout{latin_radix, latin_length, "latin/1"};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view hangul_symbol(std::size_t index) {
  return index < 10 ? hangul_symbols.substr(index, 1)
                    : hangul_symbols.substr(10 + (index - 10) * syllable_bytes, syllable_bytes);
}

constexpr char32_t syllable_at(std::size_t index) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(hangul_symbols[10 + index * syllable_bytes + i]));
  };
  return (byte(0) & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
}

constexpr auto syllables = [] {
  std::array<char32_t, hangul_radix - 10> sorted{};
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = syllable_at(i);
  return sorted;
}();
static_assert(std::ranges::adjacent_find(syllables, std::ranges::greater_equal{}) == syllables.end(),
              "the syllables are sorted and distinct");

constexpr auto latin_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(foreign);
  for (std::size_t i = 0; i < latin_symbols.size(); ++i) {
    const char symbol = latin_symbols[i];
    values[static_cast<unsigned char>(symbol)] = static_cast<std::uint8_t>(i);
    if (symbol >= 'A') values[static_cast<unsigned char>(symbol - 'A' + 'a')] = static_cast<std::uint8_t>(i);
  }
  for (const char zero : {'O', 'o'}) values[static_cast<unsigned char>(zero)] = 0;
  for (const char one : {'I', 'i', 'L', 'l'}) values[static_cast<unsigned char>(one)] = 1;
  return values;
}();

using Numerals = std::array<std::uint16_t, length_max>;

bool read_latin(std::string_view text, Numerals& out) {
  std::size_t length = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const std::uint8_t value = latin_values[static_cast<unsigned char>(c)];
    if (value == foreign || length == latin_length) return false;
    out[length++] = value;
  }
  return length == latin_length;
}

bool read_hangul(std::string_view text, Numerals& out) {
  HangulReader reader(text);
  std::size_t length = 0;
  while (!reader.at_end()) {
    const auto symbol = reader.next();
    if (!symbol || length == hangul_length) return false;
    if (*symbol >= U'0' && *symbol <= U'9') {
      out[length++] = static_cast<std::uint16_t>(*symbol - U'0');
      continue;
    }
    const auto found = std::ranges::lower_bound(syllables, *symbol);
    if (found == syllables.end() || *found != *symbol) return false;
    out[length++] = static_cast<std::uint16_t>(10 + (found - syllables.begin()));
  }
  return length == hangul_length;
}

}  // namespace

CouponCodes::CouponCodes(std::span<const std::uint8_t> key) : cipher_(key) {
  const Tag tag = hmac_tag(key, bytes_of("openrun coupon code key fingerprint 1"));
  fingerprint_ = hex(std::span(tag).first(8));
}

std::string CouponCodes::encode(CouponKey key, CodeAlphabet alphabet) const {
  OPENRUN_ASSERT(key.campaign.value >= 1 && key.campaign.value <= limits::campaign_id_max, "a campaign is 1 to 2^31-1");
  OPENRUN_ASSERT(key.sequence.value >= 1, "a coupon's sequence starts at 1");
  const Layout& layout = alphabet == CodeAlphabet::hangul ? hangul_layout : latin_layout;
  Numerals storage{};
  const auto numerals = std::span(storage).first(layout.length);
  std::uint64_t number = static_cast<std::uint64_t>(key.campaign.value) << 32 | key.sequence.value;
  for (std::size_t i = layout.length; i > 0; --i, number /= layout.radix) {
    numerals[i - 1] = static_cast<std::uint16_t>(number % layout.radix);
  }
  cipher_.encrypt(numerals, layout.radix, bytes_of(layout.tweak));
  std::string text;
  text.reserve(layout.length * (alphabet == CodeAlphabet::hangul ? syllable_bytes : 1));
  for (const std::uint16_t numeral : numerals) {
    text += alphabet == CodeAlphabet::hangul ? hangul_symbol(numeral) : latin_symbols.substr(numeral, 1);
  }
  return text;
}

std::optional<CouponKey> CouponCodes::decode(std::string_view text) const {
  if (text.size() > text_bytes_max) return std::nullopt;
  Numerals storage{};
  const bool latin = read_latin(text, storage);
  if (!latin && !read_hangul(text, storage)) return std::nullopt;
  const Layout& layout = latin ? latin_layout : hangul_layout;
  const auto numerals = std::span(storage).first(layout.length);
  cipher_.decrypt(numerals, layout.radix, bytes_of(layout.tweak));
  Wide number = 0;
  for (const std::uint16_t numeral : numerals) number = number * layout.radix + numeral;
  if (number >> number_bits != 0) return std::nullopt;
  const CouponKey key{CampaignId{static_cast<std::uint32_t>(number >> 32)},
                      Sequence{static_cast<std::uint32_t>(number)}};
  if (key.campaign.value == 0 || key.sequence.value == 0) return std::nullopt;
  return key;
}

std::string CouponCodes::fingerprint() const {
  return fingerprint_;
}

}  // namespace openrun::crypto
