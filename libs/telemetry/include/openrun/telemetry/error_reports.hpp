// Lines of the log at level error and above as events of Sentry.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <openrun/base/sentry_dsn.hpp>
#include <openrun/ports/log.hpp>

namespace openrun::telemetry {

// What became of them so far. Any thread.
struct ReportCounts {
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> dropped{0};   // the queue was full, or the receiver did not take it
  std::atomic<std::uint64_t> left_out{0};  // repeated too often
};

struct ErrorReporting {
  SentryDsn dsn;
  std::string ca_file;  // PEM, trusted instead of the system's authorities; empty: those
  std::string daemon;
  std::string instance;
  std::string version;
};

class ErrorReports {
 public:
  // Of one message, and of all, a minute; the next event of a message says how many were left out.
  static constexpr int events_of_a_message_max = 5;
  static constexpr int events_max = 30;
  static constexpr std::size_t queue_max = 64;

  virtual ~ErrorReports() = default;
  // Any thread; never blocks. Fields become tags, long ones extra data; one that names a user is left out.
  virtual void report(ports::LogLevel level, std::string_view message,
                      std::initializer_list<ports::LogField> fields) = 0;
  [[nodiscard]] virtual std::shared_ptr<const ReportCounts> counts() const = 0;
};

// A thread of its own sends. Destroying tries to send what is queued, for two seconds, at most three.
[[nodiscard]] std::unique_ptr<ErrorReports> make_error_reports(ErrorReporting options);

}  // namespace openrun::telemetry
