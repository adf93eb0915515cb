#include "json_text.hpp"

#include <cstddef>
#include <cstdio>

#include <openrun/base/text.hpp>

namespace openrun::telemetry {
namespace {

// Bytes of the first character of `rest`, or 0 where it is not well-formed UTF-8.
std::size_t character_length(std::string_view rest) {
  for (std::size_t length = 1; length <= 4 && length <= rest.size(); ++length) {
    if (utf8_length(rest.substr(0, length)) == 1) return length;
  }
  return 0;
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
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

}  // namespace openrun::telemetry
