#include "gateway/access/jwks.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <openrun/crypto/mac.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::gateway {
namespace {

constexpr std::size_t kid_bytes_max = 256;

const wire::JsonValue* member(const wire::JsonObject& object, std::string_view name) {
  const auto found = std::ranges::find(object, name, &wire::JsonMember::first);
  return found == object.end() ? nullptr : &found->second;
}

// A member's text. Absent, or not a string: empty.
std::string_view text_of(const wire::JsonObject& object, std::string_view name) {
  const wire::JsonValue* value = member(object, name);
  const auto* text = value == nullptr ? nullptr : value->get<std::string>();
  return text == nullptr ? std::string_view{} : std::string_view(*text);
}

std::vector<std::uint8_t> bytes_of(const wire::JsonObject& object, std::string_view name) {
  std::vector<std::uint8_t> bytes;
  if (!crypto::from_base64url(text_of(object, name), bytes)) bytes.clear();
  return bytes;
}

bool lists(const wire::JsonValue& value, std::string_view wanted) {
  const auto* array = value.get<wire::JsonArray>();
  return array != nullptr && std::ranges::any_of(*array, [&](const wire::JsonValue& item) {
           const auto* text = item.get<std::string>();
           return text != nullptr && *text == wanted;
         });
}

// Why the key is not for us; empty where it is.
std::string_view not_for_us(const wire::JsonObject& key, std::string_view algorithm) {
  constexpr std::array optional_texts{"kid", "use", "alg"};
  for (const char* name : optional_texts) {
    const wire::JsonValue* value = member(key, name);
    if (value != nullptr && value->get<std::string>() == nullptr) return "has a kid, use or alg that is no string";
  }
  if (text_of(key, "kid").size() > kid_bytes_max) return "has a kid of more than 256 bytes";
  if (member(key, "use") != nullptr && text_of(key, "use") != "sig") return "is not for signatures";
  const wire::JsonValue* operations = member(key, "key_ops");
  if (operations != nullptr && !lists(*operations, "verify")) return "is not for verifying";
  if (member(key, "alg") != nullptr && text_of(key, "alg") != algorithm) {
    return "is for an algorithm other than HS256, RS256 or ES256, or than its kind allows";
  }
  return {};
}

Result<crypto::JwsKey> key_of(const wire::JsonObject& key) {
  const std::string_view kind = text_of(key, "kty");
  using enum crypto::JwsAlgorithm;
  if (kind != "oct" && kind != "RSA" && kind != "EC") {
    return fail(Error::Kind::invalid, "is of a kind other than oct, RSA or EC");
  }
  const auto algorithm = kind == "oct" ? hs256 : kind == "RSA" ? rs256 : es256;
  if (const auto why = not_for_us(key, crypto::to_string(algorithm)); !why.empty()) {
    return fail(Error::Kind::invalid, std::string(why));
  }
  if (algorithm == hs256) return crypto::JwsKey::hs256(bytes_of(key, "k"));
  if (member(key, "d") != nullptr) {
    return fail(Error::Kind::invalid, "holds its private half; give the gateway only the public one");
  }
  if (algorithm == rs256) return crypto::JwsKey::rs256(bytes_of(key, "n"), bytes_of(key, "e"));
  if (text_of(key, "crv") != "P-256") return fail(Error::Kind::invalid, "is of a curve other than P-256");
  return crypto::JwsKey::es256(bytes_of(key, "x"), bytes_of(key, "y"));
}

}  // namespace

Result<KeySet> parse_key_set(std::string_view text) {
  if (text.size() > jwks_bytes_max) {
    return fail(Error::Kind::invalid, "is larger than " + std::to_string(jwks_bytes_max) + " bytes");
  }
  const Result<wire::JsonValue> parsed = wire::parse_json(text);
  if (!parsed) return fail(Error::Kind::invalid, "is not JSON that can be read: " + parsed.error().message);
  const auto* object = parsed->get<wire::JsonObject>();
  const wire::JsonValue* listed = object == nullptr ? nullptr : member(*object, "keys");
  const auto* list = listed == nullptr ? nullptr : listed->get<wire::JsonArray>();
  if (list == nullptr) return fail(Error::Kind::invalid, R"(is no JWK set; it must be {"keys": [...]})");
  if (list->size() > jwks_keys_max) {
    return fail(Error::Kind::invalid, "holds more than " + std::to_string(jwks_keys_max) + " keys; take old ones out");
  }
  KeySet set;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* each = (*list)[i].get<wire::JsonObject>();
    Result<crypto::JwsKey> key = each == nullptr ? fail(Error::Kind::invalid, "is no object") : key_of(*each);
    if (key) {
      set.keys.push_back({std::string(text_of(*each, "kid")), std::move(*key)});
    } else {
      set.skipped.push_back("key " + std::to_string(i + 1) + ": " + key.error().message);
    }
  }
  if (set.keys.empty()) {
    return fail(Error::Kind::invalid, "holds no key for HS256, RS256 or ES256" +
                                          (set.skipped.empty() ? std::string() : "; " + set.skipped.front()));
  }
  return set;
}

Result<void> TokenKeys::refused(Error error, std::string seen) {
  if (seen != seen_) {
    logger_.error("the keys of users' tokens could not be read; those that were read before stay in force",
                  {{"error", error.message}});
    seen_ = std::move(seen);
  }
  return std::unexpected(std::move(error));
}

Result<void> TokenKeys::refresh() {
  Result<std::string> text = read_();
  if (!text) return refused(text.error(), text.error().message);
  const bool is_known = *text == seen_;
  Result<KeySet> set = parse_key_set(*text);
  if (!set) {
    return refused({Error::Kind::invalid, "the JWK set " + set.error().message}, std::move(*text));
  }
  if (is_known) return {};
  for (const std::string& why : set->skipped) {
    logger_.warning("a key of the JWK set is not used", {{"reason", why}});
  }
  logger_.info("keys of users' tokens are in force", {{"keys", static_cast<std::int64_t>(set->keys.size())}});
  seen_ = std::move(*text);
  auto made = std::make_shared<const KeySet>(std::move(*set));
  std::lock_guard lock(mutex_);
  keys_ = std::move(made);
  return {};
}

std::shared_ptr<const KeySet> TokenKeys::current() const {
  std::lock_guard lock(mutex_);
  return keys_;
}

}  // namespace openrun::gateway
