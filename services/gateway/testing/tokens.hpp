// Tokens of users and the keys that verify them. The pairs of RSA and P-256 were made for these tests; their private
// halves are gone.
#pragma once

#include <string>
#include <string_view>

namespace openrun::gateway::testing {

inline constexpr std::string_view hmac_secret = "0123456789abcdef0123456789abcdef";

// Signed by HS256, whatever the header says.
[[nodiscard]] std::string token(std::string_view header, std::string_view payload,
                                std::string_view secret = hmac_secret);
// A good one until the year 2100, by the HMAC key of that id.
[[nodiscard]] std::string token_of(std::string_view user, std::string_view key = "hs-1");

// A JWK set of keys as JSON, with commas between them.
[[nodiscard]] std::string key_set_of(std::string_view keys);
[[nodiscard]] std::string hmac_key(std::string_view id = "hs-1", std::string_view secret = hmac_secret);
extern const std::string rsa_key;  // rsa-1
extern const std::string ec_key;   // ec-1
extern const char* const rsa_modulus;
extern const char* const rsa_public_pem;

// Of the user mina, until the year 2100.
extern const char* const rs256_token;
extern const char* const rs256_token_without_kid;
extern const char* const rs256_token_of_a_stranger;     // names rsa-1, signed by another key
extern const char* const rs256_token_with_its_own_key;  // a stranger's public key stands in its header
extern const char* const es256_token;
extern const char* const es256_token_without_kid;
extern const char* const es256_token_in_der;  // a signature as certificates have it

}  // namespace openrun::gateway::testing
