#include <random>
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
    cipher.encrypt(numerals, sample.radix, tweak);
    EXPECT_EQ(text_of(numerals), sample.cipher);
    cipher.decrypt(numerals, sample.radix, tweak);
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
  cipher.encrypt(numerals, 65536, tweak);
  EXPECT_EQ(numerals,
            (std::vector<std::uint16_t>{44621, 64821, 47999, 36737, 15962, 3425,  42142, 35686, 7489,  42465, 24580,
                                        30029, 64031, 54314, 64174, 40167, 27273, 7999,  65328, 4920,  45144, 60314,
                                        11353, 51268, 17220, 25957, 835,   21713, 33791, 60049, 56649, 17849}));
  numerals.resize(25);
  for (std::size_t i = 0; i < numerals.size(); ++i) numerals[i] = static_cast<std::uint16_t>(i);
  cipher.encrypt(numerals, 1'000, {});
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
    cipher.encrypt(numerals, radix, tweak);
    for (const auto numeral : numerals) ASSERT_LT(numeral, radix);
    ASSERT_NE(numerals, plain) << "a fixed point is possible, but not for this seed";
    const auto encrypted = numerals;
    cipher.decrypt(numerals, radix, tweak);
    ASSERT_EQ(numerals, plain) << "radix " << radix << ", length " << length;
    tweak.push_back(1);
    cipher.encrypt(numerals, radix, tweak);
    ASSERT_NE(numerals, encrypted) << "another tweak gives another cipher";
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
    cipher.encrypt(numerals, 10, {});
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
    first.encrypt(numerals, 10, {});
    EXPECT_EQ(text_of(numerals), "2433477484");
    numerals = numerals_of(digits);
    second.encrypt(numerals, 10, {});
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
        cipher.encrypt(numerals, 10, {});
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
  EXPECT_DEATH(cipher.encrypt(short_string, 10, {}), "a million");
  std::vector<std::uint16_t> foreign(10, 10);
  EXPECT_DEATH(cipher.encrypt(foreign, 10, {}), "below the radix");
  EXPECT_DEATH(Ff1(std::vector<std::uint8_t>(15)), "16, 24 or 32");
}

}  // namespace
}  // namespace openrun::crypto
