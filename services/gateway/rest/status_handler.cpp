#include "gateway/rest/status_handler.hpp"

#include <utility>

#include "gateway/rest/http_text.hpp"

namespace openrun::gateway {

void StatusHandler::get(Call& call) {
  auto receipt = answers_.admit(call);
  if (!receipt) return;
  const std::optional<std::int64_t> wait_s = preferred_wait_s(call.request.header("Prefer"));
  polling_.ask(call.io, std::move(*receipt), wait_s.value_or(0) * 1'000'000,
               [this, reply = call.reply, wait_s](const RequestAnswer& answer) {
                 reply->send(answers_.polled(answer, answer.waited ? wait_s : std::nullopt));
               });
}

}  // namespace openrun::gateway
