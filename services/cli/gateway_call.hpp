// The gateway, by HTTP, as an admin. One call at a time; for the main thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/wire/json.hpp>

#include "cli/context.hpp"

namespace openrun::cli {

struct HttpAnswer {
  long status = 0;
  std::string body;
  wire::JsonValue json;  // null where the body is none
};

struct HttpCall {
  std::string_view method = "GET";
  // NOLINTBEGIN(readability-redundant-member-init): who names only other members would be warned without
  std::string path = {};             // "/v1/campaigns/7"; what a user typed goes through escaped()
  std::string body = {};             // JSON; empty: none
  std::string idempotency_key = {};  // empty: none
  // NOLINTEND(readability-redundant-member-init)
};

// Calls the gateway at context.url with the admin's token. Throws CommandFailed where it cannot be reached within 3 s,
// does not answer within 40 s, or answers with an error: its own code is the failure's name, and an INVALID_REQUEST
// ends with usage_error.
[[nodiscard]] HttpAnswer call(const Context& context, const HttpCall& wanted);
// The same for completion: nothing where that takes longer than `within`, or for any error.
[[nodiscard]] std::optional<HttpAnswer> try_call(const Context& context, const HttpCall& wanted,
                                                 std::chrono::milliseconds within);

// Whatever it answers, also an error; Error::Kind::unavailable where it does not within that time.
[[nodiscard]] Result<HttpAnswer> call_within(const Context& context, const HttpCall& wanted,
                                             std::chrono::milliseconds within);

// Percent-encoded for one segment of a path, or a query's value.
[[nodiscard]] std::string escaped(std::string_view text);
// A key that nobody has used: the call is done once, however often the connection breaks.
[[nodiscard]] std::string new_key();

}  // namespace openrun::cli
