// How far the wall clock is ahead of the monotonic one. Pure function; any thread.
#pragma once

#include <cstdint>
#include <limits>

namespace openrun::telemetry {

// Both clocks are read in nanoseconds, by functions without arguments. Whoever is interrupted between two reads, on a
// busy machine for milliseconds, would be that much wrong: of a few attempts the one counts that took the least time.
template <class ReadWall, class ReadMonotonic>
[[nodiscard]] std::int64_t wall_ahead_ns(ReadWall read_wall, ReadMonotonic read_monotonic) {
  constexpr int attempts_max = 5;
  constexpr std::int64_t took_enough_ns = 5'000;  // no interruption is that short
  std::int64_t ahead_ns = 0;
  std::int64_t took_ns = std::numeric_limits<std::int64_t>::max();
  for (int attempt = 0; attempt < attempts_max && took_ns > took_enough_ns; ++attempt) {
    const std::int64_t before_ns = read_monotonic();
    const std::int64_t wall_ns = read_wall();
    const std::int64_t this_took_ns = read_monotonic() - before_ns;
    if (this_took_ns >= took_ns) continue;
    took_ns = this_took_ns;
    ahead_ns = wall_ns - before_ns - took_ns / 2;
  }
  return ahead_ns;
}

}  // namespace openrun::telemetry
