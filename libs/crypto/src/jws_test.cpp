#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <openrun/crypto/jws.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

using Bytes = std::vector<std::uint8_t>;
using enum JwsAlgorithm;

constexpr std::string_view message = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtaW5hIn0";

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

// A pair of keys that OpenSSL made.
class Pair {
 public:
  explicit Pair(EVP_PKEY* key) : key_(key) {}
  static Pair rsa(unsigned bits) { return Pair(EVP_RSA_gen(bits)); }
  static Pair ec(const char* curve = "P-256") { return Pair(EVP_EC_gen(curve)); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() { EVP_PKEY_free(key_); }

  [[nodiscard]] Bytes number(const char* name) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_, name, &number);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, bytes.data());
    BN_free(number);
    return bytes;
  }
  [[nodiscard]] Bytes coordinate(const char* name) const {
    Bytes bytes = number(name);
    bytes.insert(bytes.begin(), 32 - bytes.size(), 0);
    return bytes;
  }
  [[nodiscard]] Bytes sign(std::string_view text, const char* digest = "SHA256") const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(context, nullptr, digest, nullptr, nullptr, key_, nullptr);
    std::size_t size = 1'024;
    Bytes signature(size);
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    EXPECT_EQ(EVP_DigestSign(context, signature.data(), &size, data, text.size()), 1);
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return signature;
  }
  // r and s side by side, as JWS wants them.
  [[nodiscard]] Bytes sign_raw(std::string_view text) const {
    const Bytes der = sign(text);
    const unsigned char* at = der.data();
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    Bytes raw(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.data() + 32, 32);
    ECDSA_SIG_free(signature);
    return raw;
  }
  [[nodiscard]] Result<JwsKey> rs256() const {
    return JwsKey::rs256(number(OSSL_PKEY_PARAM_RSA_N), number(OSSL_PKEY_PARAM_RSA_E));
  }
  [[nodiscard]] Result<JwsKey> es256() const {
    return JwsKey::es256(coordinate(OSSL_PKEY_PARAM_EC_PUB_X), coordinate(OSSL_PKEY_PARAM_EC_PUB_Y));
  }

 private:
  EVP_PKEY* key_;
};

const Pair& rsa_pair() {
  static const Pair pair = Pair::rsa(2'048);
  return pair;
}
const Pair& ec_pair() {
  static const Pair pair = Pair::ec();
  return pair;
}

const Bytes secret(32, 7);

Bytes hmac_of(std::string_view text) {
  const auto tag = hmac_sha256(secret, bytes_of(text));
  return {tag.begin(), tag.end()};
}

TEST(Jws, AlgorithmsAreNamedExactly) {
  EXPECT_EQ(jws_algorithm("HS256"), hs256);
  EXPECT_EQ(jws_algorithm("RS256"), rs256);
  EXPECT_EQ(jws_algorithm("ES256"), es256);
  for (const char* other : {"none", "None", "NONE", "", "hs256", "HS256 ", "HS384", "PS256", "ES256K", "EdDSA"}) {
    EXPECT_FALSE(jws_algorithm(other)) << other;
  }
}

TEST(Jws, IsThreePartsOfBase64Url) {
  const auto parts = split_jws("e30.e30.AAEC");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->header, "{}");
  EXPECT_EQ(parts->payload, "{}");
  EXPECT_EQ(parts->signature, (Bytes{0, 1, 2}));
  EXPECT_EQ(parts->signed_text, "e30.e30");
}

TEST(Jws, AnythingElseIsRefused) {
  for (const char* text : {"",
                           ".",
                           "..",
                           "...",
                           "e30",
                           "e30.e30",
                           "e30.e30.",
                           ".e30.AAEC",
                           "e30..AAEC",
                           "e30.e30.AAEC.",
                           "e30.e30.AAEC.AAEC",
                           "e30=.e30.AAEC",
                           "e30.e30.AAE=",
                           "e30.e30.AA+C",
                           "e30.e30.AA/C",
                           " e30.e30.AAEC",
                           "e30.e30.AAEC ",
                           "e30.e30.AA\nEC",
                           "e30 .e30.AAEC",
                           "e31.e30.AAEC",
                           "e.e30.AAEC"}) {
    EXPECT_FALSE(split_jws(text)) << text;
  }
}

