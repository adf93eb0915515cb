// poll() with a point of time in place of a duration. Any thread.
#pragma once

#include <chrono>
#include <vector>

#include <poll.h>

namespace openrun::stream {

inline constexpr auto no_deadline = std::chrono::steady_clock::time_point::max();

// Until a descriptor is ready or that time has come. False: interrupted, and nothing stands in `polled`.
[[nodiscard]] bool poll_until(std::vector<pollfd>& polled, std::chrono::steady_clock::time_point wake_at);

}  // namespace openrun::stream
