// Tokens of users (RFC 7519, with the practice of RFC 8725): who is meant, or why the token counts for nothing. Pure
// functions of their arguments; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>

#include "gateway/access/jwks.hpp"
#include "gateway/access/token_rules.hpp"

namespace openrun::gateway {

// For metrics and tests. A client is never told which.
enum class TokenFault : std::uint8_t {
  malformed,  // not three parts, not JSON, a member twice, too large, `crit`, a type that is no access token's
  algorithm,  // other than HS256, RS256, ES256
  key,        // no key of that id and algorithm
  signature,
  expired,  // or without `exp`
  not_yet,  // by `nbf`, or issued in the future
  issuer,
  audience,
  subject,  // none, or no valid user id
};
inline constexpr std::size_t token_faults = 9;
[[nodiscard]] std::string_view to_string(TokenFault fault);

// The token's `sub`. Whatever a token says of keys (jwk, jku, x5c, x5u) is not looked at; nothing of the payload is
// read before the signature is verified.
[[nodiscard]] std::expected<std::string, TokenFault> verify_token(std::string_view token, const KeySet& keys,
                                                                  const TokenRules& rules, Timestamp now);

}  // namespace openrun::gateway
