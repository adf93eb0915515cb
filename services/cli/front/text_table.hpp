// Tables for people: aligned columns in a monospaced terminal, whatever the script. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace openrun::cli {

// How text is shown where it goes to. The default suits files and pipes: nothing is cut, nothing is coloured.
struct PrintStyle {
  std::size_t columns_max = 0;  // width of the terminal; 0: unbounded
  bool colour = false;
};

enum class Tone { plain, good, warning, bad, faint, heading };
// The text between the terminal's codes for the tone, or as it is where the style has no colour.
[[nodiscard]] std::string toned(std::string_view text, Tone tone, const PrintStyle& style);

// Columns that a terminal takes for the text: 2 for Hangul, Chinese, Japanese and emoji, 0 for what is put over or
// under another character (also the vowels and finals of a decomposed Hangul syllable). Bytes that are no UTF-8 count
// as 1.
[[nodiscard]] std::size_t display_width(std::string_view text);
// The text cut to so many columns at most, with "…" at its end where something is missing.
[[nodiscard]] std::string cut_to_width(std::string_view text, std::size_t columns);
// What a stranger wrote, safe to show: control characters (which could steer the terminal) and bytes that are no UTF-8
// become "?"; everything else stays.
[[nodiscard]] std::string printable(std::string_view text);
// 1234567 -> "1,234,567"
[[nodiscard]] std::string grouped(std::int64_t number);
[[nodiscard]] std::string grouped(std::uint64_t number);

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
  bool may_shrink = false;  // is cut first where the terminal is too narrow
};

struct Cell {
  Cell(std::string from, Tone tone_of_it = Tone::plain)  // NOLINT(google-explicit-constructor): most cells are texts
      : text(std::move(from)), tone(tone_of_it) {}
  Cell(const char* from) : text(from) {}  // NOLINT(google-explicit-constructor)
  std::string text;
  Tone tone = Tone::plain;
};

class TextTable {
 public:
  // A column that may shrink keeps so many columns of the terminal.
  static constexpr std::size_t shrunk_columns_min = 8;

  // `empty` is the line that is printed instead of a heading without rows.
  TextTable(std::vector<Column> columns, std::string empty) : columns_(std::move(columns)), empty_(std::move(empty)) {}
  // As many cells as there are columns; fewer leave the last ones blank.
  void add(std::vector<Cell> row);
  // Lines without trailing blanks, each with its line end.
  [[nodiscard]] std::string text(const PrintStyle& style) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(const PrintStyle& style) const;

  std::vector<Column> columns_;
  std::string empty_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace openrun::cli
