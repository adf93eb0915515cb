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
constexpr std::size_t numerals_max = 32;
constexpr std::size_t half_max = numerals_max / 2;
constexpr std::uint32_t radix_max = 65536;
constexpr std::uint64_t domain_min = 1'000'000;
constexpr std::size_t half_bytes_max = half_max * 2;         // b: 16 numerals of 16 bits
constexpr std::size_t round_bytes_max = half_bytes_max + 4;  // d
constexpr std::size_t tail_bytes_max = 48;
static_assert(half_bytes_max + 1 <= tail_bytes_max && round_bytes_max <= tail_bytes_max);
// Halves of at most so many values are narrow: they are counted in 64 bits, d is at most 12 bytes, and a round is AES
// of one block.
constexpr Wide narrow_domain_max = Wide{1} << 63;

enum class Direction : std::uint8_t { encrypt, decrypt };

// A number below radix^v, least significant limb first: for halves of any size.
struct LongNumber {
  std::array<std::uint32_t, half_bytes_max / 4> limbs{};

  void multiply_add(std::uint32_t factor, std::uint32_t summand) {
    std::uint64_t carry = summand;
    for (auto& limb : limbs) {
      carry += static_cast<std::uint64_t>(limb) * factor;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  [[nodiscard]] std::uint8_t byte(std::size_t i) const {
    return static_cast<std::uint8_t>(limbs[i / 4] >> (8 * (i % 4)));
  }
};

// b = ceil(ceil(v * log2(radix)) / 8): the bytes of the largest number of v numerals.
std::size_t bytes_of_half(std::uint32_t radix, std::size_t v) {
  LongNumber largest;
  for (std::size_t i = 0; i < v; ++i) largest.multiply_add(radix, radix - 1);
  std::size_t bytes = half_bytes_max;
  while (bytes > 0 && largest.byte(bytes - 1) == 0) --bytes;
  return bytes;
}

std::uint64_t power(std::uint32_t radix, std::size_t exponent) {
  std::uint64_t result = 1;
  for (std::size_t i = 0; i < exponent; ++i) result *= radix;
  return result;
}

bool is_narrow(std::uint32_t radix, std::size_t v) {
  Wide domain = 1;
  for (std::size_t i = 0; i < v && domain <= narrow_domain_max; ++i) domain *= radix;
  return domain <= narrow_domain_max;
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
         std::size_t half_bytes)
      : b(half_bytes), d(4 * ((b + 3) / 4) + 4), tail_bytes((b + 16) / 16 * 16) {
    mac = {1, 2, 1};
    store_big_endian(&mac[3], radix, 3);
    mac[6] = rounds;
    mac[7] = static_cast<std::uint8_t>(n / 2);
    store_big_endian(&mac[8], n, 4);
    store_big_endian(&mac[12], tweak.size(), 4);
    aes.encrypt(mac);
    const std::size_t zeros = (16 - (tweak.size() + b + 1) % 16) % 16;
    const std::size_t total = tweak.size() + zeros + 1 + b;
    std::size_t absorbed = 0;
    for (; absorbed < total - tail_bytes; absorbed += 16) {
      for (std::size_t i = 0; i < 16 && absorbed + i < tweak.size(); ++i) mac[i] ^= tweak[absorbed + i];
      aes.encrypt(mac);
    }
    if (absorbed < tweak.size()) std::ranges::copy(tweak.subspan(absorbed), tail.begin());
  }

  std::size_t b;
  std::size_t d;           // the bytes of y
  std::size_t tail_bytes;  // the blocks of Q that hold the round number and the half
  Block mac{};             // the CBC-MAC over P and the blocks before the tail
  std::array<std::uint8_t, tail_bytes_max> tail{};
};

// The rounds of one string of any size.
class RoundFunction {
 public:
  RoundFunction(AesBlock::Session aes, const Prefix& prefix) : aes_(aes), prefix_(prefix), tail_(prefix.tail) {}

  [[nodiscard]] std::size_t d() const { return prefix_.d; }
  // Where the caller writes the half, b bytes, before evaluate().
  [[nodiscard]] std::span<std::uint8_t> half() {
    return std::span(tail_).subspan(prefix_.tail_bytes - prefix_.b, prefix_.b);
  }

