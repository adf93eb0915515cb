#include <openssl/evp.h>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/sealing.hpp>

namespace openrun::crypto {
namespace {

constexpr std::size_t nonce_bytes = 12;

const EVP_CIPHER* cipher() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  OPENRUN_ASSERT(fetched != nullptr, "OpenSSL provides AES-256-GCM");
  return fetched;
}

unsigned char* bytes(char* text) {
  return reinterpret_cast<unsigned char*>(text);
}
const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// A context that knows its key; each message brings its number as the nonce.
class Context {
 public:
  Context(const SealingKey& key, bool seals) : context_(EVP_CIPHER_CTX_new()) {
    OPENRUN_ASSERT(
        context_ != nullptr && EVP_CipherInit_ex(context_, cipher(), nullptr, key.data(), nullptr, seals ? 1 : 0) == 1,
        "AES-256-GCM takes a key of 32 bytes");
  }
  ~Context() { EVP_CIPHER_CTX_free(context_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  EVP_CIPHER_CTX* next(std::span<const std::uint8_t> header) {
    std::array<std::uint8_t, nonce_bytes> nonce{};
    for (std::size_t i = 0; i < sizeof number_; ++i) {
      nonce[nonce_bytes - 1 - i] = static_cast<std::uint8_t>(number_ >> (8 * i));
    }
    ++number_;
    int written = 0;
    const bool begun =
        EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
        EVP_CipherUpdate(context_, nullptr, &written, header.data(), static_cast<int>(header.size())) == 1;
    OPENRUN_ASSERT(begun, "AES-256-GCM begins a message");
    return context_;
  }

 private:
  EVP_CIPHER_CTX* context_;
  std::uint64_t number_ = 0;
};

}  // namespace

struct Sealer::State : Context {
  using Context::Context;
};
struct Opener::State : Context {
  using Context::Context;
};

Sealer::Sealer(const SealingKey& key) : state_(std::make_unique<State>(key, true)) {}
Sealer::~Sealer() = default;
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;

void Sealer::seal(std::span<const std::uint8_t> header, std::string_view message, std::string& out) {
  EVP_CIPHER_CTX* const context = state_->next(header);
  const std::size_t at = out.size();
  out.resize(at + message.size() + seal_bytes);
  int written = 0;
  int rest = 0;
  const bool done = EVP_CipherUpdate(context, bytes(out.data()) + at, &written, bytes(message),
                                     static_cast<int>(message.size())) == 1 &&
                    EVP_CipherFinal_ex(context, bytes(out.data()) + at + written, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(seal_bytes),
                                        out.data() + at + message.size()) == 1;
  OPENRUN_ASSERT(done && static_cast<std::size_t>(written) == message.size(), "AES-256-GCM seals a message");
}

Opener::Opener(const SealingKey& key) : state_(std::make_unique<State>(key, false)) {}
Opener::~Opener() = default;
Opener::Opener(Opener&&) noexcept = default;
Opener& Opener::operator=(Opener&&) noexcept = default;

bool Opener::open(std::span<const std::uint8_t> header, std::string_view sealed, std::string& out) {
  out.clear();
  if (sealed.size() < seal_bytes) return false;
  EVP_CIPHER_CTX* const context = state_->next(header);
  const std::string_view hidden = sealed.substr(0, sealed.size() - seal_bytes);
  std::array<char, seal_bytes> tag{};
  sealed.copy(tag.data(), tag.size(), hidden.size());
  out.resize(hidden.size());
  int written = 0;
  int rest = 0;
  const bool good =
      EVP_CipherUpdate(context, bytes(out.data()), &written, bytes(hidden), static_cast<int>(hidden.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data()) == 1 &&
      EVP_CipherFinal_ex(context, bytes(out.data()) + written, &rest) == 1;
  if (!good) out.clear();
  return good;
}

}  // namespace openrun::crypto
