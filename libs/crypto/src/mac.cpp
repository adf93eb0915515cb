#include <algorithm>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

// A context that knows its digest: only the key changes from call to call, nothing is fetched again.
class HmacContext {
 public:
  HmacContext() {
    static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
    context_ = EVP_MAC_CTX_new(mac);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    OPENRUN_ASSERT(context_ != nullptr && EVP_MAC_CTX_set_params(context_, parameters) == 1,
                   "OpenSSL provides HMAC-SHA-256");
  }
  HmacContext(const HmacContext&) = delete;
  HmacContext& operator=(const HmacContext&) = delete;
  ~HmacContext() { EVP_MAC_CTX_free(context_); }

  void compute(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message,
               std::span<std::uint8_t, 32> out) {
    std::size_t written = 0;
    const bool done = EVP_MAC_init(context_, key.data(), key.size(), nullptr) == 1 &&
                      EVP_MAC_update(context_, message.data(), message.size()) == 1 &&
                      EVP_MAC_final(context_, out.data(), &written, out.size()) == 1;
    OPENRUN_ASSERT(done && written == out.size(), "HMAC-SHA-256 gives 32 bytes");
  }

 private:
  EVP_MAC_CTX* context_ = nullptr;
};

}  // namespace

std::array<std::uint8_t, 32> hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
  OPENRUN_ASSERT(!key.empty(), "a MAC needs a key");
  thread_local HmacContext context;
  std::array<std::uint8_t, 32> whole{};
  context.compute(key, message, whole);
  return whole;
}

Tag hmac_tag(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
  const std::array<std::uint8_t, 32> whole = hmac_sha256(key, message);
  Tag tag;
  std::copy_n(whole.begin(), tag.size(), tag.begin());
  return tag;
}

bool equal_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) return false;
  return a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  const auto bytes = [](std::string_view text) {
    return std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  return equal_constant_time(bytes(a), bytes(b));
}

void random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const auto part = out.first(std::min<std::size_t>(out.size(), 1 << 20));
    OPENRUN_ASSERT(RAND_bytes(part.data(), static_cast<int>(part.size())) == 1,
                   "the operating system gives randomness");
    out = out.subspan(part.size());
  }
}

std::uint32_t random_u32() {
  // SplitMix64 (Steele, Lea and Flood, 2014).
  thread_local std::uint64_t state = [] {
    std::array<std::uint8_t, 8> seed{};
    random_bytes(seed);
    std::uint64_t value = 0;
    for (const std::uint8_t byte : seed) value = value << 8 | byte;
    return value;
  }();
  state += 0x9E3779B97F4A7C15;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return static_cast<std::uint32_t>((mixed ^ (mixed >> 31)) >> 32);
}

}  // namespace openrun::crypto
