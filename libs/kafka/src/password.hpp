// The password of SASL that stands in a file and may be another one tomorrow.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include <openrun/base/result.hpp>

namespace openrun::kafka {

// Any thread. Looks at the file on the thread that asks, because a handle has no thread of ours.
class FollowedPassword {
 public:
  using Clock = std::chrono::steady_clock;
  // `known` is what was read at first.
  FollowedPassword(std::string file, std::string known);

  // The new password, once, where another one stands there; a file that cannot be read changes nothing. The file is
  // looked at once in `interval` however often somebody asks.
  [[nodiscard]] std::optional<std::string> changed(Clock::time_point now);

  static constexpr std::chrono::seconds interval{2};

 private:
  const std::string file_;
  std::mutex mutex_;
  std::string known_;
  Clock::time_point next_look_;
};

}  // namespace openrun::kafka
