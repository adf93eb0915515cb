#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <openrun/base/text.hpp>
#include <openrun/telemetry/logger.hpp>

namespace openrun::telemetry {
namespace {

// Bytes of the first character of `rest`, or 0 where it is not well-formed UTF-8.
std::size_t character_length(std::string_view rest) {
  for (std::size_t length = 1; length <= 4 && length <= rest.size(); ++length) {
    if (utf8_length(rest.substr(0, length)) == 1) return length;
  }
  return 0;
}

// JSON string. Always valid UTF-8 on one line: what is not well-formed becomes U+FFFD, and U+2028 and U+2029, which
// some readers take for line ends, are escaped.
void append_text(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte == '"' || byte == '\\') {
      out.append({'\\', text.front()});
    } else if (byte == '\n') {
      out.append("\\n");
    } else if (byte == '\t') {
      out.append("\\t");
    } else if (byte == '\r') {
      out.append("\\r");
    } else if (byte < 0x20 || byte == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out.append(escape);
    } else if (byte < 0x80) {
      out.push_back(text.front());
    } else {
      const std::size_t length = character_length(text);
      const std::string_view character = text.substr(0, length);
      if (length == 0) {
        out.append("\xEF\xBF\xBD");
      } else if (character == "\xE2\x80\xA8" || character == "\xE2\x80\xA9") {
        out.append(character == "\xE2\x80\xA8" ? "\\u2028" : "\\u2029");
      } else {
        out.append(character);
      }
      text.remove_prefix(length == 0 ? 1 : length);
      continue;
    }
    text.remove_prefix(1);
  }
  out.push_back('"');
}

struct AppendValue {
  std::string& out;
  void operator()(std::int64_t value) const { out.append(std::to_string(value)); }
  void operator()(bool value) const { out.append(value ? "true" : "false"); }
  void operator()(const std::string& value) const { append_text(out, value); }
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

class JsonLogger final : public ports::Logger {
 public:
  JsonLogger(const std::string& daemon, const std::string& instance, ports::LogLevel minimum)
      : logger_(daemon, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog_level(minimum));
    logger_.flush_on(spdlog::level::trace);
    origin_ = ",\"daemon\":";
    append_text(origin_, daemon);
    origin_.append(",\"instance\":");
    append_text(origin_, instance);
  }

  void log(ports::LogLevel level, std::string_view message, std::initializer_list<ports::LogField> fields) override {
    if (!logger_.should_log(spdlog_level(level))) return;
    std::string line = "{\"time\":\"";
    append_time(line);
    line.append("\",\"level\":\"").append(name_of(level)).append("\"").append(origin_).append(",\"message\":");
    append_text(line, message);
    for (const auto& [name, value] : fields) {
      line.push_back(',');
      append_text(line, name);
      line.push_back(':');
      std::visit(AppendValue{line}, value);
    }
    line.push_back('}');
    logger_.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  spdlog::logger logger_;
  std::string origin_;
};

}  // namespace

std::unique_ptr<ports::Logger> make_logger(std::string daemon, std::string instance, ports::LogLevel minimum) {
  return std::make_unique<JsonLogger>(daemon, instance, minimum);
}

}  // namespace openrun::telemetry
