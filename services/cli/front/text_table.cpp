#include "cli/front/text_table.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <openrun/base/assert.hpp>
#include <openrun/base/text.hpp>

namespace openrun::cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Marks that are drawn over the character before them, joiners, and the medial vowels and finals of Hangul.
constexpr std::array<Range, 14> zero_width{{{0x0300, 0x036F},
                                            {0x0483, 0x0489},
                                            {0x0591, 0x05BD},
                                            {0x0610, 0x061A},
                                            {0x064B, 0x065F},
                                            {0x0E31, 0x0E31},
                                            {0x0E34, 0x0E3A},
                                            {0x1160, 0x11FF},
                                            {0x1AB0, 0x1AFF},
                                            {0x200B, 0x200F},
                                            {0x20D0, 0x20F0},
                                            {0x302A, 0x302F},
                                            {0xFE00, 0xFE0F},
                                            {0xD7B0, 0xD7FB}}};

constexpr std::array<Range, 14> double_width{{{0x1100, 0x115F},
                                              {0x2E80, 0x303E},
                                              {0x3041, 0x33FF},
                                              {0x3400, 0x4DBF},
                                              {0x4E00, 0x9FFF},
                                              {0xA000, 0xA4CF},
                                              {0xA960, 0xA97F},
                                              {0xAC00, 0xD7A3},
                                              {0xF900, 0xFAFF},
                                              {0xFE30, 0xFE6F},
                                              {0xFF00, 0xFF60},
                                              {0xFFE0, 0xFFE6},
                                              {0x1F300, 0x1FAFF},
                                              {0x20000, 0x3FFFD}}};

template <std::size_t Size>
bool is_in(const std::array<Range, Size>& ranges, char32_t point) {
  return std::ranges::any_of(ranges, [point](const Range& one) { return point >= one.first && point <= one.last; });
}

std::size_t width_of(char32_t point) {
  if (is_in(zero_width, point)) return 0;
  return is_in(double_width, point) ? 2 : 1;
}

struct Character {
  std::string_view bytes;
  char32_t point = U'?';
  bool is_valid = false;
};

// The character that the text begins with; a byte that begins none stands for itself.
Character first_character(std::string_view text) {
  constexpr std::size_t bytes_max = 4;
  for (std::size_t length = 1; length <= bytes_max && length <= text.size(); ++length) {
    const std::string_view bytes = text.substr(0, length);
    if (utf8_length(bytes) != 1) continue;
    constexpr std::array<unsigned char, 5> lead_bits{0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t point = static_cast<unsigned char>(bytes[0]) & lead_bits.at(length);
    for (const char next : bytes.substr(1)) point = point << 6U | (static_cast<unsigned char>(next) & 0x3FU);
    return {bytes, point, true};
  }
  return {text.substr(0, 1), U'?', false};
}

std::string grouped_digits(const std::string& digits) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

}  // namespace

std::string toned(std::string_view text, Tone tone, const PrintStyle& style) {
  if (!style.colour || tone == Tone::plain || text.empty()) return std::string(text);
  const char* code = tone == Tone::good      ? "\033[32m"
                     : tone == Tone::warning ? "\033[33m"
                     : tone == Tone::bad     ? "\033[31m"
                     : tone == Tone::faint   ? "\033[2m"
                                             : "\033[1m";
  return code + std::string(text) + "\033[0m";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character one = first_character(text);
    width += one.is_valid ? width_of(one.point) : 1;
    text.remove_prefix(one.bytes.size());
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return "";
  std::string out;
  std::size_t width = 0;
  while (!text.empty()) {
    const Character one = first_character(text);
    width += one.is_valid ? width_of(one.point) : 1;
    if (width > columns - 1) break;
    out += one.bytes;
    text.remove_prefix(one.bytes.size());
  }
  return out + "…";
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character one = first_character(text);
    // Also what makes a terminal write from right to left, which could show another text than what is stored.
    const bool turns = (one.point >= 0x202A && one.point <= 0x202E) || (one.point >= 0x2066 && one.point <= 0x2069);
    out += one.is_valid && !turns && !has_control_character(one.bytes) ? one.bytes : std::string_view("?");
    text.remove_prefix(one.bytes.size());
  }
  return out;
}

std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  return number < 0 ? "-" + grouped_digits(digits.substr(1)) : grouped_digits(digits);
}

std::string grouped(std::uint64_t number) {
  return grouped_digits(std::to_string(number));
}

void TextTable::add(std::vector<Cell> row) {
  OPENRUN_ASSERT(row.size() <= columns_.size(), "a row has no more cells than there are columns");
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> TextTable::widths(const PrintStyle& style) const {
  std::vector<std::size_t> widths;
  widths.reserve(columns_.size());
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  if (style.columns_max == 0) return widths;
  std::size_t total = std::accumulate(widths.begin(), widths.end(), 2 * (widths.size() - 1));
  while (total > style.columns_max) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (!columns_[i].may_shrink || widths[i] <= shrunk_columns_min) continue;
      if (widest == widths.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == widths.size()) break;  // the terminal will have to wrap the lines
    widths[widest] -= 1;
    total -= 1;
  }
  return widths;
}

std::string TextTable::text(const PrintStyle& style) const {
  if (rows_.empty()) return empty_ + "\n";
  const std::vector<std::size_t> column_widths = widths(style);
  std::string out;
  const auto add_line = [&](const std::vector<Cell>& row) {
    std::string line;
    std::size_t blanks = 0;  // not written before something follows them
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string shown = cut_to_width(row[i].text, column_widths[i]);
      const std::size_t padding = column_widths[i] - display_width(shown);
      const bool right = columns_[i].align == Align::right;
      blanks += (i == 0 ? 0 : 2) + (right ? padding : 0);
      if (!shown.empty()) {
        line.append(blanks, ' ').append(toned(shown, row[i].tone, style));
        blanks = 0;
      }
      blanks += right ? 0 : padding;
    }
    out += line + "\n";
  };
  std::vector<Cell> heading;
  heading.reserve(columns_.size());
  for (const Column& column : columns_) heading.emplace_back(column.title, Tone::heading);
  add_line(heading);
  for (const auto& row : rows_) add_line(row);
  return out;
}

}  // namespace openrun::cli
