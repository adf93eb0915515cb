#include <cstdio>
#include <cstdlib>

#include <openrun/base/assert.hpp>

namespace openrun {

void assertion_failed(const char* condition, const char* message, const char* file, int line) noexcept {
  std::fprintf(stderr,
               "{\"level\":\"critical\",\"message\":\"broken invariant: %s\",\"condition\":\"%s\",\"at\":\"%s:%d\"}\n",
               message, condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace openrun
