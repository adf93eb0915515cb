#include "sentry_event.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <variant>

#include "json_text.hpp"

namespace openrun::telemetry {
namespace {

constexpr std::size_t tag_characters_max = 200;  // Sentry cuts longer ones off
constexpr std::size_t extra_characters_max = 4'096;

struct TextOf {
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& value) const { return value.substr(0, extra_characters_max); }
  std::string operator()(double value) const {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.12g", value);
    return digits;
  }
};

bool names_a_user(std::string_view field) {
  return field == "user" || field == "user_id";
}

bool fits_a_tag(std::string_view text) {
  return text.size() <= tag_characters_max &&
         std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out.push_back(',');
  append_json_text(out, name);
  out.push_back(':');
  append_json_text(out, value);
}

}  // namespace

Event make_event(const EventOrigin& origin, std::string id, std::int64_t now_ms, ports::LogLevel level,
                 std::string_view message, std::initializer_list<ports::LogField> fields, std::uint64_t left_out) {
  std::string tags = "{";
  std::string extra = "{";
  append_member(tags, "daemon", origin.daemon);
  if (!origin.instance.empty()) append_member(tags, "instance", origin.instance);
  for (const auto& [name, value] : fields) {
    if (names_a_user(name)) continue;
    const std::string text = std::visit(TextOf{}, value);
    if (text.empty()) continue;
    append_member(fits_a_tag(text) ? tags : extra, name, text);
  }
  if (left_out > 0) append_member(extra, "lines_left_out", std::to_string(left_out));
  std::string json = "{";
  append_member(json, "event_id", id);
  char time[32];
  std::snprintf(time, sizeof time, "%lld.%03d", static_cast<long long>(now_ms / 1'000),
                static_cast<int>(now_ms % 1'000));
  json.append(",\"timestamp\":").append(time);
  append_member(json, "platform", "native");
  append_member(json, "level", level == ports::LogLevel::critical ? "fatal" : "error");
  append_member(json, "logger", "openrun-" + origin.daemon);
  if (!origin.host.empty()) append_member(json, "server_name", origin.host);
  append_member(json, "release", "openrun@" + origin.version);
  append_member(json, "message", message);
  json.append(",\"fingerprint\":[");
  append_json_text(json, message);
  json.append("],\"tags\":").append(tags).append("},\"extra\":").append(extra).append("}}");
  return {std::move(id), std::move(json)};
}

std::string envelope_of(const Event& event) {
  std::string out = "{";
  append_member(out, "event_id", event.id);
  out.append("}\n").append(R"({"type":"event","length":)").append(std::to_string(event.json.size())).append("}\n");
  return out.append(event.json).append("\n");
}

}  // namespace openrun::telemetry
