#include <utility>

#include <openrun/base/sentry_dsn.hpp>
#include <openrun/telemetry/error_reports.hpp>
#include <openrun/telemetry/spans.hpp>
#include <openrun/wiring/daemon.hpp>
#include <openrun/wiring/telemetry.hpp>

namespace openrun::wiring {

std::unique_ptr<telemetry::LevelledLogger> make_logger(const config::Config& config, const std::string& daemon,
                                                       const std::string& instance, const char* version) {
  std::unique_ptr<telemetry::ErrorReports> reports;
  if (const auto dsn = parse_sentry_dsn(config.sentry.dsn)) {
    reports = telemetry::make_error_reports(
        {.dsn = *dsn, .ca_file = config.sentry.ca_file, .daemon = daemon, .instance = instance, .version = version});
  }
  return telemetry::make_logger(daemon, instance, level_of(config.log.level), std::move(reports));
}

std::unique_ptr<ports::SpanSink> make_spans(const config::Config& config, const std::string& daemon,
                                            const std::string& instance, const char* version, ports::Metrics& metrics,
                                            ports::Logger& logger) {
  if (config.traces.endpoint.empty()) return nullptr;
  return telemetry::make_span_exporter({.endpoint = config.traces.endpoint,
                                        .service = daemon,
                                        .instance = instance,
                                        .version = version,
                                        .queue_max = static_cast<std::size_t>(config.traces.queue_max)},
                                       metrics, logger);
}

}  // namespace openrun::wiring
