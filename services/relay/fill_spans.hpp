// The spans of the sampled outcomes that the relay publishes because they were missing. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/ports/spans.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::relay {

class FillSpans {
 public:
  // Rows whose publication is under way; of more none is told.
  static constexpr std::size_t rows_max = 256;

  FillSpans(Partition partition, ports::SpanSink& sink, const ports::Clock& clock)
      : partition_(partition), sink_(sink), clock_(clock) {}

  // Before the row is handed to the appender with this token.
  void publishing(std::uint64_t token, std::string_view payload);
  // Its delivery; of another token nothing is told.
  void delivered(std::uint64_t token, ports::Delivery::Fate fate);

 private:
  struct Row {
    std::vector<wire::TracedEntry> sampled;
    std::int64_t begun_us = 0;
  };

  const Partition partition_;
  ports::SpanSink& sink_;
  const ports::Clock& clock_;
  std::map<std::uint64_t, Row> rows_;
};

}  // namespace openrun::relay
