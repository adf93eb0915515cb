// POST /v1/campaigns/{id}/requests: 202 with a receipt, or the outcome.
#pragma once

#include "gateway/calls/issuing.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/request_answers.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class RequestsHandler {
 public:
  explicit RequestsHandler(Parts& parts) : parts_(parts), issuing_(parts), answers_(parts) {}
  void post(Call& call);

 private:
  Parts& parts_;
  Issuing issuing_;
  RequestAnswers answers_;
};

}  // namespace openrun::gateway
