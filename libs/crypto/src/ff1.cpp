// Names and steps follow NIST SP 800-38G, algorithms 7 (FF1.Encrypt) and 8 (FF1.Decrypt).
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/ff1.hpp>

#include "aes_block.hpp"

namespace openrun::crypto {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned rounds = 10;
constexpr std::uint32_t radix_max = 65536;
constexpr std::uint64_t domain_min = 1'000'000;
// Of a half's values. So a half is a number of 64 bits, d is at most 12 bytes, and a round is AES of one block.
constexpr std::uint64_t half_values_max = std::uint64_t{1} << 63;

enum class Direction : std::uint8_t { encrypt, decrypt };

// radix^numerals: the values of a half.
std::uint64_t values_of_half(std::uint32_t radix, std::size_t numerals) {
  std::uint64_t values = 1;
  for (std::size_t i = 0; i < numerals; ++i) {
    OPENRUN_ASSERT(values <= half_values_max / radix, "half of a string has at most 2^63 values");
    values *= radix;
  }
  return values;
}

void store_big_endian(std::uint8_t* out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i, value >>= 8) out[i - 1] = static_cast<std::uint8_t>(value);
}

// Of 4 or 8 bytes: one move and one swap.
template <typename Word>
Word load_big_endian(const std::uint8_t* in) {
  Word value;
  std::memcpy(&value, in, sizeof value);
  return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

void store_big_endian(std::uint8_t* out, std::uint64_t value) {
  if (std::endian::native != std::endian::big) value = std::byteswap(value);
  std::memcpy(out, &value, sizeof value);
}

// The round function up to where the rounds differ: PRF(P || Q), Q = tweak || zeros || round number || half in b bytes.
struct Prefix {
  Prefix(const AesBlock::Session& aes, std::uint32_t radix, std::size_t n, std::span<const std::uint8_t> tweak,
         std::uint64_t half_max)
      : b((static_cast<std::size_t>(std::bit_width(half_max)) + 7) / 8), d(4 * ((b + 3) / 4) + 4) {
    Block mac{1, 2, 1};
    store_big_endian(&mac[3], radix, 3);
    mac[6] = rounds;
    mac[7] = static_cast<std::uint8_t>(n / 2);
    store_big_endian(&mac[8], n, 4);
    store_big_endian(&mac[12], tweak.size(), 4);
    aes.encrypt(mac);
    const auto absorb = [&](std::span<const std::uint8_t> bytes) {
      for (std::size_t i = 0; i < bytes.size(); ++i) mac[i] ^= bytes[i];
    };
    while (tweak.size() + 1 + b > mac.size()) {
      const auto piece = tweak.first(std::min(tweak.size(), mac.size()));
      absorb(piece);
      aes.encrypt(mac);
      tweak = tweak.subspan(piece.size());
    }
    absorb(tweak);
    last = Wide{load_big_endian<std::uint64_t>(&mac[0])} << 64 | load_big_endian<std::uint64_t>(&mac[8]);
  }

  std::size_t b;
  std::size_t d;  // the bytes of y
  Wide last = 0;  // the last block of PRF's CBC, but for the round number and the half
};

// Backwards the rounds run down. In even rounds the left half changes by what the right one says, in odd rounds the
// reverse, so that both stay in place.
unsigned round_of(unsigned step, Direction direction) {
  return direction == Direction::encrypt ? step : rounds - 1 - step;
}

using Halves = std::span<std::uint64_t>;

// Up to side_by_side strings.
void run_rounds(const AesBlock::Session& aes, const Prefix& prefix, const std::uint64_t (&modulus)[2], Halves left,
                Halves right, Direction direction) {
  const std::size_t count = left.size();
  const Halves half[2] = {left, right};
  std::array<Block, Ff1Strings::side_by_side> blocks;
  for (unsigned step = 0; step < rounds; ++step) {
    const unsigned round = round_of(step, direction);
    const Wide numbered = prefix.last ^ Wide { round } << (8 * prefix.b);
    const Halves from = half[1 - round % 2];
    for (std::size_t i = 0; i < count; ++i) {
      store_big_endian(&blocks[i][0], static_cast<std::uint64_t>(numbered >> 64));
      store_big_endian(&blocks[i][8], static_cast<std::uint64_t>(numbered) ^ from[i]);
    }
    aes.encrypt(std::span(blocks).first(count));
    const Halves to = half[round % 2];
    const std::uint64_t m = modulus[round % 2];
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t y = load_big_endian<std::uint64_t>(&blocks[i][0]);
      const Wide longer = Wide{y} << 32 | load_big_endian<std::uint32_t>(&blocks[i][8]);
      const std::uint64_t rest = prefix.d == 8 ? y % m : static_cast<std::uint64_t>(longer % m);
      const std::uint64_t sum = to[i] + (direction == Direction::encrypt ? rest : m - rest);
      to[i] = sum < m ? sum : sum - m;
    }
  }
}

}  // namespace