TEST(Jws, IsBounded) {
  const std::string head = "e30.e30.";
  EXPECT_TRUE(split_jws(head + std::string(jws_bytes_max - head.size(), 'A')));
  EXPECT_FALSE(split_jws(head + std::string(jws_bytes_max - head.size() + 4, 'A')));
}

TEST(JwsKeys, VerifyWhatWasSignedAndNothingElse) {
  const auto hmac = JwsKey::hs256(secret);
  const auto rsa = rsa_pair().rs256();
  const auto ec = ec_pair().es256();
  ASSERT_TRUE(hmac && rsa && ec);
  struct Case {
    const JwsKey* key;
    Bytes signature;
  };
  for (const Case& each : {Case{&*hmac, hmac_of(message)}, Case{&*rsa, rsa_pair().sign(message)},
                           Case{&*ec, ec_pair().sign_raw(message)}}) {
    const JwsAlgorithm algorithm = each.key->algorithm();
    EXPECT_TRUE(each.key->verify(algorithm, message, each.signature)) << to_string(algorithm);
    EXPECT_FALSE(each.key->verify(algorithm, std::string(message) + "x", each.signature));
    EXPECT_FALSE(each.key->verify(algorithm, "", each.signature));
    EXPECT_FALSE(each.key->verify(algorithm, message, {}));
    for (const std::size_t at : {std::size_t{0}, each.signature.size() / 2, each.signature.size() - 1}) {
      Bytes changed = each.signature;
      changed[at] ^= 1;
      EXPECT_FALSE(each.key->verify(algorithm, message, changed)) << to_string(algorithm) << " " << at;
    }
    Bytes longer = each.signature;
    longer.push_back(0);
    EXPECT_FALSE(each.key->verify(algorithm, message, longer));
    EXPECT_FALSE(each.key->verify(algorithm, message, std::span(each.signature).first(each.signature.size() - 1)));
  }
}

TEST(JwsKeys, HaveOneAlgorithm) {
  const auto hmac = JwsKey::hs256(secret);
  const auto rsa = rsa_pair().rs256();
  const auto ec = ec_pair().es256();
  ASSERT_TRUE(hmac && rsa && ec);
  EXPECT_FALSE(hmac->verify(rs256, message, hmac_of(message)));
  EXPECT_FALSE(rsa->verify(hs256, message, rsa_pair().sign(message)));
  EXPECT_FALSE(rsa->verify(es256, message, rsa_pair().sign(message)));
  EXPECT_FALSE(ec->verify(rs256, message, ec_pair().sign_raw(message)));
  // The public key as the secret of HMAC: what a library that trusts the token's header would accept.
  const Bytes modulus = rsa_pair().number(OSSL_PKEY_PARAM_RSA_N);
  const auto forged = hmac_sha256(modulus, bytes_of(message));
  EXPECT_FALSE(rsa->verify(hs256, message, forged));
  EXPECT_FALSE(rsa->verify(rs256, message, forged));
}

