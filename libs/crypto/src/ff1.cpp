// Names and steps follow NIST SP 800-38G, algorithms 7 (FF1.Encrypt) and 8 (FF1.Decrypt).
#include <algorithm>
#include <bit>
#include <cstring>

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
// A half whose domain stays below this is counted in 64 bits, and d is then at most 12 bytes.
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

std::uint64_t load_big_endian(const std::uint8_t* in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | in[i];
  return value;
}

// The round function: PRF(P || Q) stretched to d bytes. Everything of it that no round changes is done once.
class RoundFunction {
 public:
  RoundFunction(AesBlock::Session aes, std::uint32_t radix, std::size_t n, std::span<const std::uint8_t> tweak,
                std::size_t b)
      : aes_(aes), b_(b), d_(4 * ((b + 3) / 4) + 4) {
    Block p{1, 2, 1};
    store_big_endian(&p[3], radix, 3);
    p[6] = rounds;
    p[7] = static_cast<std::uint8_t>(n / 2);
    store_big_endian(&p[8], n, 4);
    store_big_endian(&p[12], tweak.size(), 4);
    aes_.encrypt(p);
    // Q = tweak || zeros || round number || the half in b bytes. Blocks that hold nothing but tweak go in here.
    const std::size_t zeros = (16 - (tweak.size() + b + 1) % 16) % 16;
    const std::size_t total = tweak.size() + zeros + 1 + b;
    fixed_ = p;
    while (total - absorbed_ > sizeof tail_) {
      for (std::size_t i = 0; i < 16 && absorbed_ + i < tweak.size(); ++i) fixed_[i] ^= tweak[absorbed_ + i];
      aes_.encrypt(fixed_);
      absorbed_ += 16;
    }
    tail_bytes_ = total - absorbed_;
    tail_.fill(0);
    if (absorbed_ < tweak.size()) std::memcpy(tail_.data(), tweak.data() + absorbed_, tweak.size() - absorbed_);
  }

  [[nodiscard]] std::size_t d() const { return d_; }
  // Where the caller writes the half, b bytes, before evaluate().
  [[nodiscard]] std::uint8_t* half() { return tail_.data() + tail_bytes_ - b_; }

  // y, d bytes, valid until the next call.
  const std::uint8_t* evaluate(unsigned round) {
    tail_[tail_bytes_ - b_ - 1] = static_cast<std::uint8_t>(round);
    Block r = fixed_;
    for (std::size_t at = 0; at < tail_bytes_; at += 16) {
      for (std::size_t i = 0; i < 16; ++i) r[i] ^= tail_[at + i];
      aes_.encrypt(r);
    }
    std::memcpy(stretched_.data(), r.data(), 16);
    for (std::size_t j = 1; 16 * j < d_; ++j) {
      Block next = r;
      next[15] ^= static_cast<std::uint8_t>(j);
      aes_.encrypt(next);
      std::memcpy(stretched_.data() + 16 * j, next.data(), 16);
    }
    return stretched_.data();
  }

 private:
  AesBlock::Session aes_;
  std::size_t b_;
  std::size_t d_;
  std::size_t absorbed_ = 0;
  std::size_t tail_bytes_ = 0;
  Block fixed_{};  // the CBC-MAC over P and the absorbed tweak
  std::array<std::uint8_t, 48> tail_{};
  std::array<std::uint8_t, 48> stretched_{};
};
static_assert(round_bytes_max <= 48 && half_bytes_max + 1 <= 48);

// Round i changes the half of length m by y: forwards A's turn comes in even rounds, backwards the rounds run down.
// The two halves are kept in place: in even rounds the left one changes by what the right one says, in odd rounds the
// reverse.
void run_narrow(RoundFunction& function, std::span<std::uint16_t> x, std::uint32_t radix, std::size_t b,
                Direction direction) {
  const std::size_t u = x.size() / 2;
  std::uint64_t half[2] = {0, 0};
  for (std::size_t i = 0; i < x.size(); ++i) half[i < u ? 0 : 1] = half[i < u ? 0 : 1] * radix + x[i];
  const std::uint64_t modulus[2] = {power(radix, u), power(radix, x.size() - u)};
  for (unsigned step = 0; step < rounds; ++step) {
    const unsigned round = direction == Direction::encrypt ? step : rounds - 1 - step;
    const unsigned changed = round % 2;
    store_big_endian(function.half(), half[1 - changed], b);
    const std::uint8_t* y = function.evaluate(round);
    const std::size_t d = function.d();
    const Wide number =
        d <= 8 ? Wide{load_big_endian(y, d)} : Wide{load_big_endian(y, d - 8)} << 64 | load_big_endian(y + d - 8, 8);
    const std::uint64_t m = modulus[changed];
    const auto rest = static_cast<std::uint64_t>(number % m);
    half[changed] = (half[changed] + (direction == Direction::encrypt ? rest : m - rest)) % m;
  }
  for (std::size_t i = x.size(); i > 0; --i) {
    auto& number = half[i - 1 < u ? 0 : 1];
    x[i - 1] = static_cast<std::uint16_t>(number % radix);
    number /= radix;
  }
}