  // y, d bytes, valid until the next call.
  const std::uint8_t* evaluate(unsigned round) {
    tail_[prefix_.tail_bytes - prefix_.b - 1] = static_cast<std::uint8_t>(round);
    Block r = prefix_.mac;
    for (std::size_t at = 0; at < prefix_.tail_bytes; at += 16) {
      for (std::size_t i = 0; i < 16; ++i) r[i] ^= tail_[at + i];
      aes_.encrypt(r);
    }
    std::memcpy(stretched_.data(), r.data(), 16);
    for (std::size_t j = 1; 16 * j < prefix_.d; ++j) {
      Block next = r;
      next[15] ^= static_cast<std::uint8_t>(j);
      aes_.encrypt(next);
      std::memcpy(stretched_.data() + 16 * j, next.data(), 16);
    }
    return stretched_.data();
  }

 private:
  AesBlock::Session aes_;
  const Prefix& prefix_;
  std::array<std::uint8_t, tail_bytes_max> tail_;
  std::array<std::uint8_t, tail_bytes_max> stretched_{};
};

// The lowest numerals of y in the radix, most significant first: y mod radix^m without a division of long numbers.
void low_numerals(const std::uint8_t* y, std::size_t d, std::uint32_t radix, std::span<std::uint16_t> out) {
  std::array<std::uint32_t, 12> limbs{};
  const std::size_t count = d / 4;
  for (std::size_t i = 0; i < count; ++i) limbs[i] = load_big_endian<std::uint32_t>(y + 4 * i);
  for (std::size_t k = out.size(); k > 0; --k) {
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      rest = rest << 32 | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(rest / radix);
      rest %= radix;
    }
    out[k - 1] = static_cast<std::uint16_t>(rest);
  }
}

void add_numerals(std::span<std::uint16_t> to, std::span<const std::uint16_t> summand, std::uint32_t radix) {
  std::uint32_t carry = 0;
  for (std::size_t i = to.size(); i > 0; --i) {
    const std::uint32_t sum = to[i - 1] + summand[i - 1] + carry;
    to[i - 1] = static_cast<std::uint16_t>(sum % radix);
    carry = sum / radix;
  }
}

void subtract_numerals(std::span<std::uint16_t> from, std::span<const std::uint16_t> taken, std::uint32_t radix) {
  std::uint32_t borrow = 0;
  for (std::size_t i = from.size(); i > 0; --i) {
    const std::uint32_t difference = from[i - 1] + radix - taken[i - 1] - borrow;
    from[i - 1] = static_cast<std::uint16_t>(difference % radix);
    borrow = difference < radix ? 1 : 0;
  }
}

// Backwards the rounds run down. In even rounds the left half changes by what the right one says, in odd rounds the
// reverse, so that both stay in place.
unsigned round_of(unsigned step, Direction direction) {
  return direction == Direction::encrypt ? step : rounds - 1 - step;
}

void run_wide(const AesBlock::Session& aes, const Prefix& prefix, std::span<std::uint16_t> x, std::uint32_t radix,
              Direction direction) {
  RoundFunction function(aes, prefix);
  const std::size_t u = x.size() / 2;
  const std::span<std::uint16_t> half[2] = {x.first(u), x.subspan(u)};
  for (unsigned step = 0; step < rounds; ++step) {
    const unsigned round = round_of(step, direction);
    const unsigned changed = round % 2;
    LongNumber number;
    for (const std::uint16_t numeral : half[1 - changed]) number.multiply_add(radix, numeral);
    for (std::size_t i = 0; i < prefix.b; ++i) function.half()[prefix.b - 1 - i] = number.byte(i);
    const std::uint8_t* y = function.evaluate(round);
    std::array<std::uint16_t, half_max> numerals{};
    const auto low = std::span(numerals).first(half[changed].size());
    low_numerals(y, function.d(), radix, low);
    if (direction == Direction::encrypt) {
      add_numerals(half[changed], low, radix);
    } else {
      subtract_numerals(half[changed], low, radix);
    }
  }
}

using Halves = std::span<std::uint64_t>;

