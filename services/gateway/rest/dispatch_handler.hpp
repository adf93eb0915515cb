// GET and PUT /v1/dispatch: how many requests of a partition are decided a second.
#pragma once

#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class DispatchHandler {
 public:
  explicit DispatchHandler(Parts& parts) : parts_(parts) {}
  void get(Call& call);
  void put(Call& call);

 private:
  Parts& parts_;
};

}  // namespace openrun::gateway
