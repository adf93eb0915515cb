// JSON lines on stderr by spdlog.
#pragma once

#include <memory>
#include <string>

#include <openrun/ports/log.hpp>

namespace openrun::telemetry {

// Each line: {"time":"...Z","level":"info","daemon":"issuer","instance":"issuer-1","message":"...", fields...}. Any
// thread.
[[nodiscard]] std::unique_ptr<ports::Logger> make_logger(std::string daemon, std::string instance,
                                                         ports::LogLevel minimum);

}  // namespace openrun::telemetry
