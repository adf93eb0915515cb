// All dialects as rows of the router's table. The rest of the gateway knows this header alone.
#pragma once

#include <memory>
#include <vector>

#include <openrun/ports/clock.hpp>

#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway::dialects {

// `parts` must outlive it, and it must outlive its routes.
class Dialects {
 public:
  explicit Dialects(Parts& parts);
  ~Dialects();
  Dialects(const Dialects&) = delete;
  Dialects& operator=(const Dialects&) = delete;

  [[nodiscard]] std::vector<Route> routes() const;

 private:
  struct Services;
  std::unique_ptr<Services> services_;
};

}  // namespace openrun::gateway::dialects
