#include <array>
#include <string>

#include <gtest/gtest.h>

#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/sealing.hpp>

namespace openrun::crypto {
namespace {

const SealingKey key{1, 2, 3};
constexpr std::array<std::uint8_t, 4> header{0, 0, 0, 9};

std::string sealed(Sealer& sealer, std::string_view message) {
  std::string out;
  sealer.seal(header, message, out);
  return out;
}

TEST(Sealing, OpensWhatWasSealedInItsOrder) {
  Sealer sealer(key);
  Opener opener(key);
  for (const std::string& message : {std::string("first"), std::string(), std::string(100'000, 'x')}) {
    const std::string hidden = sealed(sealer, message);
    EXPECT_EQ(hidden.size(), message.size() + seal_bytes);
    std::string out;
    EXPECT_TRUE(opener.open(header, hidden, out));
    EXPECT_EQ(out, message);
  }
}

// NIST's test vector for a 256-bit key of zeros, the nonce 0 and one block of zeros (GCM specification, test case 14).
TEST(Sealing, IsAes256Gcm) {
  Sealer sealer(SealingKey{});
  std::string out;
  sealer.seal({}, std::string(16, '\0'), out);
  EXPECT_EQ(hex(std::span(reinterpret_cast<const std::uint8_t*>(out.data()), out.size())),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Sealing, AppendsToWhatIsThere) {
  Sealer sealer(key);
  Sealer same(key);
  std::string out = "head";
  sealer.seal(header, "message", out);
  EXPECT_EQ(out, "head" + sealed(same, "message"));
}

TEST(Sealing, RefusesWhatWasNotSealedSo) {
  Sealer sealer(key);
  const std::string first = sealed(sealer, "a coupon for you");
  const std::string second = sealed(sealer, "none for you");
  const auto opens = [](std::string_view hidden, const SealingKey& with, std::array<std::uint8_t, 4> beside) {
    Opener opener(with);
    std::string out = "old";
    const bool good = opener.open(beside, hidden, out);
    EXPECT_TRUE(good || out.empty());
    return good;
  };
  EXPECT_TRUE(opens(first, key, header));
  EXPECT_FALSE(opens(first, SealingKey{1, 2, 4}, header)) << "another key";
  EXPECT_FALSE(opens(first, key, {0, 0, 0, 8})) << "another header";
  EXPECT_FALSE(opens(second, key, header)) << "the first was left out";
  EXPECT_FALSE(opens(first.substr(0, first.size() - 1), key, header)) << "cut";
  EXPECT_FALSE(opens(first.substr(0, seal_bytes - 1), key, header)) << "shorter than a seal";
  for (std::size_t at = 0; at < first.size(); ++at) {
    std::string changed = first;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(opens(changed, key, header)) << at;
  }
}

TEST(Sealing, RefusesAMessageThatComesTwice) {
  Sealer sealer(key);
  Opener opener(key);
  const std::string hidden = sealed(sealer, "once");
  std::string out;
  EXPECT_TRUE(opener.open(header, hidden, out));
  EXPECT_FALSE(opener.open(header, hidden, out));
}

}  // namespace
}  // namespace openrun::crypto
