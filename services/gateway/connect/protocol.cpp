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

ports::HttpResponse error_response(const Failure& failure, std::optional<unsigned> status) {
  ports::HttpResponse response = json_response(status.value_or(status_of(failure.code)), {});
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("code").string(name_of(failure.code));
  if (!failure.message.empty()) json.key("message").string(failure.message);
  json.end_object();
  no_store(response);
  if (failure.code == Code::unavailable) response.headers.emplace_back("Retry-After", "1");
  if (failure.code == Code::unauthenticated) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"openrun\"");
  }
  return response;
}

}  // namespace openrun::gateway::connect
