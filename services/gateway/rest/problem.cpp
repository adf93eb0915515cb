#include "gateway/rest/problem.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace openrun::gateway {
namespace {

struct Title {
  std::string_view code;
  std::string_view title;
};
constexpr std::size_t headers_usual = 8;  // as many as an answer about a request may get

constexpr std::array titles{
    Title{"INVALID_REQUEST", "The request is not valid"},
    Title{"UNAUTHENTICATED", "Authentication is needed"},
    Title{"FORBIDDEN", "Not allowed"},
    Title{"NOT_FOUND", "Not found"},
    Title{"METHOD_NOT_ALLOWED", "The method is not allowed here"},
    Title{"GONE", "The outcome is no longer kept"},
    Title{"TOO_LARGE", "The request is too large"},
    Title{"UNSUPPORTED_MEDIA_TYPE", "The body must be application/json"},
    Title{"RATE_LIMITED", "Too many requests"},
    Title{"OVERLOADED", "The service can't take this now"},
    Title{"NOT_READY", "This gateway should not be sent requests now"},
    Title{"INTERNAL_SERVER_ERROR", "Something went wrong"},
    Title{"CAMPAIGN_NOT_FOUND", "There is no such campaign"},
    Title{"NOT_STARTED", "The campaign has not started"},
    Title{"ALREADY_ISSUED", "This user already holds a coupon"},
    Title{"LIMIT_REACHED", "This user already holds as many coupons as the campaign allows"},
    Title{"PAUSED", "The campaign is paused"},
    Title{"CLOSED", "The campaign is closed"},
    Title{"ENDED", "The campaign has ended"},
    Title{"SOLD_OUT", "The campaign is sold out"},
    Title{"ALREADY_STARTED", "The first coupon has been issued"},
    Title{"ALREADY_USED", "The coupon has been used"},
    Title{"EXPIRED", "The coupon is no longer valid"},
    Title{"BELOW_ISSUED", "The stock can't go below what is issued"},
};

std::string_view title_of(std::string_view code) {
  const auto* found = std::ranges::find(titles, code, &Title::code);
  return found == titles.end() ? std::string_view("The request was refused") : found->title;
}

// urn:openrun:problem:sold-out
std::string type_of(std::string_view code) {
  std::string type = "urn:openrun:problem:";
  for (const char c : code) {
    type.push_back(c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  }
  return type;
}

}  // namespace

ports::HttpResponse problem(unsigned status, std::string_view code, std::string_view detail, const MoreMembers& more) {
  ports::HttpResponse response;
  response.status = status;
  response.content_type = problem_type;
  response.headers.reserve(headers_usual);
  response.body.reserve(256);
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("type").string(type_of(code));
  json.key("title").string(title_of(code));
  json.key("status").number(static_cast<std::int64_t>(status));
  if (!detail.empty()) json.key("detail").string(detail);
  json.key("code").string(code);
  if (more) more(json);
  json.end_object();
  return response;
}

ports::HttpResponse invalid_request(std::string_view detail, const std::vector<FieldError>& errors) {
  if (errors.empty()) return problem(400, "INVALID_REQUEST", detail);
  return problem(400, "INVALID_REQUEST", detail, [&](wire::JsonWriter& json) {
    json.key("errors").begin_array();
    for (const FieldError& error : errors) {
      json.begin_object();
      json.key("field").string(error.field);
      json.key("message").string(error.message);
      json.end_object();
    }
    json.end_array();
  });
}

ports::HttpResponse invalid_idempotency_key() {
  return invalid_request("The Idempotency-Key is not valid.",
                         {{"Idempotency-Key", "must be 1 to 128 printable ASCII characters"}});
}

ports::HttpResponse unauthenticated(std::string_view detail) {
  ports::HttpResponse response = problem(401, "UNAUTHENTICATED", detail);
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"openrun\"");
  return response;
}

ports::HttpResponse invalid_token(std::string_view detail) {
  ports::HttpResponse response = problem(401, "UNAUTHENTICATED", detail);
  response.headers.emplace_back("WWW-Authenticate", R"(Bearer realm="openrun", error="invalid_token")");
  return response;
}

ports::HttpResponse forbidden(std::string_view detail) {
  return problem(403, "FORBIDDEN", detail);
}
ports::HttpResponse not_found(std::string_view detail) {
  return problem(404, "NOT_FOUND", detail);
}
ports::HttpResponse campaign_not_found() {
  return refusal(issuance::Outcome::campaign_not_found);
}

ports::HttpResponse gone() {
  ports::HttpResponse response = problem(410, "GONE", "The outcome of this receipt is no longer kept.");
  no_store(response);
  return response;
}

ports::HttpResponse overloaded(std::string_view detail, std::int64_t retry_after_s) {
  ports::HttpResponse response = problem(503, "OVERLOADED", detail);
  response.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  no_store(response);
  return response;
}

ports::HttpResponse rate_limited(std::string_view limit, std::int64_t retry_after_s) {
  ports::HttpResponse response =
      problem(429, "RATE_LIMITED", "The limit by " + std::string(limit) + " is reached; wait as Retry-After says.");
  response.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  no_store(response);
  return response;
}

ports::HttpResponse unavailable(Error::Kind kind) {
  if (kind == Error::Kind::internal || kind == Error::Kind::invalid) {
    return problem(500, "INTERNAL_SERVER_ERROR", "The service met an unexpected error; its log says more.");
  }
  return overloaded("The service can't decide this now; try again.");
}

ports::HttpResponse refusal(issuance::Outcome outcome, const MoreMembers& more) {
  const bool absent =
      outcome == issuance::Outcome::campaign_not_found || outcome == issuance::Outcome::command_campaign_not_found;
  ports::HttpResponse response = problem(absent ? 404 : 409, issuance::to_string(outcome), {}, more);
  no_store(response);
  return response;
}

void no_store(ports::HttpResponse& response) {
  response.headers.emplace_back("Cache-Control", "no-store");
}

ports::HttpResponse private_response(ports::HttpResponse response) {
  no_store(response);
  return response;
}

ports::HttpResponse json_response(unsigned status, std::string body) {
  ports::HttpResponse response;
  response.status = status;
  response.content_type = json_type;
  response.headers.reserve(headers_usual);
  response.body = std::move(body);
  return response;
}

}  // namespace openrun::gateway
