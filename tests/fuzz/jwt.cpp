// Users' tokens and JWK sets. An input is a token, or a JWK set, or both with a line of `%%` between them. Nothing that
// the fuzzer's own keys did not sign is a user; what is accepted is what was signed; a set that is accepted is bounded.
#include "gateway/access/jwt.hpp"

#include <array>
#include <string>
#include <vector>

#include <openrun/base/text.hpp>
#include <openrun/crypto/jws.hpp>
#include <openrun/crypto/mac.hpp>

#include "fuzz.hpp"
#include "gateway/access/jwks.hpp"
#include "gateway/testing/tokens.hpp"

namespace openrun::fuzz {
namespace {

using namespace gateway::testing;

constexpr Timestamp now{1'800'000'000'000};

const gateway::KeySet& keys() {
  static const gateway::KeySet set =
      gateway::parse_key_set(key_set_of(hmac_key() + "," + rsa_key + "," + ec_key)).value();
  return set;
}
// The same ids with a secret that no input knows.
const gateway::KeySet& stranger() {
  static const gateway::KeySet set =
      gateway::parse_key_set(key_set_of(hmac_key("hs-1", "a secret that stands in no corpus at all"))).value();
  return set;
}

// The rules of compact JWS, written anew.
bool is_compact(std::string_view token) {
  std::size_t dots = 0;
  std::size_t length = 0;
  for (const char c : token) {
    if (c == '.') {
      if (length == 0 || length % 4 == 1) return false;
      ++dots;
      length = 0;
      continue;
    }
    const bool plain =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain) return false;
    ++length;
  }
  return dots == 2 && length != 0 && length % 4 != 1 && token.size() <= crypto::jws_bytes_max;
}

void check_user(std::string_view user, std::string_view token) {
  require(is_valid_user_id(user), "a token's user is a valid user", token);
  require(is_compact(token), "a token has its form", token);
}

void check_token(std::string_view token) {
  require(!crypto::split_jws(token) || is_compact(token), "what is taken apart has the form of a token", token);
  require(!gateway::verify_token(token, stranger(), {}, now), "what a stranger signed is no token here", token);
  require(!gateway::verify_token(token, {}, {}, now), "without keys nothing verifies", token);
  const auto user = gateway::verify_token(token, keys(), {}, now);
  if (!user) return;
  check_user(*user, token);
  // One character changed: another signature, or other text that is signed. Only one that is not signed at all, or the
  // last character's unused bits, could be the same, and there are none.
  std::string changed(token);
  const std::size_t at = hash_of(token) % changed.size();
  changed[at] = changed[at] == 'A' ? 'B' : 'A';
  require(!gateway::verify_token(changed, keys(), {}, now), "a changed token does not verify", changed);
  require(!gateway::verify_token(token.substr(0, at), keys(), {}, now), "a cut token does not verify", token);
  require(!gateway::verify_token(std::string(token) + "A", keys(), {}, now), "a lengthened token does not verify",
          token);
}

// The input as header and claims that are signed properly: whatever they say, the answer is a user or a refusal.
void check_signed(std::string_view text) {
  std::string_view claims = text;
  const std::string_view header = next_part(claims, "\n");
  const std::array headers{std::string_view(R"({"alg":"HS256","kid":"hs-1"})"), header};
  for (const std::string_view each : headers) {
    const std::string signed_by_us = token(each, claims);
    const auto user = gateway::verify_token(signed_by_us, keys(), {}, now);
    if (user) check_user(*user, signed_by_us);
    const auto strict = gateway::verify_token(signed_by_us, keys(), {"issuer", "audience", 0}, now);
    require(!strict || user, "stricter rules admit nobody else", signed_by_us);
  }
}

void check_set(std::string_view text) {
  const auto set = gateway::parse_key_set(text);
  if (!set) {
    require(!set.error().message.empty() && !has_control_character(set.error().message), "a bad set says why", text);
    return;
  }
  require(!set->keys.empty() && set->keys.size() + set->skipped.size() <= gateway::jwks_keys_max, "a set is bounded");
  for (const gateway::TokenKey& each : set->keys) {
    const std::vector<std::uint8_t> nothing(64, 0);
    require(!each.key.verify(each.key.algorithm(), "e30.e30", nothing), "zeroes are no signature", text);
  }
  require(!gateway::verify_token("e30.e30.AAAA", *set, {}, now), "an empty header names no algorithm", text);
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  std::string_view text = text_of(data, size);
  check_set(text);
  check_signed(text);
  const std::string_view first = next_part(text, "\n%%\n");
  check_token(first);
  if (!text.empty()) check_set(text);
  return 0;
}
