// The spans of traces that are sampled: what a request went through, for whoever looks at it in a tracing tool. They
// are told when they have ended, and nothing waits for them. Users are never named: an attribute is a number or a
// literal.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include <openrun/base/trace_context.hpp>

namespace openrun::ports {

// The numbers are those of OTLP.
enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };

using SpanValue = std::variant<std::int64_t, std::string_view>;
struct SpanAttribute {
  std::string_view name;  // a literal
  SpanValue value;        // a text is a literal
};

struct Span {
  TraceId trace_id{};
  SpanId id{};
  SpanId parent_id{};     // all zero: there is none
  std::string_view name;  // a literal
  SpanKind kind = SpanKind::internal;
  std::int64_t begin_ns = 0;  // since 1970, UTC
  std::int64_t end_ns = 0;
  std::vector<SpanAttribute> attributes;
  bool is_error = false;
};

// Where tracing is off there is none: its users hold a pointer, and ask it first.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  // Any thread; never blocks. What does not fit is dropped and counted.
  virtual void add(Span span) = 0;
  // The moment of Clock::monotonic_us as nanoseconds since 1970.
  [[nodiscard]] virtual std::int64_t epoch_ns(std::int64_t monotonic_us) const = 0;
};

// What all daemons call them.
namespace span_names {
inline constexpr std::string_view submit = "submit";    // a call that asks for a coupon, until its answer
inline constexpr std::string_view append = "append";    // to the log, until it is acknowledged
inline constexpr std::string_view decide = "decide";    // by the issuer, until it is committed
inline constexpr std::string_view commit = "commit";    // the transaction, which a batch shares
inline constexpr std::string_view publish = "publish";  // by the issuer to the results, until it is acknowledged
inline constexpr std::string_view fill = "fill";        // the same by the relay, where it was missing
inline constexpr std::string_view answer = "answer";    // from the outcome's arrival to the answer of a waited call
inline constexpr std::string_view poll = "poll";        // the poll that was the first to get the outcome
}  // namespace span_names

}  // namespace openrun::ports
