#include "poll_until.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <openrun/base/assert.hpp>

namespace openrun::stream {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

int timeout_ms(steady_clock::time_point wake_at) {
  if (wake_at == no_deadline) return -1;
  const auto left = std::chrono::ceil<milliseconds>(wake_at - steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

bool poll_until(std::vector<pollfd>& polled, steady_clock::time_point wake_at) {
  if (::poll(polled.data(), polled.size(), timeout_ms(wake_at)) >= 0) return true;
  OPENRUN_ASSERT(errno == EINTR || errno == ENOMEM, "poll() takes what it is given");
  return false;
}

}  // namespace openrun::stream
