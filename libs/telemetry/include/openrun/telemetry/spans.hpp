// Spans to a receiver of OTLP/HTTP (JSON): a collector, Jaeger, Tempo.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/spans.hpp>

namespace openrun::telemetry {

struct SpanExport {
  std::string endpoint;   // http://host:4318; spans go to /v1/traces below it
  std::string service;    // service.name
  std::string instance;   // service.instance.id; left out where it is empty
  std::string version;    // service.version
  std::size_t queue_max;  // spans that wait; when it is full the newest is dropped
};

// A thread of its own sends, by batches, each up to five times. Destroying tries to send what is queued, for two
// seconds, at most three. `metrics` and `logger` outlive it.
[[nodiscard]] std::unique_ptr<ports::SpanSink> make_span_exporter(SpanExport options, ports::Metrics& metrics,
                                                                  ports::Logger& logger);

}  // namespace openrun::telemetry
