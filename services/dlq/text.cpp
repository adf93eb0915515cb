#include "dlq/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <openrun/base/text.hpp>
#include <openrun/wire/log_record.hpp>

namespace openrun::dlq {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) {
    return std::nullopt;
  }
  return value;
}

constexpr std::int64_t offset_max = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::int64_t partition_max = std::numeric_limits<std::int32_t>::max();

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
  return out;
}

}  // namespace

// ---- arguments ----

Result<std::pair<Offset, Offset>> parse_offsets(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = whole_number(text.substr(0, dash), offset_max);
  const auto last = dash == std::string_view::npos ? first : whole_number(text.substr(dash + 1), offset_max);
  if (!first || !last || *last < *first) {
    return fail(Error::Kind::invalid, "--offsets is \"" + std::string(text) + "\"; write 5 or 5-9, the smaller first");
  }
  return std::pair{Offset{*first}, Offset{*last}};
}

Result<ports::DeadLetterPlace> parse_place(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto partition = whole_number(text.substr(0, colon), partition_max);
  const auto offset = colon == std::string_view::npos ? std::nullopt : whole_number(text.substr(colon + 1), offset_max);
  if (!partition || !offset) {
    return fail(Error::Kind::invalid, "\"" + std::string(text) + "\" is no place; write PARTITION:OFFSET, as 0:17");
  }
  return ports::DeadLetterPlace{Partition{static_cast<std::int32_t>(*partition)}, Offset{*offset}};
}

Result<Timestamp> parse_since(std::string_view text, Timestamp now) {
  if (!text.empty()) {
    const char unit = text.back();
    const std::int64_t unit_ms = unit == 's'   ? 1'000
                                 : unit == 'm' ? 60'000
                                 : unit == 'h' ? 3'600'000
                                 : unit == 'd' ? 86'400'000
                                               : 0;
    const auto amount = whole_number(text.substr(0, text.size() - 1), 1'000'000);
    if (unit_ms > 0 && amount) return Timestamp{std::max<std::int64_t>(0, now.value - *amount * unit_ms)};
  }
  const auto time = wire::parse_time(text);
  if (time) return Timestamp{*time};
  return fail(Error::Kind::invalid, "--since is \"" + std::string(text) +
                                        "\"; write 2026-11-21T09:00:00Z, or 90s, 30m, 2h, 7d for so long ago");
}

std::string format_place(const ports::DeadLetterPlace& place) {
  return std::to_string(place.partition.value) + ":" + std::to_string(place.offset.value);
}

// ---- bytes ----

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8U | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= left ? alphabet[group >> (18U - 6U * k) & 0x3FU] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t padding = last ? static_cast<std::size_t>(std::ranges::count(text.substr(i, 4), '=')) : 0;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const bool pad = k >= 4 - padding;
      const std::size_t digit = pad ? 0 : alphabet.find(text[i + k]);
      if (digit == std::string_view::npos || (pad && text[i + k] != '=')) return std::nullopt;
      group = group << 6U | static_cast<std::uint32_t>(digit);
    }
    if (padding > 2) return std::nullopt;
    for (std::size_t k = 0; k < 3 - padding; ++k) out += static_cast<char>(group >> (16U - 8U * k) & 0xFFU);
  }
  return base64(out) == text ? std::optional(std::move(out)) : std::nullopt;
}

std::string readable_bytes(std::string_view bytes) {
  const bool plain = utf8_length(bytes) != not_utf8 && !has_control_character(bytes);
  return plain ? std::string(bytes) : "0x" + hex_of(bytes);
}

std::string hex_dump(std::string_view bytes, std::size_t bytes_max) {
  constexpr std::size_t line_bytes = 16;
  std::string out;
  const std::string_view shown = bytes.substr(0, bytes_max);
  for (std::size_t at = 0; at < shown.size(); at += line_bytes) {
    const std::string_view line = shown.substr(at, line_bytes);
    std::array<char, 9> place{};
    for (std::size_t k = 0; k < 8; ++k) place.at(k) = "0123456789abcdef"[at >> (28U - 4U * k) & 0xFU];
    out += place.data();
    std::string hex;
    std::string text;
    for (const char c : line) {
      hex += " " + hex_of({&c, 1});
      text += c >= 0x20 && c < 0x7F ? c : '.';
    }
    hex.resize(3 * line_bytes, ' ');
    out.append(" ").append(hex).append("  |").append(text).append("|\n");
  }
  if (shown.size() < bytes.size()) out += "... and " + std::to_string(bytes.size() - shown.size()) + " bytes more\n";
  return out;
}

}  // namespace openrun::dlq
