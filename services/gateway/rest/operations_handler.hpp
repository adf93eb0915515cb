// GET /v1/operations and /v1/operations/history: what an operator watches, as numbers.
#pragma once

#include <functional>

#include "gateway/parts.hpp"
#include "gateway/readiness.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class OperationsHandler {
 public:
  // `observe` is called on an I/O thread and must not block.
  OperationsHandler(Parts& parts, std::function<Observed()> observe) : parts_(parts), observe_(std::move(observe)) {}
  void now(Call& call);
  void history(Call& call);

 private:
  Parts& parts_;
  std::function<Observed()> observe_;
};

}  // namespace openrun::gateway