// Up to side_by_side strings with narrow halves.
void run_narrow(const AesBlock::Session& aes, const Prefix& prefix, const std::uint64_t (&modulus)[2], Halves left,
                Halves right, Direction direction) {
  const std::size_t count = left.size();
  const Halves half[2] = {left, right};
  // The last block of Q as two numbers, XORed with the MAC before it.
  const std::uint64_t high =
      load_big_endian<std::uint64_t>(&prefix.mac[0]) ^ load_big_endian<std::uint64_t>(&prefix.tail[0]);
  const std::uint64_t low =
      load_big_endian<std::uint64_t>(&prefix.mac[8]) ^ load_big_endian<std::uint64_t>(&prefix.tail[8]);
  std::array<Block, Ff1Strings::side_by_side> blocks;
  for (unsigned step = 0; step < rounds; ++step) {
    const unsigned round = round_of(step, direction);
    const Wide numbered = (Wide{high} << 64 | low) ^ Wide { round } << (8 * prefix.b);
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
        narrow(is_narrow(radix, length - length / 2)),
        modulus{narrow ? power(radix, length / 2) : 0, narrow ? power(radix, length - length / 2) : 0},
        prefix(aes->session(), radix, length, tweak, bytes_of_half(radix, length - length / 2)) {}

  void run(std::span<std::uint16_t> numerals, Direction direction) const;
  void run_piece(const AesBlock::Session& session, std::span<std::uint16_t> numerals, Direction direction) const;

  std::shared_ptr<const AesBlock> aes;
  std::uint32_t radix;
  std::size_t length;
  bool narrow;
  std::uint64_t modulus[2];  // of the narrow halves
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
  run_narrow(session, prefix, modulus, Halves(left).first(count), Halves(right).first(count), direction);
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
  const std::size_t piece_max = length * (narrow ? side_by_side : 1);
  for (; !numerals.empty(); numerals = numerals.subspan(std::min(piece_max, numerals.size()))) {
    const auto piece = numerals.first(std::min(piece_max, numerals.size()));
    if (narrow) {
      run_piece(session, piece, direction);
    } else {
      run_wide(session, prefix, piece, radix, direction);
    }
  }
}

Ff1::Ff1(std::span<const std::uint8_t> key) : aes_(std::make_shared<const AesBlock>(key)) {}

Ff1Strings::Ff1Strings(const Ff1& cipher, std::uint32_t radix, std::size_t length,
                       std::span<const std::uint8_t> tweak) {
  OPENRUN_ASSERT(radix >= 2 && radix <= radix_max, "the radix is 2 to 65536");
  OPENRUN_ASSERT(length >= 2 && length <= numerals_max, "FF1 takes 2 to 32 numerals here");
  Wide domain = 1;
  for (std::size_t i = 0; i < length && domain < domain_min; ++i) domain *= radix;
  OPENRUN_ASSERT(domain >= domain_min, "the domain has at least a million strings");
  state_ = std::make_shared<const State>(cipher.aes_, radix, length, tweak);
}

void Ff1Strings::encrypt(std::span<std::uint16_t> numerals) const {
  state_->run(numerals, Direction::encrypt);
}

void Ff1Strings::encrypt_halves(std::span<std::uint64_t> left, std::span<std::uint64_t> right) const {
  const State& all = *state_;
  OPENRUN_ASSERT(all.narrow, "halves of at most 2^63 values");
  OPENRUN_ASSERT(left.size() == right.size(), "a string has two halves");
  const auto below = [](std::uint64_t modulus) { return [=](std::uint64_t half) { return half < modulus; }; };
  OPENRUN_ASSERT(std::ranges::all_of(left, below(all.modulus[0])) && std::ranges::all_of(right, below(all.modulus[1])),
                 "each half is below its power of the radix");
  const AesBlock::Session session = all.aes->session();
  for (std::size_t done = 0; done < left.size(); done += side_by_side) {
    const std::size_t count = std::min(side_by_side, left.size() - done);
    run_narrow(session, all.prefix, all.modulus, left.subspan(done, count), right.subspan(done, count),
               Direction::encrypt);
  }
}

void Ff1Strings::decrypt(std::span<std::uint16_t> numerals) const {
  state_->run(numerals, Direction::decrypt);
}

}  // namespace openrun::crypto
