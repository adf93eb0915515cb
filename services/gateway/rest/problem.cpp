#include "gateway/rest/problem.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace openrun::gateway {
namespace {

// What a code means, and what is said where the answer has nothing more exact to say: clients show the detail alone.
struct Words {
  std::string_view code;
  std::string_view title;
  std::string_view detail;
};
constexpr std::size_t headers_usual = 8;  // as many as an answer about a request may get

constexpr std::array all_words{
    Words{"INVALID_REQUEST", "The request is not valid", "Send it as /openapi.yaml describes it."},
    Words{"UNAUTHENTICATED", "Authentication is needed", "Send a bearer token."},
    Words{"FORBIDDEN", "Not allowed", "Whoever this token names may not do this."},
    Words{"NOT_FOUND", "Not found", "There is nothing at this path."},
    Words{"METHOD_NOT_ALLOWED", "The method is not allowed here", "The header Allow names the methods of this path."},
    Words{"GONE", "The outcome is no longer kept", "Outcomes are kept for some days."},
    Words{"TOO_LARGE", "The request is too large", "Send less."},
    Words{"UNSUPPORTED_MEDIA_TYPE", "The body must be application/json", "Send it as application/json in UTF-8."},
    Words{"RATE_LIMITED", "Too many requests", "Wait as Retry-After says."},
    Words{"OVERLOADED", "The service can't take this now", "Try again, as Retry-After says."},
    Words{"NOT_READY", "This gateway should not be sent requests now", "Another one may be ready."},
    Words{"INTERNAL_SERVER_ERROR", "Something went wrong", "The service's log says more."},
    Words{"CAMPAIGN_NOT_FOUND", "There is no such campaign", "There is no campaign with this id."},
    Words{"NOT_STARTED", "The campaign has not started", "The campaign gives coupons from its starts_at on."},
    Words{"ALREADY_ISSUED", "This user already holds a coupon",
          "The campaign gives each user one coupon, and this user holds it."},
    Words{"LIMIT_REACHED", "This user already holds as many coupons as the campaign allows",
          "This user holds max_per_user coupons of the campaign."},
    Words{"PAUSED", "The campaign is paused", "The campaign gives no coupons until it is resumed."},
    Words{"CLOSED", "The campaign is closed", "The campaign was closed for good."},
    Words{"ENDED", "The campaign has ended", "The campaign's ends_at has passed."},
    Words{"SOLD_OUT", "The campaign is sold out", "All coupons of the campaign have been given."},
    Words{"ALREADY_STARTED", "The first coupon has been issued",
          "starts_at and policy can be changed only before the first coupon."},
    Words{"ALREADY_USED", "The coupon has been used", "A coupon can be used once."},
    Words{"EXPIRED", "The coupon is no longer valid", "The coupon's valid_until has passed."},
    Words{"BELOW_ISSUED", "The stock can't go below what is issued",
          "The stock can't go below what is issued; take away at most what remains."},
    Words{"CAMPAIGN_EXISTS", "The campaign exists already", "A campaign with this id exists already."},
    Words{"STOCK_ABOVE_LIMIT", "The stock is too large", "A campaign has at most 4294967295 coupons."},
    Words{"ENDS_BEFORE_START", "The campaign would end before it starts", "ends_at must be after starts_at."},
};

const Words& words_of(std::string_view code) {
  static constexpr Words unknown{"", "The request was refused", "The code says why."};
  const auto* found = std::ranges::find(all_words, code, &Words::code);
  return found == all_words.end() ? unknown : *found;
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
  const Words& words = words_of(code);
  json.key("title").string(words.title);
  json.key("status").number(static_cast<std::int64_t>(status));
  json.key("detail").string(detail.empty() ? words.detail : detail);
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
