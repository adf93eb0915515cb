#include <algorithm>

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <openrun/base/assert.hpp>
#include <openrun/runtime/runtime.hpp>

namespace openrun::runtime {
namespace {

// How soon a waiting thread sees request(), which no signal announces.
constexpr std::chrono::milliseconds request_seen_within{50};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Timestamp SystemClock::now() const {
  return Timestamp{
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
}

std::int64_t SystemClock::monotonic_us() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

StopSignal::StopSignal() {
  const sigset_t set = stop_signals();
  OPENRUN_ASSERT(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "SIGTERM and SIGINT can be blocked");
  OPENRUN_ASSERT(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "SIGPIPE can be ignored");
}

bool StopSignal::wait_for(std::chrono::milliseconds timeout) {
  const sigset_t set = stop_signals();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!requested_) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now());
    const auto slice = std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds{0}, request_seen_within);
    const timespec wait{.tv_sec = 0, .tv_nsec = slice.count()};
    const int received = sigtimedwait(&set, nullptr, &wait);
    if (received == SIGTERM || received == SIGINT) requested_ = true;
    if (left.count() <= 0) break;
  }
  return requested_;
}

void StopSignal::request() {
  requested_ = true;
}

}  // namespace openrun::runtime
