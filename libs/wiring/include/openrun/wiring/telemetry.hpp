// Who hears of a daemon, as the configuration says. Plain functions; any thread.
#pragma once

#include <memory>
#include <string>

#include <openrun/config/config.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/spans.hpp>
#include <openrun/telemetry/logger.hpp>

namespace openrun::wiring {

// Errors are reported where SENTRY_DSN is set. `daemon` is its short name, for example "relay".
[[nodiscard]] std::unique_ptr<telemetry::LevelledLogger> make_logger(const config::Config& config,
                                                                     const std::string& daemon,
                                                                     const std::string& instance, const char* version);

// Null where traces.endpoint is empty. `daemon` becomes the service's name, for example "openrun-relay".
[[nodiscard]] std::unique_ptr<ports::SpanSink> make_spans(const config::Config& config, const std::string& daemon,
                                                          const std::string& instance, const char* version,
                                                          ports::Metrics& metrics, ports::Logger& logger);

}  // namespace openrun::wiring
