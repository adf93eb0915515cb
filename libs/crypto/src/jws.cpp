#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/jws.hpp>

namespace openrun::crypto {
namespace {

constexpr std::size_t coordinate_bytes = 32;
constexpr std::size_t rsa_exponent_bytes_max = 8;

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIGNUM> number_of(std::span<const std::uint8_t> bytes) {
  Owned<BIGNUM> number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  OPENRUN_ASSERT(number != nullptr, "out of memory");
  return number;
}

// A public key of OpenSSL, or null where it takes the numbers for none. What it left in its queue of errors is dropped.
std::shared_ptr<const void> public_key(const char* kind, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> maker(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = parameters && maker && EVP_PKEY_fromdata_init(maker.get()) == 1 &&
                    EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  std::shared_ptr<EVP_PKEY> owned(key, EVP_PKEY_free);
  const Owned<EVP_PKEY_CTX> checker(made ? EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr) : nullptr);
  const bool good = checker && EVP_PKEY_public_check(checker.get()) == 1;
  ERR_clear_error();
  return good ? owned : nullptr;
}

// r and s as they stand in a JWS, in the form that OpenSSL reads. Empty where they have not 64 bytes.
std::vector<std::uint8_t> der_of(std::span<const std::uint8_t> raw) {
  if (raw.size() != 2 * coordinate_bytes) return {};
  const Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  OPENRUN_ASSERT(signature != nullptr, "out of memory");
  Owned<BIGNUM> r = number_of(raw.first(coordinate_bytes));
  Owned<BIGNUM> s = number_of(raw.last(coordinate_bytes));
  // They belong to the signature from here on.
  OPENRUN_ASSERT(ECDSA_SIG_set0(signature.get(), r.release(), s.release()) == 1, "a signature takes two numbers");
  unsigned char* written = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &written);
  const Owned<unsigned char> owned(written);
  OPENRUN_ASSERT(length > 0, "a signature can be written");
  return {written, written + length};
}

bool verify_public(const void* handle, std::string_view signed_text, std::span<const std::uint8_t> signature) {
  // The handle is shared by all threads, and OpenSSL only reads it.
  auto* key = static_cast<EVP_PKEY*>(const_cast<void*>(handle));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  OPENRUN_ASSERT(context != nullptr, "out of memory");
  const bool good =
      EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key, nullptr) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size()) == 1;
  ERR_clear_error();
  return good;
}

std::optional<std::string> text_of(std::string_view part) {
  std::vector<std::uint8_t> bytes;
  if (part.empty() || !from_base64url(part, bytes)) return std::nullopt;
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

std::optional<JwsAlgorithm> jws_algorithm(std::string_view name) {
  for (const JwsAlgorithm algorithm : {JwsAlgorithm::hs256, JwsAlgorithm::rs256, JwsAlgorithm::es256}) {
    if (to_string(algorithm) == name) return algorithm;
  }
  return std::nullopt;
}

std::string_view to_string(JwsAlgorithm algorithm) {
  switch (algorithm) {
    case JwsAlgorithm::hs256:
      return "HS256";
    case JwsAlgorithm::rs256:
      return "RS256";
    case JwsAlgorithm::es256:
      return "ES256";
  }
  return "";
}

std::optional<CompactJws> split_jws(std::string_view token) {
  if (token.size() > jws_bytes_max) return std::nullopt;
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::optional<std::string> header = text_of(token.substr(0, first));
  std::optional<std::string> payload = text_of(token.substr(first + 1, second - first - 1));
  CompactJws parts;
  const std::string_view signature = token.substr(second + 1);
  if (!header || !payload || signature.empty() || !from_base64url(signature, parts.signature)) return std::nullopt;
  parts.header = std::move(*header);
  parts.payload = std::move(*payload);
  parts.signed_text = token.substr(0, second);
  return parts;
}

Result<JwsKey> JwsKey::hs256(std::span<const std::uint8_t> secret) {
  if (secret.size() < hmac_key_bytes_min) {
    return fail(Error::Kind::invalid, "a key for HS256 has " + std::to_string(secret.size()) + " bytes; give it " +
                                          std::to_string(hmac_key_bytes_min) + " or more");
  }
  return JwsKey(HmacKey(secret));
}

Result<JwsKey> JwsKey::rs256(std::span<const std::uint8_t> modulus, std::span<const std::uint8_t> exponent) {
  const Owned<BIGNUM> n = number_of(modulus.first(std::min<std::size_t>(modulus.size(), 2 * rsa_bits_max / 8)));
  const int bits = BN_num_bits(n.get());
  if (bits < rsa_bits_min || bits > rsa_bits_max || BN_is_odd(n.get()) == 0) {
    return fail(Error::Kind::invalid, "a key for RS256 has a modulus of " + std::to_string(bits) +
                                          " bits, or an even one; give it one of " + std::to_string(rsa_bits_min) +
                                          " to " + std::to_string(rsa_bits_max) + " bits");
  }
  const Owned<BIGNUM> e = number_of(exponent.first(std::min(exponent.size(), rsa_exponent_bytes_max + 1)));
  const bool is_small = BN_num_bytes(e.get()) <= static_cast<int>(rsa_exponent_bytes_max);
  if (!is_small || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) {
    return fail(Error::Kind::invalid,
                "a key for RS256 has an exponent that is even, 1 or beyond 64 bits; 65537 is usual");
  }
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OPENRUN_ASSERT(builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                     OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
                 "OpenSSL takes two numbers");
  auto handle = public_key("RSA", builder.get());
  if (!handle) return fail(Error::Kind::invalid, "a key for RS256 is no RSA key");
  return JwsKey(JwsAlgorithm::rs256, std::move(handle));
}

Result<JwsKey> JwsKey::es256(std::span<const std::uint8_t> x, std::span<const std::uint8_t> y) {
  if (x.size() != coordinate_bytes || y.size() != coordinate_bytes) {
    return fail(Error::Kind::invalid,
                "a key for ES256 has coordinates of other than 32 bytes; it must be one of P-256");
  }
  std::vector<std::uint8_t> point{0x04};  // uncompressed (SEC 1, section 2.3.3)
  std::ranges::copy(x, std::back_inserter(point));
  std::ranges::copy(y, std::back_inserter(point));
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  OPENRUN_ASSERT(
      builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
          OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1,
      "OpenSSL takes a group and a point");
  auto handle = public_key("EC", builder.get());
  if (!handle) return fail(Error::Kind::invalid, "a key for ES256 is no point of P-256");
  return JwsKey(JwsAlgorithm::es256, std::move(handle));
}

bool JwsKey::verify(JwsAlgorithm algorithm, std::string_view signed_text,
                    std::span<const std::uint8_t> signature) const {
  if (algorithm != algorithm_) return false;
  switch (algorithm_) {
    case JwsAlgorithm::hs256: {
      const std::span message(reinterpret_cast<const std::uint8_t*>(signed_text.data()), signed_text.size());
      return equal_constant_time(mac_->sha256(message), signature);
    }
    case JwsAlgorithm::rs256:
      return verify_public(handle_.get(), signed_text, signature);
    case JwsAlgorithm::es256: {
      const std::vector<std::uint8_t> der = der_of(signature);
      return !der.empty() && verify_public(handle_.get(), signed_text, der);
    }
  }
  return false;
}

}  // namespace openrun::crypto
