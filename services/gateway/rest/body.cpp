#include "gateway/rest/body.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include <openrun/base/limits.hpp>

#include "gateway/rest/http_text.hpp"

namespace openrun::gateway {
namespace {

// 1.0 is an integer to JSON Schema. Above 2^53 a double no longer says which one.
bool is_whole(double number) {
  return std::abs(number) <= 9'007'199'254'740'992.0 && std::trunc(number) == number;
}

}  // namespace

const wire::JsonValue* FieldReader::find(std::string_view name) {
  for (std::size_t i = 0; i < object_.size(); ++i) {
    if (object_[i].first == name) {
      asked_[i] = true;
      return &object_[i].second;
    }
  }
  return nullptr;
}

void FieldReader::error(std::string_view name, std::string message) {
  errors_.push_back({prefix_ + std::string(name), std::move(message)});
}

std::optional<std::string> FieldReader::text(std::string_view name) {
  const wire::JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->get<std::string>()) return *text;
  error(name, "must be a string");
  return std::nullopt;
}

std::optional<std::int64_t> FieldReader::integer(std::string_view name, std::int64_t lowest, std::int64_t highest) {
  const wire::JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::int64_t> number;
  if (const auto* is_signed = value->get<std::int64_t>()) {
    number = *is_signed;
  } else if (const auto* is_unsigned = value->get<std::uint64_t>()) {
    if (std::in_range<std::int64_t>(*is_unsigned)) number = static_cast<std::int64_t>(*is_unsigned);
  } else if (const auto* real = value->get<double>(); real != nullptr && is_whole(*real)) {
    number = static_cast<std::int64_t>(*real);
  } else {
    error(name, "must be an integer");
    return std::nullopt;
  }
  if (number && *number >= lowest && *number <= highest) return number;
  error(name, "must be an integer from " + std::to_string(lowest) + " to " + std::to_string(highest));
  return std::nullopt;
}

std::optional<Timestamp> FieldReader::time(std::string_view name) {
  const std::optional<std::string> written = text(name);
  if (!written) return std::nullopt;
  const Result<std::int64_t> parsed = wire::parse_time(*written);
  if (parsed) return Timestamp{*parsed};
  error(name, "must be an RFC 3339 time such as 2026-01-31T09:00:00Z");
  return std::nullopt;
}

void FieldReader::finish() {
  for (std::size_t i = 0; i < object_.size(); ++i) {
    if (!asked_[i]) error(object_[i].first, "is not a known field");
  }
}

namespace {

std::optional<issuance::Discount> read_discount(const wire::JsonValue& value, std::vector<FieldError>& errors) {
  const auto* object = value.get<wire::JsonObject>();
  if (object == nullptr) {
    errors.push_back({"policy.discount", "must be an object"});
    return std::nullopt;
  }
  FieldReader fields(*object, "policy.discount.", errors);
  issuance::Discount discount;
  const auto type = fields.text("type");
  if (type == "amount") {
    discount.type = issuance::Discount::Type::amount;
  } else if (type != "percent") {
    fields.error("type", "must be \"percent\" or \"amount\"");
  }
  if (fields.find("value") == nullptr) fields.error("value", "is missing");
  discount.value = fields.integer("value", 1, std::numeric_limits<std::int64_t>::max()).value_or(0);
  discount.currency = fields.text("currency").value_or("");
  fields.finish();
  return discount;
}

}  // namespace

std::optional<issuance::Policy> read_policy(const wire::JsonValue& value, std::vector<FieldError>& errors) {
  const auto* object = value.get<wire::JsonObject>();
  if (object == nullptr) {
    errors.push_back({"policy", "must be an object"});
    return std::nullopt;
  }
  FieldReader fields(*object, "policy.", errors);
  issuance::Policy policy;
  if (const wire::JsonValue* discount = fields.find("discount")) policy.discount = read_discount(*discount, errors);
  policy.valid_until = fields.time("valid_until");
  policy.valid_for_seconds = fields.integer("valid_for_seconds", 1, std::numeric_limits<std::int64_t>::max());
  policy.max_per_user =
      static_cast<std::uint32_t>(fields.integer("max_per_user", 1, limits::coupons_per_user_max).value_or(1));
  const auto format = fields.text("code_format");
  if (format == "latin") {
    policy.code_format = issuance::CodeFormat::latin;
  } else if (format && format != "hangul") {
    fields.error("code_format", "must be \"hangul\" or \"latin\"");
  }
  fields.finish();
  return policy;
}

std::expected<wire::JsonObject, ports::HttpResponse> read_object(const ports::HttpRequest& request, bool may_be_empty) {
  if (request.body.empty() && may_be_empty) return wire::JsonObject{};
  if (!is_json_type(request.header("Content-Type"))) {
    return std::unexpected(problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json in UTF-8."));
  }
  Result<wire::JsonValue> value = wire::parse_json(request.body);
  if (!value) return std::unexpected(invalid_request(value.error().message));
  auto* object = std::get_if<wire::JsonObject>(&value->value);
  if (object == nullptr) return std::unexpected(invalid_request("The body must be a JSON object."));
  return std::move(*object);
}

std::optional<std::string_view> plain_user_id(std::string_view body) {
  constexpr std::string_view begin = "{\"user_id\":";
  if (!body.starts_with(begin)) return std::nullopt;
  body.remove_prefix(begin.size());
  if (body.starts_with(' ')) body.remove_prefix(1);
  if (body.size() < 3 || body.front() != '"' || !body.ends_with("\"}")) return std::nullopt;
  const std::string_view user = body.substr(1, body.size() - 3);
  for (const char c : user) {
    if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') return std::nullopt;
  }
  return user;
}

std::expected<std::optional<std::string>, ports::HttpResponse> named_user(const ports::HttpRequest& request) {
  if (request.body.empty()) return std::nullopt;
  const auto plain = plain_user_id(request.body);
  if (plain && is_json_type(request.header("Content-Type"))) return std::string(*plain);
  auto object = read_object(request, false);
  if (!object) return std::unexpected(std::move(object.error()));
  std::vector<FieldError> errors;
  FieldReader fields(*object, "", errors);
  std::optional<std::string> named = fields.text("user_id");
  fields.finish();
  if (!errors.empty()) return std::unexpected(invalid_request("The body has faults.", errors));
  return named;
}

}  // namespace openrun::gateway
