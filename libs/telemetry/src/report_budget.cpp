#include "report_budget.hpp"

#include <utility>

namespace openrun::telemetry {

void ReportBudget::renew(Window& window, std::int64_t now_us) {
  if (window.admitted > 0 && now_us - window.begun_us < window_us) return;
  window.begun_us = now_us;
  window.admitted = 0;
}

std::optional<std::uint64_t> ReportBudget::admit(std::string_view message, std::int64_t now_us) {
  auto found = messages_.find(message);
  if (found == messages_.end()) {
    if (messages_.size() >= messages_max) messages_.clear();
    found = messages_.emplace(std::string(message), Window{}).first;
  }
  Window& own = found->second;
  renew(own, now_us);
  renew(all_, now_us);
  if (own.admitted >= of_a_message_max_ || all_.admitted >= all_max_) {
    ++own.left_out;
    return std::nullopt;
  }
  ++own.admitted;
  ++all_.admitted;
  return std::exchange(own.left_out, 0);
}

}  // namespace openrun::telemetry
