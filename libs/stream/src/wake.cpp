#include "wake.hpp"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>

namespace openrun::stream {

Wake::Wake() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  OPENRUN_ASSERT(descriptor_ >= 0, "an eventfd can be made");
}

Wake::~Wake() {
  close(descriptor_);
}

void Wake::wake() {
  const std::uint64_t one = 1;
  OPENRUN_ASSERT(write(descriptor_, &one, sizeof one) == sizeof one, "an eventfd takes a wake-up");
}

void Wake::settle() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read_bytes = read(descriptor_, &count, sizeof count);
}

}  // namespace openrun::stream
