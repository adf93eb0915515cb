// The calls of /v1/dead-letters: what `openrun dlq` does, by the same rules (services/dlq), for the operator's page.
#pragma once

#include <functional>

#include "dlq/plan.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"
#include "gateway/waits/seats.hpp"

namespace openrun::gateway {

class DeadLettersHandler {
 public:
  explicit DeadLettersHandler(Parts& parts) : parts_(parts) {}
  void list(Call& call);
  // {}: PARTITION:OFFSET
  void one(Call& call);
  // The plan, and with `execute` what became of it.
  void replay(Call& call) { act(call, dlq::DlqAction::replay); }
  void discard(Call& call) { act(call, dlq::DlqAction::discard); }

  // More than that many in one call would keep a thread of the pool for too long: the command-line tool does it.
  static constexpr std::int64_t letters_max = 1'000;

 private:
  using Work = std::function<ports::HttpResponse(ports::DeadLetterStore&)>;
  void act(Call& call, dlq::DlqAction action);
  void with_store(Call& call, Work work);

  Parts& parts_;
  Seats actions_{1};
};

}  // namespace openrun::gateway
