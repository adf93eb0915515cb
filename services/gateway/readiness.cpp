#include "gateway/readiness.hpp"

namespace openrun::gateway {

std::vector<std::string> not_ready_reasons(const Observed& observed, const Settings& settings) {
  std::vector<std::string> reasons;
  if (observed.draining) reasons.emplace_back("the gateway is stopping");
  if (observed.oldest_unacknowledged_ms > settings.ready_produce_stall_ms) {
    reasons.push_back("the log has not acknowledged for " + std::to_string(observed.oldest_unacknowledged_ms) + " ms");
  }
  if (!observed.results_ready) {
    reasons.emplace_back("results are still being read");
  } else if (observed.results_behind_ms > settings.ready_results_lag_ms) {
    reasons.push_back("results are " + std::to_string(observed.results_behind_ms) + " ms behind");
  }
  if (!observed.store_behind.empty()) reasons.push_back(observed.store_behind);
  if (!reasons.empty() && !observed.log_trouble.empty()) reasons.push_back(observed.log_trouble);
  return reasons;
}

}  // namespace openrun::gateway
