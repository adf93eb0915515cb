#include "otlp.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <variant>

#include "json_text.hpp"

namespace openrun::telemetry {
namespace {

constexpr int status_error = 2;  // STATUS_CODE_ERROR

void append_id(std::string& out, std::string_view name, std::span<const std::uint8_t> id) {
  out.append("\"").append(name).append("\":\"");
  append_hexadecimal(out, id);
  out.append("\",");
}

struct AppendValue {
  std::string& out;
  void operator()(std::int64_t number) const {
    out.append(R"({"intValue":")").append(std::to_string(number)).append("\"}");
  }
  void operator()(std::string_view text) const {
    out.append(R"({"stringValue":)");
    append_json_text(out, text);
    out.append("}");
  }
};

void append_attribute(std::string& out, std::string_view name, const ports::SpanValue& value) {
  if (out.back() != '[') out.push_back(',');
  out.append(R"({"key":)");
  append_json_text(out, name);
  out.append(R"(,"value":)");
  std::visit(AppendValue{out}, value);
  out.append("}");
}

void append_span(std::string& out, const ports::Span& span) {
  if (out.back() != '[') out.push_back(',');
  out.append("{");
  append_id(out, "traceId", span.trace_id);
  append_id(out, "spanId", span.id);
  if (span.parent_id != SpanId{}) append_id(out, "parentSpanId", span.parent_id);
  out.append("\"name\":");
  append_json_text(out, span.name);
  out.append(",\"kind\":").append(std::to_string(static_cast<int>(span.kind)));
  out.append(R"(,"startTimeUnixNano":")").append(std::to_string(span.begin_ns));
  // A clock that was set back must not make a span that ends before it begins.
  out.append(R"(","endTimeUnixNano":")").append(std::to_string(std::max(span.begin_ns, span.end_ns)));
  out.append(R"(","attributes":[)");
  for (const auto& [name, value] : span.attributes) append_attribute(out, name, value);
  out.append("]");
  if (span.is_error) out.append(R"(,"status":{"code":)").append(std::to_string(status_error)).append("}");
  out.append("}");
}

}  // namespace

std::string encode_otlp(const Resource& resource, std::string_view version, const std::vector<ports::Span>& spans) {
  std::string out = R"({"resourceSpans":[{"resource":{"attributes":[)";
  for (const auto& [name, value] : resource) append_attribute(out, name, std::string_view(value));
  out.append(R"(]},"scopeSpans":[{"scope":{"name":"openrun","version":)");
  append_json_text(out, version);
  out.append(R"(},"spans":[)");
  for (const ports::Span& span : spans) append_span(out, span);
  out.append("]}]}]}");
  return out;
}

}  // namespace openrun::telemetry
