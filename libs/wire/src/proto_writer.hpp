// Appends protobuf's wire format to a string, for the messages that are written once a request. Any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace openrun::wire {

[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

// Empty and zero fields are left out, as proto3 does.
inline void append_bytes_field(std::string& out, std::uint32_t field, std::string_view bytes) {
  if (bytes.empty()) return;
  append_varint(out, field << 3 | 2);
  append_varint(out, bytes.size());
  out.append(bytes);
}

inline void append_varint_field(std::string& out, std::uint32_t field, std::uint64_t value) {
  if (value == 0) return;
  append_varint(out, field << 3);
  append_varint(out, value);
}

inline void append_fixed32_field(std::string& out, std::uint32_t field, std::uint32_t value) {
  if (value == 0) return;
  append_varint(out, field << 3 | 5);
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

}  // namespace openrun::wire
