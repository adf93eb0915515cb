#include <cmath>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/crypto/ff1.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

std::vector<std::uint16_t> numerals_of(const std::string& text) {
  std::vector<std::uint16_t> out;
  for (const char c : text) out.push_back(static_cast<std::uint16_t>(c <= '9' ? c - '0' : c - 'a' + 10));
  return out;
}

std::string text_of(const std::vector<std::uint16_t>& numerals) {
  std::string out;
  for (const auto numeral : numerals) out += static_cast<char>(numeral < 10 ? '0' + numeral : 'a' + numeral - 10);
  return out;
}

using Tweak = std::span<const std::uint8_t>;

void encrypt(const Ff1& cipher, std::span<std::uint16_t> numerals, std::uint32_t radix, Tweak tweak) {
  Ff1Strings(cipher, radix, numerals.size(), tweak).encrypt(numerals);
}

void decrypt(const Ff1& cipher, std::span<std::uint16_t> numerals, std::uint32_t radix, Tweak tweak) {
  Ff1Strings(cipher, radix, numerals.size(), tweak).decrypt(numerals);
}

struct Sample {
  const char* key;
  std::uint32_t radix;
  const char* tweak;
  const char* plain;
  const char* cipher;
};

constexpr const char* key_128 = "2B7E151628AED2A6ABF7158809CF4F3C";
constexpr const char* key_192 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F";
constexpr const char* key_256 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";
constexpr const char* digits = "0123456789";
constexpr const char* letters = "0123456789abcdefghi";

// NIST, "FF1samples": samples 1 to 9.
constexpr Sample samples[] = {
    {key_128, 10, "", digits, "2433477484"},
    {key_128, 10, "39383736353433323130", digits, "6124200773"},
    {key_128, 36, "3737373770717273373737", letters, "a9tv40mll9kdu509eum"},
    {key_192, 10, "", digits, "2830668132"},
    {key_192, 10, "39383736353433323130", digits, "2496655549"},
    {key_192, 36, "3737373770717273373737", letters, "xbj3kv35jrawxv32ysr"},
    {key_256, 10, "", digits, "6657667009"},
    {key_256, 10, "39383736353433323130", digits, "1001623463"},
    {key_256, 36, "3737373770717273373737", letters, "xs8a0azh2avyalyzuwd"},
};

TEST(Ff1, AgreesWithTheSamplesOfNist) {
  for (const Sample& sample : samples) {
    const Ff1 cipher(from_hex(sample.key));
    const auto tweak = from_hex(sample.tweak);
    auto numerals = numerals_of(sample.plain);
    encrypt(cipher, numerals, sample.radix, tweak);
    EXPECT_EQ(text_of(numerals), sample.cipher);
    decrypt(cipher, numerals, sample.radix, tweak);
    EXPECT_EQ(text_of(numerals), sample.plain);
  }
}

// Beyond NIST's samples: the longest halves, of 63 bits, and tweaks that fill the last block, pass it by a byte, and
// pass a block. Computed by a separate, plain transcription of the standard's steps on long integers.
TEST(Ff1, AgreesWithThePlainAlgorithmOnLongHalvesAndTweaks) {
  using Numerals = std::vector<std::uint16_t>;
  const Ff1 cipher(from_hex(key_256));
  const auto counted = [&](std::uint32_t radix, std::size_t length, std::size_t tweak_bytes) {
    Numerals numerals(length);
    std::vector<std::uint8_t> tweak(tweak_bytes);
    std::iota(numerals.begin(), numerals.end(), 0);
    std::iota(tweak.begin(), tweak.end(), 0);
    encrypt(cipher, numerals, radix, tweak);
    return numerals;
  };
  EXPECT_EQ(counted(128, 18, 7), (Numerals{91, 86, 95, 57, 57, 122, 103, 117, 84, 21, 34, 32, 39, 88, 108, 5, 82, 12}));
  EXPECT_EQ(counted(128, 18, 8), (Numerals{32, 35, 121, 10, 85, 44, 71, 42, 83, 120, 57, 117, 19, 82, 36, 61, 98, 62}));
  EXPECT_EQ(counted(128, 18, 20), (Numerals{48, 114, 62, 68, 90, 54, 104, 52, 91, 50, 48, 118, 14, 79, 72, 1, 22, 54}));
  EXPECT_EQ(counted(65536, 6, 24), (Numerals{20317, 2386, 10489, 15695, 41086, 48519}));
}