TEST(JwsKeys, OfAnotherPairDoNotVerify) {
  const Pair other_rsa = Pair::rsa(2'048);
  const Pair other_ec = Pair::ec();
  EXPECT_FALSE(other_rsa.rs256()->verify(rs256, message, rsa_pair().sign(message)));
  EXPECT_FALSE(other_ec.es256()->verify(es256, message, ec_pair().sign_raw(message)));
  EXPECT_FALSE(JwsKey::hs256(Bytes(32, 8))->verify(hs256, message, hmac_of(message)));
}

TEST(JwsKeys, OfEs256TakeNoDerAndNoZeroes) {
  const auto ec = ec_pair().es256();
  ASSERT_TRUE(ec);
  EXPECT_FALSE(ec->verify(es256, message, ec_pair().sign(message)));
  const Bytes good = ec_pair().sign_raw(message);
  EXPECT_FALSE(ec->verify(es256, message, Bytes(64, 0)));
  Bytes zero_r = good;
  std::fill_n(zero_r.begin(), 32, 0);
  EXPECT_FALSE(ec->verify(es256, message, zero_r));
  Bytes zero_s = good;
  std::fill_n(zero_s.begin() + 32, 32, 0);
  EXPECT_FALSE(ec->verify(es256, message, zero_s));
  EXPECT_FALSE(ec->verify(es256, message, Bytes(64, 0xFF)));
}

TEST(JwsKeys, OfRs256VerifyOneHashOnly) {
  const auto rsa = rsa_pair().rs256();
  ASSERT_TRUE(rsa);
  EXPECT_FALSE(rsa->verify(rs256, message, rsa_pair().sign(message, "SHA1")));
  EXPECT_FALSE(rsa->verify(rs256, message, rsa_pair().sign(message, "SHA512")));
}

TEST(JwsKeys, ThatAreWeakOrNoKeysAreRefused) {
  EXPECT_FALSE(JwsKey::hs256(Bytes(31, 7)));
  EXPECT_FALSE(JwsKey::hs256({}));
  EXPECT_FALSE(Pair::rsa(1'024).rs256());
  const Bytes modulus = rsa_pair().number(OSSL_PKEY_PARAM_RSA_N);
  Bytes even = modulus;
  even.back() &= 0xFE;
  EXPECT_FALSE(JwsKey::rs256(even, Bytes{1, 0, 1}));
  EXPECT_FALSE(JwsKey::rs256(modulus, Bytes{1}));
  EXPECT_FALSE(JwsKey::rs256(modulus, Bytes{2}));
  EXPECT_FALSE(JwsKey::rs256(modulus, {}));
  EXPECT_FALSE(JwsKey::rs256(modulus, Bytes(9, 0xFF)));
  EXPECT_FALSE(JwsKey::rs256({}, Bytes{1, 0, 1}));
  EXPECT_FALSE(JwsKey::rs256(Bytes(4'096, 0xFF), Bytes{1, 0, 1}));
  const Bytes x = ec_pair().coordinate(OSSL_PKEY_PARAM_EC_PUB_X);
  Bytes y = ec_pair().coordinate(OSSL_PKEY_PARAM_EC_PUB_Y);
  EXPECT_FALSE(JwsKey::es256(x, std::span(y).first(31)));
  y[31] ^= 1;  // beside the curve
  EXPECT_FALSE(JwsKey::es256(x, y));
  EXPECT_FALSE(JwsKey::es256(Bytes(32, 0), Bytes(32, 0)));
}

// What one verification costs, printed for whoever wants to remember verified tokens.
TEST(JwsKeys, TellWhatAVerificationCosts) {
  const auto hmac = JwsKey::hs256(secret);
  const auto rsa = rsa_pair().rs256();
  const auto ec = ec_pair().es256();
  ASSERT_TRUE(hmac && rsa && ec);
  const std::array signatures{hmac_of(message), rsa_pair().sign(message), ec_pair().sign_raw(message)};
  const std::array keys{&*hmac, &*rsa, &*ec};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    constexpr int rounds = 200;
    const auto begun = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round) {
      ASSERT_TRUE(keys[i]->verify(keys[i]->algorithm(), message, signatures[i]));
    }
    const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begun;
    std::printf("[          ] %s: %.1f us a verification\n", std::string(to_string(keys[i]->algorithm())).c_str(),
                spent.count() / rounds);
  }
}

}  // namespace
}  // namespace openrun::crypto