// The lowest numerals of y in the radix, most significant first: y mod radix^m without a division of long numbers.
void low_numerals(const std::uint8_t* y, std::size_t d, std::uint32_t radix, std::span<std::uint16_t> out) {
  std::array<std::uint32_t, 12> limbs{};
  const std::size_t count = d / 4;
  for (std::size_t i = 0; i < count; ++i) limbs[i] = static_cast<std::uint32_t>(load_big_endian(y + 4 * i, 4));
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

void run_wide(RoundFunction& function, std::span<std::uint16_t> x, std::uint32_t radix, std::size_t b,
              Direction direction) {
  const std::size_t u = x.size() / 2;
  const std::span<std::uint16_t> half[2] = {x.first(u), x.subspan(u)};
  for (unsigned step = 0; step < rounds; ++step) {
    const unsigned round = direction == Direction::encrypt ? step : rounds - 1 - step;
    const unsigned changed = round % 2;
    LongNumber number;
    for (const std::uint16_t numeral : half[1 - changed]) number.multiply_add(radix, numeral);
    for (std::size_t i = 0; i < b; ++i) function.half()[b - 1 - i] = number.byte(i);
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

void check(std::span<const std::uint16_t> numerals, std::uint32_t radix) {
  OPENRUN_ASSERT(radix >= 2 && radix <= radix_max, "the radix is 2 to 65536");
  OPENRUN_ASSERT(numerals.size() >= 2 && numerals.size() <= numerals_max, "FF1 takes 2 to 32 numerals here");
  Wide domain = 1;
  for (std::size_t i = 0; i < numerals.size() && domain < domain_min; ++i) domain *= radix;
  OPENRUN_ASSERT(domain >= domain_min, "the domain has at least a million strings");
  OPENRUN_ASSERT(std::ranges::all_of(numerals, [&](std::uint16_t numeral) { return numeral < radix; }),
                 "each numeral is below the radix");
}

void run(const AesBlock& aes, std::span<std::uint16_t> x, std::uint32_t radix, std::span<const std::uint8_t> tweak,
         Direction direction) {
  check(x, radix);
  const std::size_t v = x.size() - x.size() / 2;
  const bool narrow = is_narrow(radix, v);
  const std::size_t b =
      narrow ? (static_cast<std::size_t>(std::bit_width(power(radix, v) - 1)) + 7) / 8 : bytes_of_half(radix, v);
  RoundFunction function(aes.session(), radix, x.size(), tweak, b);
  if (narrow) {
    run_narrow(function, x, radix, b, direction);
  } else {
    run_wide(function, x, radix, b, direction);
  }
}

}  // namespace

struct Ff1::State {
  explicit State(std::span<const std::uint8_t> key) : aes(key) {}
  AesBlock aes;
};

Ff1::Ff1(std::span<const std::uint8_t> key) : state_(std::make_unique<State>(key)) {}
Ff1::~Ff1() = default;
Ff1::Ff1(Ff1&&) noexcept = default;
Ff1& Ff1::operator=(Ff1&&) noexcept = default;

void Ff1::encrypt(std::span<std::uint16_t> numerals, std::uint32_t radix, std::span<const std::uint8_t> tweak) const {
  run(state_->aes, numerals, radix, tweak, Direction::encrypt);
}

void Ff1::decrypt(std::span<std::uint16_t> numerals, std::uint32_t radix, std::span<const std::uint8_t> tweak) const {
  run(state_->aes, numerals, radix, tweak, Direction::decrypt);
}

}  // namespace openrun::crypto
