#include "relay/fill_spans.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace openrun::relay {

namespace names = ports::span_names;

void FillSpans::publishing(std::uint64_t token, std::string_view payload) {
  if (rows_.size() >= rows_max) return;
  const auto batch = wire::decode_result_batch(payload);
  if (!batch) return;
  Row row;
  std::ranges::copy_if(batch->traces, std::back_inserter(row.sampled),
                       [](const wire::TracedEntry& entry) { return entry.trace.is_sampled(); });
  if (row.sampled.empty()) return;
  row.begun_us = clock_.monotonic_us();
  rows_[token] = std::move(row);
}

void FillSpans::delivered(std::uint64_t token, ports::Delivery::Fate fate) {
  const auto found = rows_.find(token);
  if (found == rows_.end()) return;
  const std::int64_t begun_us = found->second.begun_us;
  for (const auto& [offset, trace] : found->second.sampled) {
    ports::Span span;
    span.trace_id = trace.trace_id;
    span.id = span_id_of(trace, names::fill, partition_, offset);
    span.parent_id = span_id_of(trace, names::decide, partition_, offset);
    span.name = names::fill;
    span.kind = ports::SpanKind::producer;
    span.begin_ns = sink_.epoch_ns(begun_us);
    span.end_ns = span.begin_ns + (clock_.monotonic_us() - begun_us) * 1'000;
    span.attributes = {{"messaging.system", std::string_view("kafka")},
                       {"openrun.partition", std::int64_t{partition_.value}},
                       {"openrun.offset", offset.value}};
    span.is_error = fate != ports::Delivery::Fate::stored;
    sink_.add(std::move(span));
  }
  rows_.erase(found);
}

}  // namespace openrun::relay
