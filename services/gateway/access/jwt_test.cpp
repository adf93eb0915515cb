#include "gateway/access/jwt.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/crypto/jws.hpp>
#include <openrun/crypto/mac.hpp>

#include "gateway/testing/tokens.hpp"

namespace openrun::gateway {
namespace {

using testing::ec_key;
using testing::hmac_key;
using testing::rsa_key;
using testing::token;

constexpr Timestamp now{1'800'000'000'000};  // exp and the like below are in seconds
const char* const head = R"({"alg":"HS256","kid":"hs-1"})";
const char* const good_claims = R"({"sub":"mina","exp":1800000060})";

const KeySet& keys() {
  static const KeySet set = parse_key_set(testing::key_set_of(hmac_key() + "," + rsa_key + "," + ec_key)).value();
  return set;
}

// "mina", or the fault's name.
std::string verdict(const std::string& text, const TokenRules& rules = {}, const KeySet& set = keys()) {
  const auto user = verify_token(text, set, rules, now);
  return user ? *user : std::string(to_string(user.error()));
}

std::string base64url(std::string_view text) {
  return crypto::base64url(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

// One part of a token replaced.
std::string with_part(const std::string& text, int part, const std::string& replaced) {
  const std::size_t first = text.find('.');
  const std::size_t second = text.find('.', first + 1);
  std::string parts[3]{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
  parts[part] = replaced;
  return parts[0] + "." + parts[1] + "." + parts[2];
}

std::string part_of(const std::string& text, int part) {
  const std::size_t first = text.find('.');
  const std::size_t second = text.find('.', first + 1);
  return part == 0   ? text.substr(0, first)
         : part == 1 ? text.substr(first + 1, second - first - 1)
                     : text.substr(second + 1);
}

TEST(Tokens, OfEachAlgorithmNameTheirUser) {
  EXPECT_EQ(verdict(token(head, good_claims)), "mina");
  EXPECT_EQ(verdict(testing::rs256_token), "mina");
  EXPECT_EQ(verdict(testing::es256_token), "mina");
}

TEST(Tokens, ThatNameNoKeyAreTriedWithEachOfTheirAlgorithm) {
  EXPECT_EQ(verdict(testing::rs256_token_without_kid), "mina");
  EXPECT_EQ(verdict(testing::es256_token_without_kid), "mina");
  const KeySet two =
      parse_key_set(testing::key_set_of(hmac_key("a", "ffffffffffffffffffffffffffffffff") + "," + hmac_key("b")))
          .value();
  EXPECT_EQ(verdict(token(R"({"alg":"HS256"})", good_claims), {}, two), "mina");
}

struct Attack {
  std::string name;
  std::string token;
  std::string verdict;
  TokenRules rules = {};
};

void expect_refused(const std::vector<Attack>& attacks) {
  for (const Attack& attack : attacks) {
    EXPECT_EQ(verdict(attack.token, attack.rules), attack.verdict) << attack.name;
  }
}

TEST(TokenAttacks, OnTheAlgorithmAreRefused) {
  const std::string good = token(head, good_claims);
  const std::string unsigned_head = base64url(R"({"alg":"none"})");
  const auto hs = [](const std::string& header, std::string_view secret) { return token(header, good_claims, secret); };
  std::vector<std::uint8_t> modulus;
  ASSERT_TRUE(crypto::from_base64url(testing::rsa_modulus, modulus));
  const std::string modulus_text(modulus.begin(), modulus.end());
  expect_refused({
      {"alg none without a signature", unsigned_head + "." + part_of(good, 1) + ".", "malformed"},
      {"alg none, two parts", unsigned_head + "." + part_of(good, 1), "malformed"},
      {"alg none with the old signature", with_part(good, 0, unsigned_head), "algorithm"},
      {"alg None", hs(R"({"alg":"None","kid":"hs-1"})", testing::hmac_secret), "algorithm"},
      {"alg in lower case", hs(R"({"alg":"hs256","kid":"hs-1"})", testing::hmac_secret), "algorithm"},
      {"alg HS512", hs(R"({"alg":"HS512","kid":"hs-1"})", testing::hmac_secret), "algorithm"},
      {"no alg", hs(R"({"kid":"hs-1"})", testing::hmac_secret), "algorithm"},
      {"alg that is no text", hs(R"({"alg":["HS256"],"kid":"hs-1"})", testing::hmac_secret), "algorithm"},
      {"alg null", hs(R"({"alg":null,"kid":"hs-1"})", testing::hmac_secret), "algorithm"},
      {"the RSA key's PEM as an HMAC secret", hs(R"({"alg":"HS256","kid":"rsa-1"})", testing::rsa_public_pem), "key"},
      {"the same without kid", hs(R"({"alg":"HS256"})", testing::rsa_public_pem), "signature"},
      {"the RSA key's modulus as an HMAC secret", hs(R"({"alg":"HS256","kid":"rsa-1"})", modulus_text), "key"},
      {"an empty HMAC secret is never tried", hs(R"({"alg":"HS256"})", std::string(1, '\0')), "signature"},
      {"an RSA key asked for ES256", with_part(testing::es256_token, 0, base64url(R"({"alg":"ES256","kid":"rsa-1"})")),
       "key"},
      {"HS256 renamed to RS256", with_part(good, 0, base64url(R"({"alg":"RS256","kid":"rsa-1"})")), "signature"},
  });
}

TEST(TokenAttacks, OnTheKeyAreRefused) {
  const auto hs = [](const std::string& header) { return token(header, good_claims); };
  const auto stranger = [](const std::string& header) {
    return token(header, good_claims, "fedcba9876543210fedcba9876543210");
  };
  expect_refused({
      {"another key", stranger(head), "signature"},
      {"another key of the same id", testing::rs256_token_of_a_stranger, "signature"},
      {"an unknown kid", hs(R"({"alg":"HS256","kid":"hs-2"})"), "key"},
      {"an empty kid", hs(R"({"alg":"HS256","kid":""})"), "key"},
      {"a kid that is no text", hs(R"({"alg":"HS256","kid":1})"), "malformed"},
      {"a kid null", hs(R"({"alg":"HS256","kid":null})"), "malformed"},
      {"a kid that is a path", hs(R"({"alg":"HS256","kid":"../../dev/null"})"), "key"},
      {"a kid that is SQL", hs(R"({"alg":"HS256","kid":"x' UNION SELECT 'secret"})"), "key"},
      {"its own key in the header", testing::rs256_token_with_its_own_key, "signature"},
      {"jku", stranger(R"({"alg":"HS256","kid":"hs-1","jku":"https://evil.example/keys.json"})"), "signature"},
      {"x5u", stranger(R"({"alg":"HS256","kid":"hs-1","x5u":"https://evil.example/c.pem"})"), "signature"},
      {"x5c", stranger(R"({"alg":"HS256","kid":"hs-1","x5c":["MIIB"]})"), "signature"},
      {"crit", hs(R"({"alg":"HS256","kid":"hs-1","crit":["exp"],"exp":1})"), "malformed"},
      {"crit that is empty", hs(R"({"alg":"HS256","kid":"hs-1","crit":[]})"), "malformed"},
      {"b64 false", hs(R"({"alg":"HS256","kid":"hs-1","b64":false})"), "malformed"},
      {"a proof of possession", hs(R"({"alg":"HS256","kid":"hs-1","typ":"dpop+jwt"})"), "malformed"},
      {"a logout", hs(R"({"alg":"HS256","kid":"hs-1","typ":"logout+jwt"})"), "malformed"},
  });
}

TEST(TokenAttacks, OnTheSignatureAreRefused) {
  const std::string good = token(head, good_claims);
  const std::string es = testing::es256_token;
  std::vector<std::uint8_t> signature;
  ASSERT_TRUE(crypto::from_base64url(part_of(es, 2), signature));
  std::vector<std::uint8_t> zero_s = signature;
  std::fill(zero_s.begin() + 32, zero_s.end(), 0);
  std::vector<std::uint8_t> zero_r = signature;
  std::fill(zero_r.begin(), zero_r.begin() + 32, 0);
  const std::vector<std::uint8_t> short_one(signature.begin(), signature.end() - 1);
  std::vector<std::uint8_t> flipped = signature;
  flipped[10] ^= 1;
  expect_refused({
      {"another payload", with_part(good, 1, base64url(R"({"sub":"admin","exp":1800000060})")), "signature"},
      {"another header", with_part(good, 0, base64url(R"({"kid":"hs-1","alg":"HS256"})")), "signature"},
      {"the payload of another token", with_part(es, 1, part_of(good, 1)), "signature"},
      {"one bit of it", with_part(es, 2, crypto::base64url(flipped)), "signature"},
      {"half of it", with_part(good, 2, part_of(good, 2).substr(0, 20)), "signature"},
      {"DER of ES256", testing::es256_token_in_der, "signature"},
      {"r and s zero", with_part(es, 2, crypto::base64url(std::vector<std::uint8_t>(64, 0))), "signature"},
      {"r zero", with_part(es, 2, crypto::base64url(zero_r)), "signature"},
      {"s zero", with_part(es, 2, crypto::base64url(zero_s)), "signature"},
      {"r and s beyond the group", with_part(es, 2, crypto::base64url(std::vector<std::uint8_t>(64, 0xFF))),
       "signature"},
      {"63 bytes of ES256", with_part(es, 2, crypto::base64url(short_one)), "signature"},
      {"RS256 signature all zero",
       with_part(testing::rs256_token, 2, crypto::base64url(std::vector<std::uint8_t>(256, 0))), "signature"},
      {"RS256 signature of another size",
       with_part(testing::rs256_token, 2, crypto::base64url(std::vector<std::uint8_t>(255, 1))), "signature"},
  });
}

TEST(TokenAttacks, OnTheFormAreRefused) {
  const std::string good = token(head, good_claims);
  const auto claims = [](const std::string& payload) { return token(head, payload); };
  expect_refused({
      {"nothing", "", "malformed"},
      {"padding", with_part(good, 2, part_of(good, 2) + "="), "malformed"},
      {"white space within", with_part(good, 1, " " + part_of(good, 1)), "malformed"},
      {"a line break", good + "\n", "malformed"},
      {"the ordinary alphabet of base64", with_part(good, 2, "+/" + part_of(good, 2).substr(2)), "malformed"},
      {"bits left over", with_part(good, 2, part_of(good, 2).substr(0, 42) + "B"), "malformed"},
      {"a fourth part", good + ".x", "malformed"},
      {"five parts, as JWE has", good + ".x.y", "malformed"},
      {"truncated after the payload", part_of(good, 0) + "." + part_of(good, 1), "malformed"},
      {"truncated in the signature", good.substr(0, good.size() - 1), "malformed"},
      {"the JSON serialization", R"({"payload":"e30","signatures":[]})", "malformed"},
      {"too large", token(head, R"({"sub":"mina","exp":1800000060,"x":")" + std::string(8'192, 'x') + R"("})"),
       "malformed"},
      {"a header that is no JSON", token("{", good_claims), "malformed"},
      {"a header that is a list", token("[]", good_claims), "malformed"},
      {"a member of the header twice", token(R"({"alg":"HS256","alg":"none","kid":"hs-1"})", good_claims), "malformed"},
      {"a member twice by an escape", token(R"({"alg":"HS256","\u0061lg":"none","kid":"hs-1"})", good_claims),
       "malformed"},
      {"a payload that is no JSON", claims("sub=mina"), "malformed"},
      {"a payload that is a list", claims("[]"), "malformed"},
      {"a token within the token", claims(good), "malformed"},
      {"a claim twice", claims(R"({"sub":"mina","sub":"admin","exp":1800000060})"), "malformed"},
      {"text after the claims", claims(std::string(good_claims) + "{}"), "malformed"},
      {"no UTF-8", claims("{\"sub\":\"\xff\",\"exp\":1800000060}"), "malformed"},
      {"deep nesting", claims(R"({"sub":"mina","exp":1800000060,"x":[[[[[[[[[[1]]]]]]]]]]})"), "malformed"},
  });
}

TEST(TokenAttacks, OnTheTimesAreRefused) {
  const auto claims = [](const std::string& more) { return token(head, R"({"sub":"mina")" + more + "}"); };
  expect_refused({
      {"no exp", claims(""), "expired"},
      {"exp null", claims(R"(,"exp":null)"), "expired"},
      {"exp as text", claims(R"(,"exp":"1800000060")"), "expired"},
      {"exp a while ago", claims(R"(,"exp":1799990000)"), "expired"},
      {"exp just beyond the leeway", claims(R"(,"exp":1799999970)"), "expired"},
      {"exp below zero", claims(R"(,"exp":-1)"), "expired"},
      {"exp in milliseconds is far, and good for that long", claims(R"(,"exp":1800000060000)"), "mina"},
      {"nbf in the future", claims(R"(,"exp":1800000060,"nbf":1800000031)"), "not_yet"},
      {"nbf as text", claims(R"(,"exp":1800000060,"nbf":"0")"), "not_yet"},
      {"iat in the future", claims(R"(,"exp":1800000060,"iat":1800000031)"), "not_yet"},
      {"iat beyond all numbers", claims(R"(,"exp":1800000060,"iat":1e300)"), "not_yet"},
  });
}

TEST(Tokens, CountWithinTheLeewayOfTheirTimes) {
  const auto claims = [](const std::string& more) { return token(head, R"({"sub":"mina")" + more + "}"); };
  EXPECT_EQ(verdict(claims(R"(,"exp":1799999971)")), "mina");
  EXPECT_EQ(verdict(claims(R"(,"exp":1799999970.5)")), "mina");
  EXPECT_EQ(verdict(claims(R"(,"exp":1800000060,"nbf":1800000030,"iat":1800000030)")), "mina");
  EXPECT_EQ(verdict(claims(R"(,"exp":1799999999)"), {.issuer = "", .audience = "", .leeway_s = 0}), "expired");
  EXPECT_EQ(verdict(claims(R"(,"exp":1800000001)"), {.issuer = "", .audience = "", .leeway_s = 0}), "mina");
}

TEST(TokenAttacks, OnIssuerAudienceAndSubjectAreRefused) {
  const TokenRules rules{.issuer = "https://id.example", .audience = "openrun", .leeway_s = 30};
  const auto claims = [](const std::string& more) { return token(head, R"({"exp":1800000060)" + more + "}"); };
  const std::string iss = R"(,"iss":"https://id.example")";
  const std::string aud = R"(,"aud":"openrun")";
  const std::string sub = R"(,"sub":"mina")";
  expect_refused({
      {"the good one", claims(iss + aud + sub), "mina", rules},
      {"one of several audiences", claims(iss + sub + R"(,"aud":["shop","openrun"])"), "mina", rules},
      {"no issuer", claims(aud + sub), "issuer", rules},
      {"another issuer", claims(aud + sub + R"(,"iss":"https://id.example.evil")"), "issuer", rules},
      {"an issuer in a list", claims(aud + sub + R"(,"iss":["https://id.example"])"), "issuer", rules},
      {"no audience", claims(iss + sub), "audience", rules},
      {"another audience", claims(iss + sub + R"(,"aud":"openrun2")"), "audience", rules},
      {"other audiences", claims(iss + sub + R"(,"aud":["a","b"])"), "audience", rules},
      {"an audience that is no text", claims(iss + sub + R"(,"aud":{"openrun":true})"), "audience", rules},
      {"no subject", claims(iss + aud), "subject", rules},
      {"an empty subject", claims(iss + aud + R"(,"sub":"")"), "subject", rules},
      {"a subject that is a number", claims(iss + aud + R"(,"sub":7)"), "subject", rules},
      {"a subject of 65 characters", claims(iss + aud + R"(,"sub":")" + std::string(65, 'x') + "\""), "subject", rules},
      {"a subject with NUL", claims(iss + aud + R"(,"sub":"mi\u0000na")"), "subject", rules},
      {"a subject with a line break", claims(iss + aud + R"(,"sub":"mi\nna")"), "subject", rules},
  });
}

}  // namespace
}  // namespace openrun::gateway
