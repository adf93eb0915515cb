#include "gateway/rest/status_handler.hpp"

#include <utility>

#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {

void StatusHandler::get(Call& call) {
  const auto place = parts_.signer.verify(call.argument);
  if (!place) {
    if (auto refusal = parts_.limits.at_door(call, Door::counted)) return call.reply->send(std::move(*refusal));
    ports::HttpResponse response = not_found("This is no receipt of this service.");
    no_store(response);
    call.reply->send(std::move(response));
    return;
  }
  if (auto refusal = parts_.limits.poll(call, *place)) return call.reply->send(std::move(*refusal));
  const std::optional<std::int64_t> wait_s = preferred_wait_s(call.request.header("Prefer"));
  polling_.ask(call.io, {*place, std::string(call.argument)}, wait_s.value_or(0) * 1'000'000,
               [this, reply = call.reply, wait_s](const RequestAnswer& answer) {
                 reply->send(answers_.polled(answer, answer.waited ? wait_s : std::nullopt));
               });
}

}  // namespace openrun::gateway
