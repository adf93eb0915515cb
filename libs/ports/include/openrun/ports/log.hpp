// Log lines: one JSON object each, on stderr. Any thread. Never give it tokens, keys or bodies.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <openrun/base/ids.hpp>
#include <openrun/base/trace_context.hpp>

namespace openrun::ports {

enum class LogLevel : std::uint8_t { debug, info, warning, error, critical };
using LogValue = std::variant<std::int64_t, double, bool, std::string>;
using LogField = std::pair<std::string_view, LogValue>;

class Logger {
 public:
  virtual ~Logger() = default;
  // `message` is constant text in plain English; what varies goes into fields named in the contract's words.
  virtual void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) = 0;
  // Whether a line of that level would be written: ask before making many.
  [[nodiscard]] virtual bool writes(LogLevel) const { return true; }

  void debug(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::debug, m, f); }
  void info(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::info, m, f); }
  void warning(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::warning, m, f); }
  void error(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::error, m, f); }
  void critical(std::string_view m, std::initializer_list<LogField> f = {}) { log(LogLevel::critical, m, f); }
};

// What happened to one request, for whoever follows its trace through the daemons: the same fields everywhere.
struct TracedRequest {
  TraceContext trace;
  CampaignId campaign;
  Partition partition;
  Offset offset;
};
void log_traced(Logger& logger, LogLevel level, std::string_view message, const TracedRequest& request,
                std::string_view outcome);

}  // namespace openrun::ports
