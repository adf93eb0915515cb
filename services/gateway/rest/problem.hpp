// Errors as RFC 9457 application/problem+json, with the contract's `code`. Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::gateway {

struct FieldError {
  std::string field;
  std::string message;
};

inline constexpr std::string_view json_type = "application/json";
inline constexpr std::string_view problem_type = "application/problem+json";

// `more` appends members to the object. Without a `detail` there is one of the code's own.
using MoreMembers = std::function<void(wire::JsonWriter&)>;
[[nodiscard]] ports::HttpResponse problem(unsigned status, std::string_view code, std::string_view detail,
                                          const MoreMembers& more = {});

[[nodiscard]] ports::HttpResponse invalid_request(std::string_view detail, const std::vector<FieldError>& errors = {});
[[nodiscard]] ports::HttpResponse invalid_idempotency_key();
[[nodiscard]] ports::HttpResponse unauthenticated(std::string_view detail);
// 401 for a bearer token that counts for nothing (RFC 6750, section 3.1).
[[nodiscard]] ports::HttpResponse invalid_token(std::string_view detail);
[[nodiscard]] ports::HttpResponse forbidden(std::string_view detail);
[[nodiscard]] ports::HttpResponse not_found(std::string_view detail);
[[nodiscard]] ports::HttpResponse campaign_not_found();
[[nodiscard]] ports::HttpResponse gone();
[[nodiscard]] ports::HttpResponse overloaded(std::string_view detail, std::int64_t retry_after_s = 1);
// 429; `limit` is the name of the one that was reached, as in RateLimit-Policy.
[[nodiscard]] ports::HttpResponse rate_limited(std::string_view limit, std::int64_t retry_after_s);
// For a failure of the store or the log: 503 with Retry-After, or 500. Never shows the error's own message.
[[nodiscard]] ports::HttpResponse unavailable(Error::Kind kind);
// 409 with the refusal's name as code; 404 for "campaign not found".
[[nodiscard]] ports::HttpResponse refusal(issuance::Outcome outcome, const MoreMembers& more = {});

void no_store(ports::HttpResponse& response);
// The same answer, with that header.
[[nodiscard]] ports::HttpResponse private_response(ports::HttpResponse response);
[[nodiscard]] ports::HttpResponse json_response(unsigned status, std::string body);

}  // namespace openrun::gateway