// Every radix and length that a half has room for, with tweaks of one block and more.
TEST(Ff1, DecryptsWhatItEncrypted) {
  std::mt19937_64 random(38);
  const Ff1 cipher(from_hex(key_256));
  for (int i = 0; i < 5'000; ++i) {
    const std::uint32_t radix =
        i % 3 == 0 ? 2 + static_cast<std::uint32_t>(random() % 65535) : 2 + static_cast<std::uint32_t>(random() % 200);
    const auto numerals_within = [&](double bits) { return static_cast<std::size_t>(bits / std::log2(radix)); };
    const std::size_t length_min = numerals_within(20) + 2;  // more than a million strings
    const std::size_t length = length_min + random() % (2 * numerals_within(62) - length_min + 1);
    std::vector<std::uint16_t> numerals(length);
    for (auto& numeral : numerals) numeral = static_cast<std::uint16_t>(random() % radix);
    std::vector<std::uint8_t> tweak(random() % 60);
    for (auto& byte : tweak) byte = static_cast<std::uint8_t>(random());
    const auto plain = numerals;
    encrypt(cipher, numerals, radix, tweak);
    for (const auto numeral : numerals) ASSERT_LT(numeral, radix);
    ASSERT_NE(numerals, plain) << "a fixed point is possible, but not for this seed";
    const auto encrypted = numerals;
    decrypt(cipher, numerals, radix, tweak);
    ASSERT_EQ(numerals, plain) << "radix " << radix << ", length " << length;
    tweak.push_back(1);
    encrypt(cipher, numerals, radix, tweak);
    ASSERT_NE(numerals, encrypted) << "another tweak gives another cipher";
  }
}

// Halves of 10 bits to 63; counts around what is worked on at once.
TEST(Ff1, StringsSideBySideAreEncryptedLikeEachAlone) {
  struct Shape {
    std::uint32_t radix;
    std::size_t length;
  };
  constexpr Shape shapes[] = {{10, 6}, {2, 31}, {2, 126}, {32, 13}, {150, 10}, {128, 18}, {65536, 6}};
  constexpr std::size_t bound = Ff1Strings::side_by_side;
  std::mt19937_64 random(64);
  const Ff1 cipher(from_hex(key_256));
  for (const auto& [radix, length] : shapes) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, bound, bound + 1, 3 * bound - 1}) {
      std::vector<std::uint8_t> tweak(random() % 40);
      for (auto& byte : tweak) byte = static_cast<std::uint8_t>(random());
      std::vector<std::uint16_t> strings(count * length);
      for (auto& numeral : strings) numeral = static_cast<std::uint16_t>(random() % radix);
      const auto plain = strings;
      auto alone = strings;
      for (std::size_t i = 0; i < count; ++i) {
        encrypt(cipher, std::span(alone).subspan(i * length, length), radix, tweak);
      }
      const Ff1Strings together(cipher, radix, length, tweak);
      together.encrypt(strings);
      ASSERT_EQ(strings, alone) << count << " strings, radix " << radix << ", length " << length;
      together.decrypt(strings);
      ASSERT_EQ(strings, plain) << count << " strings, radix " << radix << ", length " << length;
    }
  }
}

