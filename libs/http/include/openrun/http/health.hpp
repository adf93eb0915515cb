// /livez, /readyz and /metrics for daemons that serve nothing else.
#pragma once

#include <functional>
#include <string>

#include <openrun/ports/http.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::http {

// GET or HEAD only (405 + Allow otherwise), any other path is 404; errors are application/problem+json.
//   /livez    200 always: the process answers
//   /readyz   200 where `not_ready_reason` returns an empty string, else 503 with the reason as `detail`
//   /metrics  Prometheus text
// Both arguments must outlive the server. `not_ready_reason` is called on an I/O thread at each probe: it must not
// block, and its text is shown to whoever asks, so it holds no secrets.
[[nodiscard]] ports::HttpHandler health_handler(ports::Metrics& metrics, std::function<std::string()> not_ready_reason);

}  // namespace openrun::http
