// Whether this gateway should be sent requests. Pure function of what is observed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/settings.hpp"

namespace openrun::gateway {

struct Observed {
  bool draining = false;
  std::int64_t oldest_unacknowledged_ms = 0;  // 0: nothing waits for the log, so nothing is known against it
  bool results_ready = false;                 // every partition reached the end that was seen at start
  std::int64_t results_behind_ms = 0;         // since the slowest partition was last known to be at its end
  // Why the store can't be asked, although it answers (see StoreWatch); empty where it can.
  std::string store_behind;
  // What is wrong with the store, empty where nothing is. It is shown, but no reason: requests are accepted and polls
  // answered without it, and no other gateway would have a better one.
  std::string store_trouble;
  // What keeps the gateway out of Kafka; shown, and behind the reasons that there are.
  std::string log_trouble;
};

// Empty: ready. Else one line a reason, fit for anybody's eyes.
[[nodiscard]] std::vector<std::string> not_ready_reasons(const Observed& observed, const Settings& settings);

}  // namespace openrun::gateway
