// A service over HTTP/1.1 by the Connect protocol: POST /{service}/{method}. Any thread after construction.
#pragma once

#include <openrun/ports/clock.hpp>

#include "gateway/connect/unary.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway::connect {

class Endpoint {
 public:
  Endpoint(Service service, const ports::Clock& clock) : service_(std::move(service)), clock_(clock) {}

  [[nodiscard]] std::string_view pattern() const { return service_.pattern; }
  // A POST that matches the pattern; the argument is the method's name.
  void handle(Call& call) const;

 private:
  Service service_;
  const ports::Clock& clock_;
};

}  // namespace openrun::gateway::connect
