#include <cstdint>
#include <memory>
#include <string>

#include <openssl/evp.h>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/coupon_chain.hpp>

namespace openrun::crypto {
namespace {

// Fetched once: a look-up by name costs more than hashing a link.
class Sha256 {
 public:
  Sha256() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    OPENRUN_ASSERT(algorithm_ != nullptr && context_ != nullptr, "OpenSSL provides SHA-256");
  }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }

  [[nodiscard]] Digest of(std::string_view bytes) {
    Digest digest;
    const bool done = EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
                      EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1 &&
                      EVP_DigestFinal_ex(context_, digest.data(), nullptr) == 1;
    OPENRUN_ASSERT(done, "SHA-256 of bytes in memory cannot fail");
    return digest;
  }

 private:
  EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

struct Hasher {
  Sha256 hash;
  std::string buffer;  // keeps its memory from link to link
};

Hasher& hasher() {
  thread_local Hasher one;
  return one;
}

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size(), 4);
  out += text;
}

}  // namespace

Digest chain_start(CampaignId campaign) {
  Hasher& one = hasher();
  one.buffer = "openrun coupon chain 1";
  append_number(one.buffer, campaign.value, 4);
  return one.hash.of(one.buffer);
}

Digest chain_next(const Digest& head, const ChainLink& link) {
  Hasher& one = hasher();
  std::string& out = one.buffer;
  out.assign(head.begin(), head.end());
  append_number(out, link.sequence.value, 8);
  append_number(out, static_cast<std::uint32_t>(link.request_partition.value), 4);
  append_number(out, static_cast<std::uint64_t>(link.request_offset.value), 8);
  append_number(out, static_cast<std::uint64_t>(link.issued_at.value), 8);
  append_number(out, static_cast<std::uint64_t>(link.valid_until ? link.valid_until->value : -1), 8);
  append_text(out, link.user);
  append_text(out, link.idempotency_key);
  append_text(out, link.code);
  return one.hash.of(out);
}

}  // namespace openrun::crypto
