// What is asked of a user's token beyond its signature.
#pragma once

#include <cstdint>
#include <string>

namespace openrun::gateway {

// What an operator asks of a token beyond its signature (configuration section auth.jwt).
struct TokenRules {
  std::string issuer;    // iss must be this; empty: anything
  std::string audience;  // aud must be or hold this; empty: anything
  std::int64_t leeway_s = 30;
};

}  // namespace openrun::gateway
