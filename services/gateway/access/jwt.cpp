#include "gateway/access/jwt.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <openrun/base/text.hpp>
#include <openrun/crypto/jws.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::gateway {
namespace {

const wire::JsonValue* member(const wire::JsonObject& object, std::string_view name) {
  const auto found = std::ranges::find(object, name, &wire::JsonMember::first);
  return found == object.end() ? nullptr : &found->second;
}

const std::string* text_of(const wire::JsonObject& object, std::string_view name) {
  const wire::JsonValue* value = member(object, name);
  return value == nullptr ? nullptr : value->get<std::string>();
}

std::optional<wire::JsonObject> object_of(std::string_view text) {
  Result<wire::JsonValue> parsed = wire::parse_json(text);
  auto* object = parsed ? std::get_if<wire::JsonObject>(&parsed->value) : nullptr;
  if (object == nullptr) return std::nullopt;
  return std::move(*object);
}

// A NumericDate, in seconds; it may have a fraction. Empty where the member is there and no number.
struct Date {
  bool present = false;
  std::optional<double> seconds;
};
Date date_of(const wire::JsonObject& claims, std::string_view name) {
  const wire::JsonValue* value = member(claims, name);
  if (value == nullptr) return {};
  if (const auto* number = value->get<std::int64_t>()) return {true, static_cast<double>(*number)};
  if (const auto* number = value->get<std::uint64_t>()) return {true, static_cast<double>(*number)};
  if (const auto* number = value->get<double>()) return {true, *number};
  return {true, std::nullopt};
}

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

// A signed thing of another kind by the same issuer (a logout, a proof of possession) is no access token (RFC 8725,
// section 3.11).
bool is_access_token(const wire::JsonObject& header) {
  constexpr std::array types{"JWT", "at+jwt", "application/at+jwt"};
  if (member(header, "typ") == nullptr) return true;
  const std::string* type = text_of(header, "typ");
  return type != nullptr && std::ranges::any_of(types, [&](const char* each) { return same_letters(*type, each); });
}

std::optional<TokenFault> signature_fault(const wire::JsonObject& header, const crypto::CompactJws& parts,
                                          const KeySet& keys) {
  // An extension that must be understood is one that is not.
  if (member(header, "crit") != nullptr || member(header, "b64") != nullptr || !is_access_token(header)) {
    return TokenFault::malformed;
  }
  const std::string* name = text_of(header, "alg");
  const auto algorithm = name == nullptr ? std::nullopt : crypto::jws_algorithm(*name);
  if (!algorithm) return TokenFault::algorithm;
  const bool names_key = member(header, "kid") != nullptr;
  const std::string* id = text_of(header, "kid");
  if (names_key && id == nullptr) return TokenFault::malformed;
  bool tried = false;
  for (const TokenKey& each : keys.keys) {
    if (each.key.algorithm() != *algorithm || (names_key && each.id != *id)) continue;
    if (each.key.verify(*algorithm, parts.signed_text, parts.signature)) return std::nullopt;
    tried = true;
  }
  return tried ? TokenFault::signature : TokenFault::key;
}

std::optional<TokenFault> time_fault(const wire::JsonObject& claims, std::int64_t leeway_s, Timestamp now) {
  const double now_s = static_cast<double>(now.value) / 1e3;
  const auto leeway = static_cast<double>(leeway_s);
  const Date expires = date_of(claims, "exp");
  if (!expires.seconds || now_s >= *expires.seconds + leeway) return TokenFault::expired;
  for (const char* name : {"nbf", "iat"}) {
    const Date from = date_of(claims, name);
    if (!from.present) continue;
    if (!from.seconds || now_s + leeway < *from.seconds) return TokenFault::not_yet;
  }
  return std::nullopt;
}

bool is_for(const wire::JsonObject& claims, std::string_view audience) {
  const wire::JsonValue* value = member(claims, "aud");
  if (value == nullptr) return false;
  if (const auto* text = value->get<std::string>()) return *text == audience;
  const auto* list = value->get<wire::JsonArray>();
  return list != nullptr && std::ranges::any_of(*list, [&](const wire::JsonValue& item) {
           const auto* text = item.get<std::string>();
           return text != nullptr && *text == audience;
         });
}

}  // namespace

std::string_view to_string(TokenFault fault) {
  switch (fault) {
    case TokenFault::malformed:
      return "malformed";
    case TokenFault::algorithm:
      return "algorithm";
    case TokenFault::key:
      return "key";
    case TokenFault::signature:
      return "signature";
    case TokenFault::expired:
      return "expired";
    case TokenFault::not_yet:
      return "not_yet";
    case TokenFault::issuer:
      return "issuer";
    case TokenFault::audience:
      return "audience";
    case TokenFault::subject:
      return "subject";
  }
  return "";
}

std::expected<std::string, TokenFault> verify_token(std::string_view token, const KeySet& keys, const TokenRules& rules,
                                                    Timestamp now) {
  const auto parts = crypto::split_jws(token);
  const auto header = parts ? object_of(parts->header) : std::nullopt;
  if (!header) return std::unexpected(TokenFault::malformed);
  if (const auto fault = signature_fault(*header, *parts, keys)) return std::unexpected(*fault);
  const auto claims = object_of(parts->payload);
  if (!claims) return std::unexpected(TokenFault::malformed);
  if (const auto fault = time_fault(*claims, rules.leeway_s, now)) return std::unexpected(*fault);
  if (!rules.issuer.empty()) {
    const std::string* issuer = text_of(*claims, "iss");
    if (issuer == nullptr || *issuer != rules.issuer) return std::unexpected(TokenFault::issuer);
  }
  if (!rules.audience.empty() && !is_for(*claims, rules.audience)) return std::unexpected(TokenFault::audience);
  const std::string* subject = text_of(*claims, "sub");
  if (subject == nullptr || !is_valid_user_id(*subject)) return std::unexpected(TokenFault::subject);
  return *subject;
}

}  // namespace openrun::gateway
