#include "aes_block.hpp"

#include <atomic>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <openrun/base/assert.hpp>

namespace openrun::crypto {
namespace {

const char* cipher_name(std::size_t key_bytes) {
  switch (key_bytes) {
    case 16:
      return "AES-128-ECB";
    case 24:
      return "AES-192-ECB";
    case 32:
      return "AES-256-ECB";
    default:
      return nullptr;
  }
}

// The context that this thread used last, and whose it is. Ids are never reused, unlike addresses.
struct ThreadContext {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  std::uint64_t owner = 0;

  ThreadContext() = default;
  ThreadContext(const ThreadContext&) = delete;
  ThreadContext& operator=(const ThreadContext&) = delete;
  ~ThreadContext() { EVP_CIPHER_CTX_free(context); }
};

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

AesBlock::AesBlock(std::span<const std::uint8_t> key) : id_(next_id()), cipher_(nullptr), key_(key.begin(), key.end()) {
  const char* name = cipher_name(key.size());
  OPENRUN_ASSERT(name != nullptr, "an AES key has 16, 24 or 32 bytes");
  cipher_ = EVP_CIPHER_fetch(nullptr, name, nullptr);
  OPENRUN_ASSERT(cipher_ != nullptr, "OpenSSL provides AES");
}

AesBlock::~AesBlock() {
  EVP_CIPHER_free(static_cast<EVP_CIPHER*>(cipher_));
  OPENSSL_cleanse(key_.data(), key_.size());
}

AesBlock::Session AesBlock::session() const {
  thread_local ThreadContext current;
  if (current.owner != id_) {
    OPENRUN_ASSERT(current.context != nullptr, "out of memory");
    const bool ready =
        EVP_EncryptInit_ex2(current.context, static_cast<EVP_CIPHER*>(cipher_), key_.data(), nullptr, nullptr) == 1 &&
        EVP_CIPHER_CTX_set_padding(current.context, 0) == 1;
    OPENRUN_ASSERT(ready, "AES takes a key of its size");
    current.owner = id_;
  }
  return Session(current.context);
}

void AesBlock::Session::encrypt(std::span<Block> blocks) const {
  const auto bytes = static_cast<int>(blocks.size_bytes());
  auto* data = reinterpret_cast<std::uint8_t*>(blocks.data());
  int written = 0;
  const int done = EVP_EncryptUpdate(static_cast<EVP_CIPHER_CTX*>(context_), data, &written, data, bytes);
  OPENRUN_ASSERT(done == 1 && written == bytes, "AES encrypts whole blocks");
}

}  // namespace openrun::crypto
