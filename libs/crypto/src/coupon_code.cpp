#include <algorithm>
#include <array>
#include <cstring>

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
constexpr std::size_t batch = Ff1Strings::side_by_side;
constexpr std::uint8_t foreign = 0xFF;

static_assert(latin_symbols.size() == latin_radix);
static_assert(hangul_symbols.size() == 10 + (hangul_radix - 10) * syllable_bytes);

// The tweak names the alphabet and its version: the two never encrypt alike.
constexpr std::string_view hangul_tweak = "hangul/1";
constexpr std::string_view latin_tweak = "latin/1";

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Symbol {
  std::array<char, 4> text{};  // UTF-8, of a size that one move copies
  std::size_t bytes = 0;
};

template <std::size_t Radix>
constexpr std::array<Symbol, Radix> symbols_of(std::string_view alphabet) {
  std::array<Symbol, Radix> symbols;
  for (Symbol& symbol : symbols) {
    symbol.bytes = static_cast<unsigned char>(alphabet[0]) < 0x80 ? 1 : syllable_bytes;
    std::ranges::copy(alphabet.substr(0, symbol.bytes), symbol.text.begin());
    alphabet.remove_prefix(symbol.bytes);
  }
  return symbols;
}

// The radix and length are constants, so that no division is made by a variable.
template <std::size_t Radix, std::size_t Length>
struct Shape {
  static constexpr std::size_t radix = Radix;
  static constexpr std::size_t length = Length;
  static constexpr std::size_t left_length = length / 2;
  // Of the right half's values: a number is left * right_size + right.
  static constexpr std::uint64_t right_size = [] {
    std::uint64_t size = 1;
    for (std::size_t i = left_length; i < length; ++i) size *= radix;
    return size;
  }();
};
struct Hangul : Shape<hangul_radix, hangul_length> {
  static constexpr auto symbols = symbols_of<radix>(hangul_symbols);
};
struct Latin : Shape<latin_radix, latin_length> {
  static constexpr auto symbols = symbols_of<radix>(latin_symbols);
};

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

template <typename Alphabet>
void write_text(std::uint64_t left, std::uint64_t right, std::string& out) {
  std::array<std::uint8_t, Alphabet::length> numerals;
  for (std::size_t i = Alphabet::length; i > Alphabet::left_length; --i, right /= Alphabet::radix) {
    numerals[i - 1] = static_cast<std::uint8_t>(right % Alphabet::radix);
  }
  for (std::size_t i = Alphabet::left_length; i > 0; --i, left /= Alphabet::radix) {
    numerals[i - 1] = static_cast<std::uint8_t>(left % Alphabet::radix);
  }
  std::array<char, Alphabet::length * syllable_bytes + 1> text;  // one more: the last move copies 4 bytes, too
  char* end = text.data();
  for (const std::uint8_t numeral : numerals) {
    const Symbol& symbol = Alphabet::symbols[numeral];
    std::memcpy(end, symbol.text.data(), symbol.text.size());
    end += symbol.bytes;
  }
  out.assign(text.data(), end);
}

template <typename Alphabet>
void encode_batch(const Ff1Strings& cipher, std::span<const CouponKey> keys, std::span<std::string> codes) {
  std::array<std::uint64_t, batch> left;
  std::array<std::uint64_t, batch> right;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t number = static_cast<std::uint64_t>(keys[i].campaign.value) << 32 | keys[i].sequence.value;
    left[i] = number / Alphabet::right_size;
    right[i] = number % Alphabet::right_size;
  }
  cipher.encrypt_halves(std::span(left).first(keys.size()), std::span(right).first(keys.size()));
  for (std::size_t i = 0; i < keys.size(); ++i) write_text<Alphabet>(left[i], right[i], codes[i]);
}

}  // namespace

CouponCodes::CouponCodes(std::span<const std::uint8_t> key) : CouponCodes(key, Ff1(key)) {}

CouponCodes::CouponCodes(std::span<const std::uint8_t> key, const Ff1& cipher)
    : hangul_(cipher, hangul_radix, hangul_length, bytes_of(hangul_tweak)),
      latin_(cipher, latin_radix, latin_length, bytes_of(latin_tweak)) {
  const Tag tag = hmac_tag(key, bytes_of("openrun coupon code key fingerprint 1"));
  fingerprint_ = hex(std::span(tag).first(8));
}

std::string CouponCodes::encode(CouponKey key, CodeAlphabet alphabet) const {
  std::string code;
  encode(std::span(&key, 1), alphabet, std::span(&code, 1));
  return code;
}

void CouponCodes::encode(std::span<const CouponKey> keys, CodeAlphabet alphabet, std::span<std::string> codes) const {
  OPENRUN_ASSERT(codes.size() == keys.size(), "each coupon gets a code");
  for (const CouponKey& key : keys) {
    OPENRUN_ASSERT(key.campaign.value >= 1 && key.campaign.value <= limits::campaign_id_max,
                   "a campaign is 1 to 2^31-1");
    OPENRUN_ASSERT(key.sequence.value >= 1, "a coupon's sequence starts at 1");
  }
  for (std::size_t done = 0; done < keys.size(); done += batch) {
    const std::size_t count = std::min(batch, keys.size() - done);
    if (alphabet == CodeAlphabet::hangul) {
      encode_batch<Hangul>(hangul_, keys.subspan(done, count), codes.subspan(done, count));
    } else {
      encode_batch<Latin>(latin_, keys.subspan(done, count), codes.subspan(done, count));
    }
  }
}

std::optional<CouponKey> CouponCodes::decode(std::string_view text) const {
  if (text.size() > text_bytes_max) return std::nullopt;
  Numerals storage{};
  const bool latin = read_latin(text, storage);
  if (!latin && !read_hangul(text, storage)) return std::nullopt;
  const auto numerals = std::span(storage).first(latin ? latin_length : hangul_length);
  (latin ? latin_ : hangul_).decrypt(numerals);
  const std::size_t radix = latin ? latin_radix : hangul_radix;
  Wide number = 0;
  for (const std::uint16_t numeral : numerals) number = number * radix + numeral;
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
