#include <random>
#include <span>
#include <string>
#include <thread>
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

// Beyond NIST's samples: halves of more than 64 bits, a round output of more than one block, a tweak of more than one
// block. Computed by a separate, plain transcription of the standard's steps on long integers.
TEST(Ff1, AgreesWithThePlainAlgorithmOnLongHalves) {
  const Ff1 cipher(from_hex(key_256));
  std::vector<std::uint16_t> numerals(32);
  for (std::size_t i = 0; i < numerals.size(); ++i) numerals[i] = static_cast<std::uint16_t>(i);
  std::vector<std::uint8_t> tweak(20);
  for (std::size_t i = 0; i < tweak.size(); ++i) tweak[i] = static_cast<std::uint8_t>(i);
  encrypt(cipher, numerals, 65536, tweak);
  EXPECT_EQ(numerals,
            (std::vector<std::uint16_t>{44621, 64821, 47999, 36737, 15962, 3425,  42142, 35686, 7489,  42465, 24580,
                                        30029, 64031, 54314, 64174, 40167, 27273, 7999,  65328, 4920,  45144, 60314,
                                        11353, 51268, 17220, 25957, 835,   21713, 33791, 60049, 56649, 17849}));
  numerals.resize(25);
  for (std::size_t i = 0; i < numerals.size(); ++i) numerals[i] = static_cast<std::uint16_t>(i);
  encrypt(cipher, numerals, 1'000, {});
  EXPECT_EQ(numerals, (std::vector<std::uint16_t>{916, 323, 124, 607, 320, 278, 686, 466, 655, 953, 958, 832, 870,
                                                  574, 436, 21,  433, 170, 185, 503, 543, 256, 875, 405, 931}));
}

// Lengths and radices on both sides of the border between 64-bit halves and longer ones, with tweaks of one block and
// more.
TEST(Ff1, DecryptsWhatItEncrypted) {
  std::mt19937_64 random(38);
  const Ff1 cipher(from_hex(key_256));
  for (int i = 0; i < 5'000; ++i) {
    const std::uint32_t radix =
        i % 3 == 0 ? 2 + static_cast<std::uint32_t>(random() % 65535) : 2 + static_cast<std::uint32_t>(random() % 200);
    std::size_t length = 2 + random() % 31;
    for (double size = 1; length < 32; ++length, size = 1) {
      for (std::size_t k = 0; k < length; ++k) size *= radix;
      if (size >= 1e6) break;
    }
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

// Halves of 10 bits to 63, the longest narrow ones, and beyond; counts around what is worked on at once.
TEST(Ff1, StringsSideBySideAreEncryptedLikeEachAlone) {
  struct Shape {
    std::uint32_t radix;
    std::size_t length;
  };
  constexpr Shape shapes[] = {{10, 6}, {2, 31}, {32, 13}, {150, 10}, {128, 18}, {65536, 7}, {1'000, 25}, {65536, 32}};
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
  EXPECT_DEATH(Ff1Strings(cipher, 65536, 8, {}).encrypt_halves(left, right), "at most 2\\^63");
  EXPECT_DEATH(Ff1(std::vector<std::uint8_t>(15)), "16, 24 or 32");
}

}  // namespace
}  // namespace openrun::crypto
