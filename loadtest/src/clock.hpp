// The clocks of a run, in microseconds.
#pragma once

#include <cstdint>

namespace openrun::load {

[[nodiscard]] std::int64_t monotonic_us();
// What this process has used so far, all its threads, user and system.
[[nodiscard]] std::int64_t own_cpu_us();

// Waits on the wall clock in steps, because that is the clock which an opening time is told by. At once where it has
// passed.
void wait_until_wall(std::int64_t at_us);

}  // namespace openrun::load
