// JSON lines on stderr by spdlog.
#pragma once

#include <memory>
#include <string>

#include <openrun/ports/log.hpp>
#include <openrun/telemetry/error_reports.hpp>

namespace openrun::telemetry {

class LevelledLogger : public ports::Logger {
 public:
  // From now on lines below `minimum` are left out; says so in one line of level info, whatever the minimum is. Any
  // thread.
  virtual void set_minimum(ports::LogLevel minimum) = 0;
  // Of its error reports; null where it has none.
  [[nodiscard]] virtual std::shared_ptr<const ReportCounts> report_counts() const = 0;
};

// `reports`, where there are any, hear of each line at level error and above. Each line:
// {"time":"...Z","level":"info","daemon":"issuer","instance":"issuer-1","message":"...", fields...}. Any thread.
[[nodiscard]] std::unique_ptr<LevelledLogger> make_logger(std::string daemon, std::string instance,
                                                          ports::LogLevel minimum,
                                                          std::unique_ptr<ErrorReports> reports = nullptr);

}  // namespace openrun::telemetry
