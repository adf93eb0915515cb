// Text as JSON. Pure; any thread, any bytes.
#pragma once

#include <string>
#include <string_view>

namespace openrun::telemetry {

// A JSON string. Always valid UTF-8 on one line: what is not well-formed becomes U+FFFD, and U+2028 and U+2029, which
// some readers take for line ends, are escaped.
void append_json_text(std::string& out, std::string_view text);

}  // namespace openrun::telemetry
