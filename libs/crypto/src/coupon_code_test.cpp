#include <algorithm>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>

#include "code_alphabets.hpp"

namespace openrun::crypto {
namespace {

constexpr CodeAlphabet alphabets[] = {CodeAlphabet::hangul, CodeAlphabet::latin};

CouponCodes codes() {
  return CouponCodes(from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
}

CouponKey key_of(std::uint32_t campaign, std::uint32_t sequence) {
  return {CampaignId{campaign}, Sequence{sequence}};
}

std::string utf8(char32_t c) {
  return {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
          static_cast<char>(0x80 | (c & 0x3F))};
}

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<char32_t>(static_cast<unsigned char>(text[i + k])); };
    if (byte(0) < 0x80) {
      out.push_back(byte(0));
      i += 1;
    } else {
      out.push_back((byte(0) & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F));
      i += 3;
    }
  }
  return out;
}

std::string decomposed(std::string_view text, bool leave_tail_apart_only = false) {
  std::string out;
  for (const char32_t c : code_points(text)) {
    if (c < 0x80) {
      out += static_cast<char>(c);
      continue;
    }
    const char32_t index = c - 0xAC00;
    if (leave_tail_apart_only) {
      out += utf8(c - index % 28);
    } else {
      out += utf8(0x1100 + index / 588) + utf8(0x1161 + index % 588 / 28);
    }
    if (index % 28 != 0) out += utf8(0x11A7 + index % 28);
  }
  return out;
}

TEST(CouponCodes, TheHangulAlphabetIsTenDigitsAnd140SortedSyllables) {
  const auto symbols = code_points(hangul_symbols);
  ASSERT_EQ(symbols.size(), 150U);
  EXPECT_TRUE(std::ranges::adjacent_find(symbols, std::ranges::greater_equal{}) == symbols.end());
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (i < 10) {
      EXPECT_EQ(symbols[i], U'0' + i);
    } else {
      EXPECT_GE(symbols[i], 0xAC00U);
      EXPECT_LE(symbols[i], 0xD7A3U);
    }
  }
  for (const std::string_view gone : {"니", "시", "조", "지", "이", "사", "오", "구", "쟈", "쳐"}) {
    EXPECT_EQ(hangul_symbols.find(gone), std::string_view::npos) << gone;
  }
}

TEST(CouponCodes, ACodeDecryptsToItsKeyOnEdgesAndAtRandom) {
  const CouponCodes c = codes();
  std::mt19937_64 random(63);
  std::vector<CouponKey> keys;
  for (const std::uint32_t campaign : {1U, 2U, 0x40000000U, limits::campaign_id_max}) {
    for (const std::uint32_t sequence : {1U, 2U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU})
      keys.push_back(key_of(campaign, sequence));
  }
  for (int i = 0; i < 20'000; ++i) {
    keys.push_back(key_of(static_cast<std::uint32_t>(1 + random() % limits::campaign_id_max),
                          static_cast<std::uint32_t>(1 + random() % 0xFFFFFFFF)));
  }
  for (const CouponKey& key : keys) {
    for (const CodeAlphabet alphabet : alphabets) {
      const std::string code = c.encode(key, alphabet);
      ASSERT_EQ(utf8_length(code), alphabet == CodeAlphabet::hangul ? 10U : 13U);
      ASSERT_EQ(c.decode(code), std::optional(key)) << code;
    }
  }
}

TEST(CouponCodes, CodesOfADenseRangeAreDistinct) {
  const CouponCodes c = codes();
  for (const CodeAlphabet alphabet : alphabets) {
    std::unordered_set<std::string> seen;
    for (std::uint32_t campaign = 1; campaign <= 4; ++campaign) {
      for (std::uint32_t sequence = 1; sequence <= 25'000; ++sequence) {
        ASSERT_TRUE(seen.insert(c.encode(key_of(campaign, sequence), alphabet)).second);
      }
    }
  }
}

TEST(CouponCodes, ManyAreMadeLikeEachAlone) {
  const CouponCodes c = codes();
  constexpr std::size_t bound = Ff1Strings::side_by_side;
  for (const CodeAlphabet alphabet : alphabets) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, bound, bound + 1, 3 * bound - 1}) {
      std::vector<CouponKey> keys;
      std::vector<std::string> alone;
      for (std::uint32_t i = 1; i <= count; ++i) {
        keys.push_back(key_of(i % 3 + 1, 7 * i));
        alone.push_back(c.encode(keys.back(), alphabet));
      }
      std::vector<std::string> together(count, "what stood there before");
      c.encode(keys, alphabet, together);
      ASSERT_EQ(together, alone) << count;
    }
  }
}

// Codes that were issued must decrypt for ever: a change of alphabet, tweak or layout shows here.
TEST(CouponCodes, TheCodesOfAKnownKeyStay) {
  const CouponCodes c = codes();
  EXPECT_EQ(c.encode(key_of(1, 1), CodeAlphabet::hangul), "쿠로탑랴달햐뱌혀말코");
  EXPECT_EQ(c.encode(key_of(1, 1), CodeAlphabet::latin), "JZT7P5ZTHYMS3");
  EXPECT_EQ(c.fingerprint(), "79bccd3e92854eda");
}

TEST(CouponCodes, HangulIsReadInNfcNfdAndHalfComposed) {
  const CouponCodes c = codes();
  for (std::uint32_t sequence = 1; sequence <= 2'000; ++sequence) {
    const CouponKey key = key_of(9, sequence);
    const std::string code = c.encode(key, CodeAlphabet::hangul);
    ASSERT_EQ(c.decode(decomposed(code)), std::optional(key)) << code;
    ASSERT_EQ(c.decode(decomposed(code, true)), std::optional(key)) << code;
  }
}

