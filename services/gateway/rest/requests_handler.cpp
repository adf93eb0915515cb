#include "gateway/rest/requests_handler.hpp"

#include <utility>

#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

void RequestsHandler::post(Call& call) {
  IssueCall issue;
  issue.received_us = call.received_us;
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) {
    call.reply->send(campaign_not_found());
    return;
  }
  issue.campaign = *campaign;
  const auto named = named_user(call.request);
  if (!named) {
    call.reply->send(named.error());
    return;
  }
  const auto user = parts_.auth.user(call.request, *named);
  if (!user) {
    call.reply->send(user.error());
    return;
  }
  issue.user = *user;
  if (auto refusal = parts_.limits.submit(call, *user, *campaign)) {
    call.reply->send(std::move(*refusal));
    return;
  }
  const auto key = idempotency_key(call.request);
  if (!key) {
    call.reply->send(invalid_idempotency_key());
    return;
  }
  issue.key = *key;
  issue.trace = parse_traceparent(call.request.header(traceparent_name));
  const std::optional<std::int64_t> wait_s = preferred_wait_s(call.request.header("Prefer"));
  issue.wait_us = wait_s.value_or(0) * 1'000'000;
  issuing_.ask(call.io, issue, [this, reply = std::move(call.reply), wait_s](const RequestAnswer& answer) {
    reply->send(answers_.posted(answer, answer.waited ? wait_s : std::nullopt));
  });
}

}  // namespace openrun::gateway
