#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

struct HmacCase {
  std::vector<std::uint8_t> key;
  std::vector<std::uint8_t> message;
  const char* tag;
};

// RFC 4231, test cases 1, 2, 3 and 6, cut to 128 bits.
TEST(Mac, HmacAgreesWithRfc4231) {
  const HmacCase cases[] = {
      {std::vector<std::uint8_t>(20, 0x0B), bytes_of("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b"},
      {bytes_of("Jefe"), bytes_of("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c7"},
      {std::vector<std::uint8_t>(20, 0xAA), std::vector<std::uint8_t>(50, 0xDD), "773ea91e36800e46854db8ebd09181a7"},
      {std::vector<std::uint8_t>(131, 0xAA), bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"),
       "60e431591ee0b67f0d8a26aacbf5b77f"},
  };
  for (int again = 0; again < 2; ++again) {
    for (const auto& [key, message, tag] : cases) {
      EXPECT_EQ(hex(hmac_tag(key, message)), tag);
      const HmacKey kept(key);
      EXPECT_EQ(hex(kept.tag(message)), tag);
      EXPECT_EQ(hex(kept.tag(message)), tag);  // a message leaves nothing behind
      EXPECT_EQ(hex(kept.sha256(message)).substr(0, 32), tag);
    }
  }
}

// RFC 4231, test case 7: key and message both longer than a block. Then keys of a block and of one byte more, and one
// that padding makes equal to a longer one.
TEST(Mac, HmacTakesKeysAndMessagesOfAnyLength) {
  const std::vector<std::uint8_t> long_key(131, 0xAA);
  const HmacKey key(long_key);
  EXPECT_EQ(hex(key.sha256(bytes_of("This is a test using a larger than block-size key and a larger than block-size "
                                    "data. The key needs to be hashed before being used by the HMAC algorithm."))),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
  EXPECT_NE(HmacKey(std::vector<std::uint8_t>(64, 1)).tag({}), HmacKey(std::vector<std::uint8_t>(65, 1)).tag({}));
  EXPECT_EQ(HmacKey(std::vector<std::uint8_t>{1}).tag({}), HmacKey(std::vector<std::uint8_t>{1, 0}).tag({}));
  EXPECT_DEATH(HmacKey({}), "a MAC needs a key");
}

// The paper's appendix A, and the first vectors of its reference implementation: key 00..0f, message 00, 01, ... of
// length i.
TEST(Mac, SipHashAgreesWithItsPaper) {
  const std::uint64_t k0 = 0x0706050403020100;
  const std::uint64_t k1 = 0x0F0E0D0C0B0A0908;
  std::vector<std::uint8_t> message(15);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(siphash_2_4(k0, k1, message), 0xA129CA6149BE45E5U);
  const char* const expected[] = {"310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785",
                                  "b7877127e09427cf", "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab"};
  for (std::size_t length = 0; length < std::size(expected); ++length) {
    const std::uint64_t hash = siphash_2_4(k0, k1, std::span(message).first(length));
    std::array<std::uint8_t, 8> little{};
    for (unsigned i = 0; i < 8; ++i) little[i] = static_cast<std::uint8_t>(hash >> (8 * i));
    EXPECT_EQ(hex(little), expected[length]) << length;
  }
}

TEST(Mac, AUsersHashDependsOnKeyCampaignAndUser) {
  std::vector<std::uint8_t> key(16, 7);
  const UserHash hash(key);
  EXPECT_EQ(hash(1, "u"), UserHash(key)(1, "u"));
  EXPECT_NE(hash(1, "u"), hash(2, "u"));
  EXPECT_NE(hash(1, "u"), hash(1, "v"));
  key[15] = 8;
  EXPECT_NE(hash(1, "u"), UserHash(key)(1, "u"));
  EXPECT_NE(hash(1, std::string(256, 'u')), hash(1, std::string(257, 'u')));
  EXPECT_EQ(hash(1, std::string(300, 'u')), hash(1, std::string(300, 'u')));
}

TEST(Mac, AUsersHashIsSipHashOfCampaignAndUser) {
  std::vector<std::uint8_t> key(16);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  const std::vector<std::uint8_t> message{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  const std::string user(message.begin() + 4, message.end());
  EXPECT_EQ(UserHash(key)(0x03020100, user), 0xA129CA6149BE45E5U);
}

TEST(Mac, EqualityComparesEveryByteAndTheLength) {
  EXPECT_TRUE(equal_constant_time(std::string_view(""), std::string_view("")));
  EXPECT_TRUE(equal_constant_time(std::string_view("token"), std::string_view("token")));
  EXPECT_FALSE(equal_constant_time(std::string_view("token"), std::string_view("tokeN")));
  EXPECT_FALSE(equal_constant_time(std::string_view("token"), std::string_view("Token")));
  EXPECT_FALSE(equal_constant_time(std::string_view("token"), std::string_view("toke")));
}

TEST(Mac, HexIsReadBackAndStrict) {
  EXPECT_EQ(hex(std::vector<std::uint8_t>{0x00, 0xAB, 0xFF}), "00abff");
  EXPECT_EQ(from_hex("00abFF"), (std::vector<std::uint8_t>{0x00, 0xAB, 0xFF}));
  EXPECT_TRUE(from_hex("0").empty());
  EXPECT_TRUE(from_hex("0g").empty());
  EXPECT_TRUE(from_hex("").empty());
}

// RFC 4648, section 10, without padding.
TEST(Mac, Base64urlAgreesWithRfc4648) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : cases) {
    EXPECT_EQ(base64url(bytes_of(plain)), text);
    std::vector<std::uint8_t> out;
    EXPECT_TRUE(from_base64url(text, out));
    EXPECT_EQ(out, bytes_of(plain));
  }
  EXPECT_EQ(base64url(std::vector<std::uint8_t>{0xFB, 0xFF}), "-_8");
}

TEST(Mac, Base64urlHasOneTextForEachBytes) {
  std::vector<std::uint8_t> out;
  for (const char* text : {"Z", "Zg==", "Zh", "Zm9", "Zm9vY", "Zg+", "Zg/", "Z g", "Zm9v\n", "Zm9\xC3"}) {
    EXPECT_FALSE(from_base64url(text, out)) << text;
    EXPECT_TRUE(out.empty());
  }
  std::mt19937_64 random(64);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 12, ' ');
    for (char& c : text) c = static_cast<char>(' ' + random() % 95);
    if (from_base64url(text, out)) {
      ASSERT_EQ(base64url(out), text);
    }
    std::vector<std::uint8_t> bytes(random() % 40);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    ASSERT_TRUE(from_base64url(base64url(bytes), out));
    ASSERT_EQ(out, bytes);
  }
}

TEST(Mac, RandomnessDoesNotRepeat) {
  std::vector<std::uint8_t> a(32);
  std::vector<std::uint8_t> b(32);
  random_bytes(a);
  random_bytes(b);
  EXPECT_NE(a, b);
  std::vector<std::uint32_t> numbers(1'000);
  for (auto& number : numbers) number = random_u32();
  std::ranges::sort(numbers);
  EXPECT_GT(std::ranges::unique(numbers).begin() - numbers.begin(), 990);
}

}  // namespace
}  // namespace openrun::crypto
