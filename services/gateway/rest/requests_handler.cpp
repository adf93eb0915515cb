#include "gateway/rest/requests_handler.hpp"

#include <utility>

#include <openrun/base/text.hpp>

#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr std::string_view user_rule = "must be 1 to 64 characters of valid UTF-8 without control characters";

struct NamedUser {
  std::string_view name;
  std::string owned;  // what `name` points to, where the body had to be parsed
};

// auth.mode trusted: the body's user_id, or X-User-Id where there is no body.
std::expected<NamedUser, ports::HttpResponse> user_of(const ports::HttpRequest& request) {
  NamedUser user;
  if (request.body.empty()) {
    user.name = request.header("X-User-Id");
    if (user.name.empty()) {
      return std::unexpected(invalid_request("The user is not named.", {{"user_id", "is missing"}}));
    }
  } else if (const auto plain = plain_user_id(request.body); plain && is_json_type(request.header("Content-Type"))) {
    user.name = *plain;
  } else {
    auto object = read_object(request, false);
    if (!object) return std::unexpected(std::move(object.error()));
    std::vector<FieldError> errors;
    FieldReader fields(*object, "", errors);
    if (fields.find("user_id") == nullptr) fields.error("user_id", "is missing");
    user.owned = fields.text("user_id").value_or("");
    fields.finish();
    if (!errors.empty()) return std::unexpected(invalid_request("The body has faults.", errors));
    user.name = user.owned;
  }
  if (!is_valid_user_id(user.name)) {
    return std::unexpected(invalid_request("The user id is not valid.", {{"user_id", std::string(user_rule)}}));
  }
  return user;
}

}  // namespace

void RequestsHandler::post(Call& call) {
  IssueCall issue;
  issue.received_us = parts_.clock.monotonic_us();
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) {
    call.reply->send(campaign_not_found());
    return;
  }
  issue.campaign = *campaign;
  auto user = user_of(call.request);
  if (!user) {
    call.reply->send(std::move(user.error()));
    return;
  }
  issue.user = user->owned.empty() ? user->name : std::string_view(user->owned);
  const auto key = idempotency_key(call.request);
  if (!key) {
    call.reply->send(invalid_request("The Idempotency-Key is not valid.",
                                     {{"Idempotency-Key", "must be 1 to 128 printable ASCII characters"}}));
    return;
  }
  issue.key = *key;
  const std::optional<std::int64_t> wait_s = preferred_wait_s(call.request.header("Prefer"));
  issue.wait_us = wait_s.value_or(0) * 1'000'000;
  issuing_.ask(call.io, issue, [this, reply = std::move(call.reply), wait_s](const RequestAnswer& answer) {
    reply->send(answers_.posted(answer, answer.waited ? wait_s : std::nullopt));
  });
}

}  // namespace openrun::gateway
