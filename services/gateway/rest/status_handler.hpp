// GET /v1/requests/{receipt}: what became of a request; held with Prefer: wait=N.
#pragma once

#include "gateway/calls/polling.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class StatusHandler {
 public:
  explicit StatusHandler(Parts& parts) : polling_(parts), answers_(parts) {}
  void get(Call& call);

 private:
  Polling polling_;
  RequestAnswers answers_;
};

}  // namespace openrun::gateway
