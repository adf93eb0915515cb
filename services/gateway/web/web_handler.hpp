// The files that the gateway carries in itself: the description of its calls and the client for front-ends.
#pragma once

#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class WebHandler {
 public:
  void openapi(Call& call);
  void client(Call& call);
};

}  // namespace openrun::gateway
