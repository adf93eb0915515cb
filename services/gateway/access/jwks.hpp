// Keys that verify users' tokens: a JWK set (RFC 7517) read from text, and the set in force, which a changed file
// replaces.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/crypto/jws.hpp>
#include <openrun/ports/log.hpp>

namespace openrun::gateway {

inline constexpr std::size_t jwks_bytes_max = 64 * 1024;
// A token that names no key is tried with each of its algorithm: this bounds what a forged one can cost.
inline constexpr std::size_t jwks_keys_max = 16;

struct TokenKey {
  std::string id;  // kid; empty where the set gives none
  crypto::JwsKey key;
};

struct KeySet {
  std::vector<TokenKey> keys;
  std::vector<std::string> skipped;  // one sentence a key that was left out, without its secret
};

// Error::Kind::invalid: no JSON object with `keys`, more than the bounds above, or no key that can be used. Keys of
// other kinds or for other uses are skipped, and so are keys whose private half stands there.
[[nodiscard]] Result<KeySet> parse_key_set(std::string_view text);

// The keys in force. Any thread.
class TokenKeys {
 public:
  // Reads the whole file; a failure's message names it.
  using Read = std::function<Result<std::string>()>;

  TokenKeys(Read read, ports::Logger& logger) : read_(std::move(read)), logger_(logger) {}

  // Reads the file and, where its text has changed, replaces the keys. With a file that can't be read or holds no good
  // set the old keys stay; it is logged once until the text changes. Blocks for the file; one thread at a time.
  Result<void> refresh();
  // Never null; empty before the first good refresh().
  [[nodiscard]] std::shared_ptr<const KeySet> current() const;

 private:
  Result<void> refused(Error error, std::string seen);

  const Read read_;
  ports::Logger& logger_;
  std::string seen_;  // the text, or the failure, of the last refresh()
  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_ = std::make_shared<const KeySet>();
};

}  // namespace openrun::gateway
