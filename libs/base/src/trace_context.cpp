#include <algorithm>
#include <span>

#include <openrun/base/assert.hpp>
#include <openrun/base/trace_context.hpp>

namespace openrun {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t version_00_length = 55;  // "00-" 32 "-" 16 "-" 2

bool read_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = digits.find(text[2 * i]);
    const auto low = digits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

// FNV-1a (Fowler, Noll and Vo), 64 bits.
class Fingerprint {
 public:
  void add(std::uint8_t byte) {
    constexpr std::uint64_t prime = 0x100000001B3;
    value_ = (value_ ^ byte) * prime;
  }
  void add(std::int64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      add(static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> shift));
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325;
};

bool is_zero(std::span<const std::uint8_t> bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < version_00_length || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  if (!read_hex(text, version) || version[0] == 0xff) return std::nullopt;
  if (version[0] == 0 ? text.size() != version_00_length : text.size() > version_00_length && text[55] != '-')
    return std::nullopt;
  TraceContext trace;
  if (!read_hex(text.substr(3), trace.trace_id) || !read_hex(text.substr(36), trace.parent_id) ||
      !read_hex(text.substr(53), std::span(&trace.flags, 1)) || is_zero(trace.trace_id) || is_zero(trace.parent_id)) {
    return std::nullopt;
  }
  return trace;
}

std::string to_traceparent(const TraceContext& trace) {
  std::string text = "00-";
  text.reserve(version_00_length);
  append_hexadecimal(text, trace.trace_id);
  text.push_back('-');
  append_hexadecimal(text, trace.parent_id);
  text.push_back('-');
  append_hexadecimal(text, std::span(&trace.flags, 1));
  return text;
}

std::string trace_id_text(const TraceContext& trace) {
  std::string text;
  append_hexadecimal(text, trace.trace_id);
  return text;
}

void append_hexadecimal(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
}

SpanId span_id_of(const TraceContext& record, std::string_view name, Partition partition, Offset offset) {
  Fingerprint fingerprint;
  for (const std::uint8_t byte : record.trace_id) fingerprint.add(byte);
  for (const std::uint8_t byte : record.parent_id) fingerprint.add(byte);
  for (const char letter : name) fingerprint.add(static_cast<std::uint8_t>(letter));
  fingerprint.add(std::int64_t{partition.value});
  fingerprint.add(offset.value);
  // The last step of SplitMix64 (Steele, Lea and Flood, 2014): offsets that follow each other give ids that do not.
  std::uint64_t mixed = fingerprint.value();
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  mixed ^= mixed >> 31;
  if (mixed == 0) mixed = 1;
  SpanId id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::uint8_t>(mixed >> (8 * i));
  return id;
}

void append_trace_context(std::string& out, const TraceContext& trace) {
  out.append(trace.trace_id.begin(), trace.trace_id.end());
  out.append(trace.parent_id.begin(), trace.parent_id.end());
  out.push_back(static_cast<char>(trace.flags));
}

std::optional<TraceContext> read_trace_context(std::string_view bytes) {
  OPENRUN_ASSERT(bytes.size() >= trace_context_bytes, "a trace context has 25 bytes");
  TraceContext trace;
  std::ranges::copy(bytes.substr(0, 16), trace.trace_id.begin());
  std::ranges::copy(bytes.substr(16, 8), trace.parent_id.begin());
  trace.flags = static_cast<std::uint8_t>(bytes[24]);
  if (is_zero(trace.trace_id) || is_zero(trace.parent_id)) return std::nullopt;
  return trace;
}

}  // namespace openrun
