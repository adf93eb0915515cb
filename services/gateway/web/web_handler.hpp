// The files that the gateway carries in itself: the description of its calls.
#pragma once

#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class WebHandler {
 public:
  void openapi(Call& call);
};

}  // namespace openrun::gateway
