// What became of a request, by its receipt: from the window, else from the store; held for a while where that is asked
// for. On I/O threads.
#pragma once

#include <cstdint>

#include "gateway/calls/request_answer.hpp"
#include "gateway/parts.hpp"
#include "gateway/results/outcome_lookup.hpp"

namespace openrun::gateway {

class Polling {
 public:
  explicit Polling(Parts& parts) : parts_(parts) {}

  // `receipt` is verified. Answers waiting, decided, gone or unavailable; held for at most `wait_us` while it waits.
  void ask(ports::IoThread& io, NamedReceipt receipt, std::int64_t wait_us, OnRequestAnswer on_answer);

 private:
  // One poll until its answer.
  struct Poll {
    ports::IoThread* io = nullptr;
    NamedReceipt receipt;
    bool wants_wait = false;
    std::int64_t asked_us = 0;
    std::int64_t deadline_us = 0;
    OnRequestAnswer on_answer;
  };
  class Held;

  void answer(Poll poll, const Found& found);
  // Waits if that was asked for and there is room, else answers with the position.
  void wait(Poll poll, std::int64_t position);
  void ask_store(Poll poll, const Found& seen);
  void answer_stored(Poll poll, const Found& seen, const Result<StoredOutcome>& stored);
  void tell_decided(Poll poll, const Found& found);
  static void tell_waiting(Poll poll, std::int64_t position, bool waited);
  static void tell(Poll poll, RequestAnswer::Kind kind, Error::Kind error, std::string_view detail);

  Parts& parts_;
};

}  // namespace openrun::gateway
