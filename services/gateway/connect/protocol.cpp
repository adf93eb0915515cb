#include "gateway/connect/protocol.hpp"

#include <algorithm>
#include <charconv>

#include <openrun/wire/json.hpp>

#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway::connect {
namespace {

constexpr std::size_t timeout_digits_max = 10;

bool same_name(std::string_view text, std::string_view name) {
  return std::ranges::equal(
      text, name, [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + ('a' - 'A')) : x) == y; });
}

std::expected<std::int64_t, Failure> timeout_of(std::string_view text) {
  if (text.empty()) return timeout_ms_default;
  std::int64_t timeout_ms = 0;
  const bool is_number = text.size() <= timeout_digits_max &&
                         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
                         std::from_chars(text.data(), text.data() + text.size(), timeout_ms).ec == std::errc{};
  if (!is_number) {
    return std::unexpected(
        Failure{Code::invalid_argument, "Connect-Timeout-Ms must be a whole number of at most 10 digits"});
  }
  return std::min(timeout_ms, timeout_ms_max);
}

Code code_of(unsigned status) {
  switch (status) {
    case 400:
      return Code::invalid_argument;
    case 401:
      return Code::unauthenticated;
    case 403:
      return Code::permission_denied;
    case 404:
      return Code::not_found;
    case 429:
      return Code::resource_exhausted;
    case 503:
      return Code::unavailable;
    default:
      return Code::internal;
  }
}

}  // namespace

std::optional<Codec> codec_of(std::string_view content_type) {
  if (same_name(content_type, "application/proto")) return Codec::proto;
  if (is_json_type(content_type)) return Codec::json;
  return std::nullopt;
}

std::string_view name_of(Code code) {
  switch (code) {
    case Code::unknown:
      break;
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::deadline_exceeded:
      return "deadline_exceeded";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::permission_denied:
      return "permission_denied";
    case Code::resource_exhausted:
      return "resource_exhausted";
    case Code::failed_precondition:
      return "failed_precondition";
    case Code::unimplemented:
      return "unimplemented";
    case Code::internal:
      return "internal";
    case Code::unavailable:
      return "unavailable";
    case Code::unauthenticated:
      return "unauthenticated";
  }
  return "unknown";
}

unsigned status_of(Code code) {
  switch (code) {
    case Code::unknown:
    case Code::internal:
      break;
    case Code::invalid_argument:
    case Code::failed_precondition:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::already_exists:
      return 409;
    case Code::resource_exhausted:
      return 429;
    case Code::unimplemented:
      return 501;
    case Code::unavailable:
      return 503;
    case Code::deadline_exceeded:
      return 504;
  }
  return 500;
}

std::expected<Terms, Failure> terms_of(const ports::HttpRequest& request) {
  Terms terms;
  const std::string_view encoding = request.header("Content-Encoding");
  terms.is_gzip = same_name(encoding, "gzip");
  if (!terms.is_gzip && !encoding.empty() && !same_name(encoding, "identity")) {
    return std::unexpected(
        Failure{Code::unimplemented, "this Content-Encoding is not supported; send gzip or identity"});
  }
  const std::string_view version = request.header("Connect-Protocol-Version");
  if (!version.empty() && version != "1") {
    return std::unexpected(Failure{Code::invalid_argument, "Connect-Protocol-Version must be 1"});
  }
  const auto timeout_ms = timeout_of(request.header("Connect-Timeout-Ms"));
  if (!timeout_ms) return std::unexpected(timeout_ms.error());
  terms.timeout_ms = *timeout_ms;
  return terms;
}

Failure failure_of(const ports::HttpResponse& problem) {
  Failure failure;
  failure.code = code_of(problem.status);
  if (failure.code == Code::internal) {
    failure.message = "INTERNAL_SERVER_ERROR";
    return failure;
  }
  if (const auto body = wire::parse_json(problem.body)) {
    if (const auto* object = body->get<wire::JsonObject>()) {
      const auto detail = std::ranges::find(*object, "detail", &wire::JsonMember::first);
      if (detail != object->end()) {
        if (const auto* text = detail->second.get<std::string>()) failure.message = *text;
      }
    }
  }
  for (const auto& [name, value] : problem.headers) {
    if (name == "Retry-After") {
      (void)std::from_chars(value.data(), value.data() + value.size(), failure.retry_after_s);
    }
  }
  return failure;
}

ports::HttpResponse error_response(const Failure& failure, std::optional<unsigned> status) {
  ports::HttpResponse response = json_response(status.value_or(status_of(failure.code)), {});
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("code").string(name_of(failure.code));
  if (!failure.message.empty()) json.key("message").string(failure.message);
  json.end_object();
  no_store(response);
  const std::int64_t wait_s = failure.retry_after_s > 0           ? failure.retry_after_s
                              : failure.code == Code::unavailable ? 1
                                                                  : 0;
  if (wait_s > 0) response.headers.emplace_back("Retry-After", std::to_string(wait_s));
  if (failure.code == Code::unauthenticated) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"openrun\"");
  }
  return response;
}

}  // namespace openrun::gateway::connect