TEST(CouponCodes, LatinIsReadInEitherCaseWithHyphensAndLookAlikes) {
  const CouponCodes c = codes();
  for (std::uint32_t sequence = 1; sequence <= 500; ++sequence) {
    const CouponKey key = key_of(9, sequence);
    std::string code = c.encode(key, CodeAlphabet::latin);
    EXPECT_EQ(code.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
    std::string lower = code;
    std::ranges::transform(lower, lower.begin(), [](char x) { return x >= 'A' ? static_cast<char>(x + 32) : x; });
    EXPECT_EQ(c.decode(lower), std::optional(key));
    EXPECT_EQ(c.decode(code.substr(0, 4) + "-" + code.substr(4, 4) + "-" + code.substr(8)), std::optional(key));
    for (const auto& [digit, letters] : {std::pair{'0', "Oo"}, std::pair{'1', "IiLl"}}) {
      for (const char letter : std::string_view(letters)) {
        std::string alike = code;
        std::ranges::replace(alike, digit, letter);
        EXPECT_EQ(c.decode(alike), std::optional(key));
      }
    }
  }
}

TEST(CouponCodes, WhatIsNoCodeIsRefused) {
  const CouponCodes c = codes();
  const std::string hangul = c.encode(key_of(1, 1), CodeAlphabet::hangul);
  const std::string latin = c.encode(key_of(1, 1), CodeAlphabet::latin);
  const std::string refused[] = {"",
                                 "-",
                                 "hello",
                                 hangul + "0",
                                 hangul.substr(0, hangul.size() - 1),
                                 latin + "0",
                                 "0" + hangul,
                                 latin.substr(1),
                                 latin.substr(1) + "U",
                                 latin.substr(1) + "!",
                                 hangul + "\x01",
                                 std::string(1'000'000, '-') + latin,
                                 "\xE1\x84\x80" + hangul,
                                 "뷁" + hangul,
                                 std::string(13, '\xFF'),
                                 "９９９９９９９９９９"};
  for (const std::string& text : refused) EXPECT_FALSE(c.decode(text)) << text.substr(0, 60);
}

TEST(CouponCodes, MostInventedCodesAreRefusedByTheirSpareBits) {
  const CouponCodes c = codes();
  std::mt19937_64 random(5);
  const auto symbols = code_points(hangul_symbols);
  int hangul_accepted = 0;
  int latin_accepted = 0;
  constexpr int tries = 50'000;
  for (int i = 0; i < tries; ++i) {
    std::string hangul;
    for (int k = 0; k < 10; ++k) {
      const char32_t symbol = symbols[random() % symbols.size()];
      hangul += symbol < 0x80 ? std::string(1, static_cast<char>(symbol)) : utf8(symbol);
    }
    hangul_accepted += c.decode(hangul) ? 1 : 0;
    std::string latin;
    for (int k = 0; k < 13; ++k) latin += latin_symbols[random() % latin_symbols.size()];
    latin_accepted += c.decode(latin) ? 1 : 0;
  }
  // 2^63 / 150^10 is 1 in 625, 2^63 / 2^65 is 1 in 4.
  EXPECT_NEAR(hangul_accepted, tries / 625.0, 40);
  EXPECT_NEAR(latin_accepted, tries / 4.0, 500);
}

TEST(CouponCodes, AnotherKeyReadsNoneOfThem) {
  const CouponCodes ours = codes();
  const CouponCodes theirs(std::vector<std::uint8_t>(32, 1));
  EXPECT_NE(ours.fingerprint(), theirs.fingerprint());
  int read = 0;
  for (std::uint32_t sequence = 1; sequence <= 5'000; ++sequence) {
    const CouponKey key = key_of(3, sequence);
    for (const CodeAlphabet alphabet : alphabets)
      ASSERT_NE(theirs.decode(ours.encode(key, alphabet)), std::optional(key));
    read += theirs.decode(ours.encode(key, CodeAlphabet::hangul)) ? 1 : 0;
  }
  EXPECT_LT(read, 40) << "1 in 625 has its spare bits clear by chance";
}

TEST(CouponCodes, TheFingerprintTellsNothingButWhetherTheKeyIsTheSame) {
  EXPECT_EQ(codes().fingerprint(), codes().fingerprint());
  EXPECT_EQ(codes().fingerprint().size(), 16U);
}

TEST(CouponCodesDeathTest, KeysOutOfRangeAreBugs) {
  const CouponCodes c = codes();
  EXPECT_DEATH((void)c.encode(key_of(0, 1), CodeAlphabet::hangul), "campaign");
  EXPECT_DEATH((void)c.encode(key_of(limits::campaign_id_max + 1, 1), CodeAlphabet::hangul), "campaign");
  EXPECT_DEATH((void)c.encode(key_of(1, 0), CodeAlphabet::latin), "sequence");
  const std::vector keys{key_of(1, 1), key_of(1, 0)};
  std::vector<std::string> made(2);
  EXPECT_DEATH(c.encode(keys, CodeAlphabet::latin, made), "sequence");
  made.resize(1);
  EXPECT_DEATH(c.encode(keys, CodeAlphabet::latin, made), "each coupon gets a code");
}

}  // namespace
}  // namespace openrun::crypto
