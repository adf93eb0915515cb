// The trace that a call belongs to, as its caller names it: the `traceparent` of W3C Trace Context (Recommendation of
// 23 November 2021, sections 3.2 and 4). Pure functions; safe from any thread and for any bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>

namespace openrun {

// The name of the HTTP header, and of the header of a record in the log.
inline constexpr const char* traceparent_name = "traceparent";

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct TraceContext {
  TraceId trace_id{};      // never all zero
  SpanId parent_id{};      // the caller's span; never all zero
  std::uint8_t flags = 0;  // bit 0: sampled

  [[nodiscard]] bool is_sampled() const { return (flags & 1) != 0; }

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// Empty where the text is no traceparent: such a one is ignored, not refused. Of a version above 00 the part that
// version 00 knows is taken.
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept;
// Version 00: 55 characters.
[[nodiscard]] std::string to_traceparent(const TraceContext& trace);
// 32 lower-case hexadecimal digits.
[[nodiscard]] std::string trace_id_text(const TraceContext& trace);
// Two lower-case hexadecimal digits a byte.
void append_hexadecimal(std::string& out, std::span<const std::uint8_t> bytes);

// The id of the span `name` that follows from the record at this place of openrun.requests. Whoever knows the record's
// trace knows it, so that one process can name the span of another as a parent. Never all zero; ids of different names,
// places or traces differ as those that are drawn at random do.
[[nodiscard]] SpanId span_id_of(const TraceContext& record, std::string_view name, Partition partition, Offset offset);

// 25 bytes: trace id, parent id, flags.
inline constexpr std::size_t trace_context_bytes = 16 + 8 + 1;
void append_trace_context(std::string& out, const TraceContext& trace);
// `bytes` holds at least trace_context_bytes (asserted). Empty where an id is all zero.
[[nodiscard]] std::optional<TraceContext> read_trace_context(std::string_view bytes);

}  // namespace openrun