TEST(Ff1, HalvesAsNumbersAreEncryptedLikeTheirNumerals) {
  constexpr std::size_t bound = Ff1Strings::side_by_side;
  constexpr std::size_t length = 13;
  constexpr std::size_t left_length = 6;
  constexpr std::uint32_t radix = 150;
  const Ff1Strings strings(Ff1(from_hex(key_256)), radix, length, from_hex("3937"));
  std::mt19937_64 random(13);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, bound, bound + 1, 3 * bound - 1}) {
    std::vector<std::uint16_t> numerals(count * length);
    for (auto& numeral : numerals) numeral = static_cast<std::uint16_t>(random() % radix);
    const auto halves_of = [&](std::size_t from, std::size_t to) {
      std::vector<std::uint64_t> halves(count);
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = from; k < to; ++k) halves[i] = halves[i] * radix + numerals[i * length + k];
      }
      return halves;
    };
    auto left = halves_of(0, left_length);
    auto right = halves_of(left_length, length);
    strings.encrypt_halves(left, right);
    strings.encrypt(numerals);
    ASSERT_EQ(left, halves_of(0, left_length)) << count;
    ASSERT_EQ(right, halves_of(left_length, length)) << count;
  }
}

TEST(Ff1, IsABijectionOfItsWholeDomain) {
  const Ff1 cipher(from_hex(key_128));
  std::vector<bool> seen(1'000'000);
  std::vector<std::uint16_t> numerals(6);
  for (std::uint32_t i = 0; i < seen.size(); ++i) {
    std::uint32_t rest = i;
    for (auto& numeral : numerals) {
      numeral = static_cast<std::uint16_t>(rest % 10);
      rest /= 10;
    }
    encrypt(cipher, numerals, 10, {});
    std::uint32_t number = 0;
    for (const auto numeral : numerals) number = number * 10 + numeral;
    ASSERT_FALSE(seen[number]);
    seen[number] = true;
  }
}

TEST(Ff1, TwoCiphersInOneThreadDoNotMix) {
  const Ff1 first(from_hex(key_128));
  const Ff1 second(from_hex(key_256));
  for (int i = 0; i < 3; ++i) {
    auto numerals = numerals_of(digits);
    encrypt(first, numerals, 10, {});
    EXPECT_EQ(text_of(numerals), "2433477484");
    numerals = numerals_of(digits);
    encrypt(second, numerals, 10, {});
    EXPECT_EQ(text_of(numerals), "6657667009");
  }
}

TEST(Ff1, SeveralThreadsShareOneCipher) {
  const Ff1 cipher(from_hex(key_192));
  std::vector<int> right(4);
  std::vector<std::thread> threads;
  for (auto& count : right) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        auto numerals = numerals_of(digits);
        encrypt(cipher, numerals, 10, {});
        count += text_of(numerals) == "2830668132" ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(4, 1'000));
}

TEST(Ff1DeathTest, RefusesWhatIsNoDomain) {
  const Ff1 cipher(from_hex(key_128));
  std::vector<std::uint16_t> short_string(5);
  EXPECT_DEATH(encrypt(cipher, short_string, 10, {}), "a million");
  std::vector<std::uint16_t> foreign(10, 10);
  EXPECT_DEATH(encrypt(cipher, foreign, 10, {}), "below the radix");
  EXPECT_DEATH(Ff1Strings(cipher, 10, 10, {}).encrypt(std::span(foreign).first(9)), "whole strings");
  std::vector<std::uint64_t> left{99'999};
  std::vector<std::uint64_t> right{100'000};
  EXPECT_DEATH(Ff1Strings(cipher, 10, 10, {}).encrypt_halves(left, right), "below its power");
  EXPECT_DEATH(Ff1Strings(cipher, 10, 10, {}).encrypt_halves(left, {}), "two halves");
  EXPECT_DEATH(Ff1(std::vector<std::uint8_t>(15)), "16, 24 or 32");
}

TEST(Ff1DeathTest, RefusesAHalfOfMoreThan63Bits) {
  const Ff1 cipher(from_hex(key_128));
  for (const auto& [radix, longest] : {std::pair{2U, 126U}, {10U, 36U}, {128U, 18U}, {65536U, 6U}}) {
    Ff1Strings(cipher, radix, longest, {});
    EXPECT_DEATH(Ff1Strings(cipher, radix, longest + 1, {}), "at most 2\\^63 values");
    EXPECT_DEATH(Ff1Strings(cipher, radix, 4 * longest, {}), "at most 2\\^63 values") << "also where 2^64 is passed";
  }
}

}  // namespace
}  // namespace openrun::crypto
