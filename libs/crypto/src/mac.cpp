#include <algorithm>

// SHA-256 by its own functions, which allocate nothing: what OpenSSL 3.0 has instead (EVP) copies a keyed context by
// three allocations, and an HMAC of a receipt takes eight times as long.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::crypto {
namespace {

constexpr std::size_t block_bytes = SHA256_CBLOCK;

std::array<std::uint8_t, SHA256_DIGEST_LENGTH> sha256(SHA256_CTX context, std::span<const std::uint8_t> message) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  const bool done =
      SHA256_Update(&context, message.data(), message.size()) == 1 && SHA256_Final(digest.data(), &context) == 1;
  OPENRUN_ASSERT(done, "SHA-256 of bytes in memory cannot fail");
  return digest;
}

SHA256_CTX fresh() {
  SHA256_CTX context;
  OPENRUN_ASSERT(SHA256_Init(&context) == 1, "OpenSSL provides SHA-256");
  return context;
}

// As if it had taken the one block from which this state comes.
SHA256_CTX after_block(const std::array<std::uint32_t, 8>& state) {
  SHA256_CTX context = fresh();
  std::ranges::copy(state, context.h);
  context.Nl = block_bytes * 8;
  return context;
}

std::array<std::uint32_t, 8> state_of(std::span<const std::uint8_t, block_bytes> key, std::uint8_t pad) {
  std::array<std::uint8_t, block_bytes> block;
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = key[i] ^ pad;
  SHA256_CTX context = fresh();
  OPENRUN_ASSERT(SHA256_Update(&context, block.data(), block.size()) == 1, "SHA-256 takes a block");
  std::array<std::uint32_t, 8> state;
  std::ranges::copy(context.h, state.begin());
  return state;
}

}  // namespace

HmacKey::HmacKey(std::span<const std::uint8_t> key) {
  OPENRUN_ASSERT(!key.empty(), "a MAC needs a key");
  constexpr std::uint8_t inner_pad = 0x36;
  constexpr std::uint8_t outer_pad = 0x5C;
  std::array<std::uint8_t, block_bytes> block{};
  if (key.size() <= block.size()) {
    std::ranges::copy(key, block.begin());
  } else {
    std::ranges::copy(crypto::sha256(fresh(), key), block.begin());
  }
  inner_ = state_of(block, inner_pad);
  outer_ = state_of(block, outer_pad);
  OPENSSL_cleanse(block.data(), block.size());
}

std::array<std::uint8_t, 32> HmacKey::sha256(std::span<const std::uint8_t> message) const {
  return crypto::sha256(after_block(outer_), crypto::sha256(after_block(inner_), message));
}

Tag HmacKey::tag(std::span<const std::uint8_t> message) const {
  const std::array<std::uint8_t, 32> whole = sha256(message);
  Tag tag;
  std::copy_n(whole.begin(), tag.size(), tag.begin());
  return tag;
}

std::array<std::uint8_t, 32> hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
  return HmacKey(key).sha256(message);
}

Tag hmac_tag(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
  return HmacKey(key).tag(message);
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
