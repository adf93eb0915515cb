#include <openrun/base/limits.hpp>
#include <openrun/wire/dead_letter.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::wire {
namespace {

// The text stands twice.
static_assert(4 * dead_letter_error_bytes_max <= limits::dead_letter_headroom_bytes);

std::string cut(const std::string& text) {
  if (text.size() <= dead_letter_error_bytes_max) return text;
  std::size_t end = dead_letter_error_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// Kafka Connect's name of the step that failed: reading the value, or writing it to the store.
const char* stage_of(const std::string& reason) {
  return reason == "STORE_REFUSED" ? "TASK_PUT" : "VALUE_CONVERTER";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> dead_letter_headers(
    const std::vector<std::pair<std::string, std::string>>& original, const DeadLetterFacts& facts) {
  auto headers = original;
  headers.reserve(original.size() + 17);
  const auto add = [&](const char* name, std::string value) { headers.emplace_back(name, std::move(value)); };
  const std::string partition = std::to_string(facts.partition.value);
  const std::string offset = std::to_string(facts.offset.value);
  const std::string error = cut(facts.error);

  add("__connect.errors.topic", facts.topic);
  add("__connect.errors.partition", partition);
  add("__connect.errors.offset", offset);
  add("__connect.errors.connector.name", "openrun-issuer");
  add("__connect.errors.task.id", partition);
  add("__connect.errors.stage", stage_of(facts.reason));
  add("__connect.errors.class.name", "openrun.issuer");
  add("__connect.errors.exception.class.name", "openrun." + facts.reason);
  add("__connect.errors.exception.message", error);

  add("openrun.dlq.topic", facts.topic);
  add("openrun.dlq.partition", partition);
  add("openrun.dlq.offset", offset);
  add("openrun.dlq.timestamp", std::to_string(facts.log_time.value));
  add("openrun.dlq.reason", facts.reason);
  add("openrun.dlq.error", error);
  add("openrun.dlq.at", format_time(facts.at.value));
  add("openrun.dlq.replays", std::to_string(facts.replays));
  return headers;
}

}  // namespace openrun::wire
