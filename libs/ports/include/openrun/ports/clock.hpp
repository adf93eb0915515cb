// Time as a port. Decision code never sees it. Any thread.
#pragma once

#include <cstdint>

#include <openrun/base/ids.hpp>

namespace openrun::ports {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;              // wall clock, UTC
  [[nodiscard]] virtual std::int64_t monotonic_us() const = 0;  // for intervals only
};

}  // namespace openrun::ports
