#include "gateway/access/jwks.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"
#include "gateway/testing/tokens.hpp"

namespace openrun::gateway {
namespace {

using testing::ec_key;
using ::testing::HasSubstr;
using testing::hmac_key;
using testing::key_set_of;
using testing::RecordingLogger;
using testing::rsa_key;

TEST(KeySets, HoldTheKeysOfThreeKinds) {
  const auto set = parse_key_set(key_set_of(hmac_key() + "," + rsa_key + "," + ec_key));
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->keys.size(), 3U);
  EXPECT_EQ(set->keys[0].id, "hs-1");
  EXPECT_EQ(set->keys[1].key.algorithm(), crypto::JwsAlgorithm::rs256);
  EXPECT_EQ(set->keys[2].key.algorithm(), crypto::JwsAlgorithm::es256);
  EXPECT_TRUE(set->skipped.empty());
}

TEST(KeySets, KeysThatAreNotForUsAreSkippedAndSaidSo) {
  struct Row {
    std::string key;
    const char* why;
  };
  const std::string k = R"("k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")";
  for (const Row& row : {
           Row{R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})", "kind"},
           Row{R"({"kid":"x"})", "kind"},
           Row{"5", "no object"},
           Row{R"({"kty":"oct","use":"enc",)" + k + "}", "not for signatures"},
           Row{R"({"kty":"oct","key_ops":["sign"],)" + k + "}", "not for verifying"},
           Row{R"({"kty":"oct","key_ops":"verify",)" + k + "}", "not for verifying"},
           Row{R"({"kty":"oct","alg":"HS512",)" + k + "}", "algorithm"},
           Row{R"({"kty":"oct","alg":"RS256",)" + k + "}", "algorithm"},
           Row{R"({"kty":"oct","alg":7,)" + k + "}", "no string"},
           Row{R"({"kty":"oct","kid":7,)" + k + "}", "no string"},
           Row{R"({"kty":"oct","k":"c2hvcnQ"})", "32"},
           Row{R"({"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="})", "0 bytes"},
           Row{R"({"kty":"oct"})", "0 bytes"},
           Row{R"({"kty":"RSA","e":"AQAB","n":"AQAB"})", "2048"},
           Row{R"({"kty":"RSA","e":"AQAB"})", "0 bits"},
           Row{R"({"kty":"RSA","e":"AQAB","n":"AQAB","d":"AQAB"})", "private half"},
           Row{R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})", "P-256"},
           Row{R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})", "32 bytes"},
       }) {
    const auto set = parse_key_set(key_set_of(row.key + "," + hmac_key()));
    ASSERT_TRUE(set) << row.key << set.error().message;
    EXPECT_EQ(set->keys.size(), 1U) << row.key;
    ASSERT_EQ(set->skipped.size(), 1U) << row.key;
    EXPECT_THAT(set->skipped[0], HasSubstr(row.why)) << row.key;
    EXPECT_THAT(set->skipped[0], HasSubstr("key 1: ")) << row.key;
    EXPECT_THAT(set->skipped[0], ::testing::Not(HasSubstr("MDEy"))) << "no secret is told";
  }
}

TEST(KeySets, WhatIsNoSetOrHoldsNoKeyIsRefused) {
  std::string many;
  for (std::size_t i = 0; i <= jwks_keys_max; ++i) many += (i > 0 ? "," : "") + hmac_key(std::to_string(i));
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
                                  std::string(R"({"keys":{}})"), key_set_of(""), key_set_of(R"({"kty":"OKP"})"),
                                  key_set_of(many), R"({"keys":[)" + hmac_key() + R"(],"keys":[]})",
                                  std::string(jwks_bytes_max + 1, ' ') + key_set_of(hmac_key())}) {
    EXPECT_FALSE(parse_key_set(text)) << text.substr(0, 100);
  }
}

struct KeysTest : ::testing::Test {
  Result<std::string> text = key_set_of(hmac_key("a"));
  RecordingLogger logger;
  TokenKeys keys{[this] { return text; }, logger};
};

TEST_F(KeysTest, FollowTheFile) {
  EXPECT_TRUE(keys.current()->keys.empty());
  ASSERT_TRUE(keys.refresh());
  const auto before = keys.current();
  EXPECT_EQ(before->keys[0].id, "a");
  ASSERT_TRUE(keys.refresh());
  EXPECT_EQ(keys.current(), before) << "the same text is not read anew";
  text = key_set_of(hmac_key("b"));
  ASSERT_TRUE(keys.refresh());
  EXPECT_EQ(keys.current()->keys[0].id, "b");
  EXPECT_EQ(before->keys[0].id, "a") << "whoever still uses the old set may go on";
}

TEST_F(KeysTest, ABadFileLeavesTheOldKeysAndIsLoggedOnce) {
  ASSERT_TRUE(keys.refresh());
  const auto before = keys.current();
  for (const Result<std::string>& bad : {Result<std::string>("{\"keys\": ["), Result<std::string>(key_set_of("")),
                                         Result<std::string>(fail(Error::Kind::not_found, "cannot read the file"))}) {
    text = bad;
    EXPECT_FALSE(keys.refresh());
    EXPECT_FALSE(keys.refresh());
    EXPECT_EQ(keys.current(), before);
  }
  EXPECT_EQ(logger.lines_with("those that were read before stay in force"), 3U);
  text = key_set_of(hmac_key("a"));
  EXPECT_TRUE(keys.refresh());
  text = key_set_of(hmac_key("c"));
  EXPECT_TRUE(keys.refresh());
  EXPECT_EQ(keys.current()->keys[0].id, "c");
}

TEST_F(KeysTest, NoKeyIsEverLogged) {
  text = key_set_of(hmac_key() + R"(,{"kty":"OKP"})");
  ASSERT_TRUE(keys.refresh());
  EXPECT_EQ(logger.lines_with("a key of the JWK set is not used"), 1U);
  EXPECT_EQ(logger.lines_with("MDEy"), 0U);
}

}  // namespace
}  // namespace openrun::gateway
