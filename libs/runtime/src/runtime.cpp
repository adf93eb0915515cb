#include <algorithm>
#include <utility>

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

sigset_t hang_up_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
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

HangUpSignal::HangUpSignal(std::function<void()> on_hang_up) {
  const sigset_t set = hang_up_signal();
  OPENRUN_ASSERT(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "SIGHUP can be blocked");
  thread_ = std::thread([this, set, on_hang_up = std::move(on_hang_up)] {
    for (;;) {
      const int received = sigwaitinfo(&set, nullptr);
      if (ended_) return;
      if (received == SIGHUP) on_hang_up();
    }
  });
}

HangUpSignal::~HangUpSignal() {
  ended_ = true;
  // To this thread alone, so that it wakes up whatever else the process is sent.
  OPENRUN_ASSERT(pthread_kill(thread_.native_handle(), SIGHUP) == 0, "the thread that waits for SIGHUP is there");
  thread_.join();
}

}  // namespace openrun::runtime
