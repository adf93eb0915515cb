#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <mutex>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <openrun/telemetry/logger.hpp>

#include "json_text.hpp"

namespace openrun::telemetry {
namespace {

struct AppendValue {
  std::string& out;
  void operator()(std::int64_t value) const { out.append(std::to_string(value)); }
  void operator()(bool value) const { out.append(value ? "true" : "false"); }
  void operator()(const std::string& value) const { append_json_text(out, value); }
  void operator()(double value) const {
    if (!std::isfinite(value)) {
      out.append("null");
      return;
    }
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.12g", value);
    out.append(digits);
  }
};

void append_time(std::string& out) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(ms % 1000));
  out.append(text);
}

constexpr const char* name_of(ports::LogLevel level) {
  switch (level) {
    case ports::LogLevel::debug:
      return "debug";
    case ports::LogLevel::info:
      return "info";
    case ports::LogLevel::warning:
      return "warning";
    case ports::LogLevel::error:
      return "error";
    case ports::LogLevel::critical:
      return "critical";
  }
  return "info";
}

constexpr spdlog::level::level_enum spdlog_level(ports::LogLevel level) {
  switch (level) {
    case ports::LogLevel::debug:
      return spdlog::level::debug;
    case ports::LogLevel::info:
      return spdlog::level::info;
    case ports::LogLevel::warning:
      return spdlog::level::warn;
    case ports::LogLevel::error:
      return spdlog::level::err;
    case ports::LogLevel::critical:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

class JsonLogger final : public LevelledLogger {
 public:
  JsonLogger(const std::string& daemon, const std::string& instance, ports::LogLevel minimum,
             std::unique_ptr<ErrorReports> reports)
      : reports_(std::move(reports)), logger_(daemon, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog_level(minimum));
    logger_.flush_on(spdlog::level::trace);
    origin_ = ",\"daemon\":";
    append_json_text(origin_, daemon);
    origin_.append(",\"instance\":");
    append_json_text(origin_, instance);
  }

  void log(ports::LogLevel level, std::string_view message, std::initializer_list<ports::LogField> fields) override {
    if (logger_.should_log(spdlog_level(level))) write(level, message, fields);
    if (reports_ && level >= ports::LogLevel::error) reports_->report(level, message, fields);
  }

  [[nodiscard]] std::shared_ptr<const ReportCounts> report_counts() const override {
    return reports_ ? reports_->counts() : nullptr;
  }

  void set_minimum(ports::LogLevel minimum) override {
    const std::lock_guard lock(changing_);
    // Whoever changes it looks for this line, also where neither the old nor the new minimum would let it through.
    logger_.set_level(spdlog::level::info);
    write(ports::LogLevel::info, "log level is set", {{"minimum", std::string(name_of(minimum))}});
    logger_.set_level(spdlog_level(minimum));
  }

  [[nodiscard]] bool writes(ports::LogLevel level) const override { return logger_.should_log(spdlog_level(level)); }

 private:
  void write(ports::LogLevel level, std::string_view message, std::initializer_list<ports::LogField> fields) {
    std::string line = "{\"time\":\"";
    append_time(line);
    line.append("\",\"level\":\"").append(name_of(level)).append("\"").append(origin_).append(",\"message\":");
    append_json_text(line, message);
    for (const auto& [name, value] : fields) {
      line.push_back(',');
      append_json_text(line, name);
      line.push_back(':');
      std::visit(AppendValue{line}, value);
    }
    line.push_back('}');
    logger_.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }

  const std::unique_ptr<ErrorReports> reports_;
  spdlog::logger logger_;
  std::string origin_;
  std::mutex changing_;
};

}  // namespace

std::unique_ptr<LevelledLogger> make_logger(std::string daemon, std::string instance, ports::LogLevel minimum,
                                            std::unique_ptr<ErrorReports> reports) {
  return std::make_unique<JsonLogger>(daemon, instance, minimum, std::move(reports));
}

}  // namespace openrun::telemetry
