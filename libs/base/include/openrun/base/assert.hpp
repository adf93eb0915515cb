// A broken invariant aborts the daemon, in release builds too: the log and Postgres are the recovery, and a process
// that no longer knows what it holds must not commit anything.
#pragma once

namespace openrun {

[[noreturn]] void assertion_failed(const char* condition, const char* message, const char* file, int line) noexcept;

}  // namespace openrun

#define OPENRUN_ASSERT(condition, message)                                    \
  do {                                                                        \
    if (!(condition)) [[unlikely]]                                            \
      ::openrun::assertion_failed(#condition, (message), __FILE__, __LINE__); \
  } while (false)
