#include "clock.hpp"

#include <algorithm>

#include <time.h>

namespace openrun::load {
namespace {

constexpr std::int64_t step_us_max = 50'000;

std::int64_t us_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000;
}

}  // namespace

std::int64_t monotonic_us() {
  return us_of(CLOCK_MONOTONIC);
}

std::int64_t own_cpu_us() {
  return us_of(CLOCK_PROCESS_CPUTIME_ID);
}

void wait_until_wall(std::int64_t at_us) {
  for (std::int64_t left = at_us - us_of(CLOCK_REALTIME); left > 0; left = at_us - us_of(CLOCK_REALTIME)) {
    const timespec pause{0, static_cast<long>(std::min(left, step_us_max) * 1'000)};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace openrun::load
