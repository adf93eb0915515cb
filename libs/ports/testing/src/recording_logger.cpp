#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <openrun/ports/testing/recording.hpp>

namespace openrun::ports::testing {
namespace {

std::string_view name_of(LogLevel level) {
  constexpr std::array<std::string_view, 5> names{"debug", "info", "warning", "error", "critical"};
  return names.at(static_cast<std::size_t>(level));
}

std::string text_of(const LogValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::get<double>(value)).ptr;
  return {digits.data(), end};
}

}  // namespace

void RecordingLogger::log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  Line line{std::string(name_of(level)).append(" ").append(message), std::string(message), {}};
  for (const auto& [name, value] : fields) {
    line.text.append(" ").append(name).append("=").append(text_of(value));
    if (name == "trace_id") line.trace_id = text_of(value);
  }
  std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<std::string> RecordingLogger::lines() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const Line& line : lines_) all.push_back(line.text);
  return all;
}

std::vector<std::string> RecordingLogger::taken() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (Line& line : std::exchange(lines_, {})) all.push_back(std::move(line.text));
  return all;
}

std::vector<std::string> RecordingLogger::messages() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const Line& line : lines_) all.push_back(line.message);
  return all;
}

std::size_t RecordingLogger::lines_with(std::string_view text) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const Line& line) { return line.text.contains(text); }));
}

std::size_t RecordingLogger::messages_with(std::string_view text) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const Line& line) { return line.message.contains(text); }));
}

std::size_t RecordingLogger::count(std::string_view message) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(lines_, message, &Line::message));
}

std::vector<std::string> RecordingLogger::trace_ids(std::string_view message) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const Line& line : lines_) {
    if (line.message == message && !line.trace_id.empty()) ids.push_back(line.trace_id);
  }
  return ids;
}

}  // namespace openrun::ports::testing
