// GET /v1/requests/{receipt}: from the window, else from the store; held with Prefer: wait=N.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/rest/routes.hpp"
#include "gateway/results/outcome_lookup.hpp"

namespace openrun::gateway {

class StatusHandler {
 public:
  explicit StatusHandler(Parts& parts) : parts_(parts), answers_(parts) {}
  void get(Call& call);

 private:
  // One poll until its answer.
  struct Poll {
    ports::IoThread* io = nullptr;
    NamedReceipt receipt;
    std::optional<std::int64_t> wait_s;
    std::int64_t deadline_us = 0;
    std::shared_ptr<ports::HttpReply> reply;
  };
  class Held;

  void answer(Poll poll, const Found& found);
  // Waits if that was asked for and there is room, else answers with the position.
  void wait(Poll poll, std::int64_t position);
  void ask_store(Poll poll, const Found& seen);
  void answer_stored(Poll poll, const Found& seen, const Result<StoredOutcome>& stored);
  void send_polled(const Poll& poll, const Found& found);

  Parts& parts_;
  RequestAnswers answers_;
};

}  // namespace openrun::gateway
