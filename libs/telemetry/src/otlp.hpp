// Spans as the JSON of OTLP/HTTP (opentelemetry-proto's mapping: ids in hexadecimal, 64-bit numbers as strings). Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/ports/spans.hpp>

namespace openrun::telemetry {

// Who tells, as ("service.name", "openrun-issuer") and so on.
using Resource = std::vector<std::pair<std::string_view, std::string>>;

// An ExportTraceServiceRequest.
[[nodiscard]] std::string encode_otlp(const Resource& resource, std::string_view version,
                                      const std::vector<ports::Span>& spans);

}  // namespace openrun::telemetry
