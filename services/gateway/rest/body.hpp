// Reads a JSON object field by field, collects what is wrong with it, and refuses fields that nobody asked for.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/wire/json.hpp>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

class FieldReader {
 public:
  FieldReader(const wire::JsonObject& object, std::string prefix, std::vector<FieldError>& errors)
      : object_(object), prefix_(std::move(prefix)), errors_(errors), asked_(object.size(), false) {}

  // Null where the field is not there.
  [[nodiscard]] const wire::JsonValue* find(std::string_view name);
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t lowest, std::int64_t highest);
  [[nodiscard]] std::optional<Timestamp> time(std::string_view name);
  void error(std::string_view name, std::string message);
  // Every field that was not asked for is an error.
  void finish();

 private:
  const wire::JsonObject& object_;
  std::string prefix_;
  std::vector<FieldError>& errors_;
  std::vector<bool> asked_;
};

// The policy object of a campaign; faults of single fields go to `errors`, rules between fields are wire::check's
// business.
[[nodiscard]] std::optional<issuance::Policy> read_policy(const wire::JsonValue& value,
                                                          std::vector<FieldError>& errors);

// A body that must be a JSON object. An empty body is an empty object where `may_be_empty`. Otherwise the answer to
// send.
[[nodiscard]] std::expected<wire::JsonObject, ports::HttpResponse> read_object(const ports::HttpRequest& request,
                                                                               bool may_be_empty);

// {"user_id":"..."} of printable ASCII without escapes, which is what nearly every request is: the view of its value,
// unchecked. Anything else: empty, and read_object decides.
[[nodiscard]] std::optional<std::string_view> plain_user_id(std::string_view body);

// Who is named by a body whose only field is user_id; empty where it, or no body, names nobody.
[[nodiscard]] std::expected<std::optional<std::string>, ports::HttpResponse> named_user(
    const ports::HttpRequest& request);

}  // namespace openrun::gateway