struct Ff1Strings::State {
  State(std::shared_ptr<const AesBlock> cipher, std::uint32_t of_radix, std::size_t of_length,
        std::span<const std::uint8_t> tweak)
      : aes(std::move(cipher)),
        radix(of_radix),
        length(of_length),
        modulus{values_of_half(radix, length / 2), values_of_half(radix, length - length / 2)},
        prefix(aes->session(), radix, length, tweak, modulus[1] - 1) {
    OPENRUN_ASSERT(Wide{modulus[0]} * modulus[1] >= domain_min, "the domain has at least a million strings");
  }

  void run(std::span<std::uint16_t> numerals, Direction direction) const;
  void run_piece(const AesBlock::Session& session, std::span<std::uint16_t> numerals, Direction direction) const;

  std::shared_ptr<const AesBlock> aes;
  std::uint32_t radix;
  std::size_t length;
  std::uint64_t modulus[2];
  Prefix prefix;
};

void Ff1Strings::State::run_piece(const AesBlock::Session& session, std::span<std::uint16_t> numerals,
                                  Direction direction) const {
  std::array<std::uint64_t, side_by_side> left;
  std::array<std::uint64_t, side_by_side> right;
  const std::size_t count = numerals.size() / length;
  const std::size_t u = length / 2;
  const std::uint16_t* in = numerals.data();
  for (std::size_t i = 0; i < count; ++i) {
    left[i] = 0;
    right[i] = 0;
    for (std::size_t k = 0; k < u; ++k) left[i] = left[i] * radix + *in++;
    for (std::size_t k = u; k < length; ++k) right[i] = right[i] * radix + *in++;
  }
  run_rounds(session, prefix, modulus, Halves(left).first(count), Halves(right).first(count), direction);
  std::uint16_t* out = numerals.data();
  for (std::size_t i = 0; i < count; ++i, out += length) {
    for (std::size_t k = length; k > 0; --k) {
      std::uint64_t& number = k - 1 < u ? left[i] : right[i];
      out[k - 1] = static_cast<std::uint16_t>(number % radix);
      number /= radix;
    }
  }
}

void Ff1Strings::State::run(std::span<std::uint16_t> numerals, Direction direction) const {
  OPENRUN_ASSERT(numerals.size() % length == 0, "whole strings of this length");
  OPENRUN_ASSERT(std::ranges::all_of(numerals, [&](std::uint16_t numeral) { return numeral < radix; }),
                 "each numeral is below the radix");
  const AesBlock::Session session = aes->session();
  while (!numerals.empty()) {
    const auto piece = numerals.first(std::min(side_by_side * length, numerals.size()));
    run_piece(session, piece, direction);
    numerals = numerals.subspan(piece.size());
  }
}

Ff1::Ff1(std::span<const std::uint8_t> key) : aes_(std::make_shared<const AesBlock>(key)) {}

Ff1Strings::Ff1Strings(const Ff1& cipher, std::uint32_t radix, std::size_t length,
                       std::span<const std::uint8_t> tweak) {
  OPENRUN_ASSERT(radix >= 2 && radix <= radix_max, "the radix is 2 to 65536");
  OPENRUN_ASSERT(length >= 2, "FF1 takes two numerals or more");
  state_ = std::make_shared<const State>(cipher.aes_, radix, length, tweak);
}

void Ff1Strings::encrypt(std::span<std::uint16_t> numerals) const {
  state_->run(numerals, Direction::encrypt);
}

void Ff1Strings::encrypt_halves(std::span<std::uint64_t> left, std::span<std::uint64_t> right) const {
  const State& all = *state_;
  OPENRUN_ASSERT(left.size() == right.size(), "a string has two halves");
  const auto below = [](std::uint64_t modulus) { return [=](std::uint64_t half) { return half < modulus; }; };
  OPENRUN_ASSERT(std::ranges::all_of(left, below(all.modulus[0])) && std::ranges::all_of(right, below(all.modulus[1])),
                 "each half is below its power of the radix");
  const AesBlock::Session session = all.aes->session();
  for (std::size_t done = 0; done < left.size(); done += side_by_side) {
    const std::size_t count = std::min(side_by_side, left.size() - done);
    run_rounds(session, all.prefix, all.modulus, left.subspan(done, count), right.subspan(done, count),
               Direction::encrypt);
  }
}

void Ff1Strings::decrypt(std::span<std::uint16_t> numerals) const {
  state_->run(numerals, Direction::decrypt);
}

}  // namespace openrun::crypto
