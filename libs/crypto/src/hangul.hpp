// Unicode text, one code point at a time, with conjoining jamo put together (Unicode, section 3.12). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace openrun::crypto {

// Code points of ASCII, Hangul syllables and conjoining jamo only; anything else, or malformed UTF-8, is refused.
class HangulReader {
 public:
  explicit HangulReader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return text_.empty(); }
  // The next code point, as NFC has it: L+V, L+V+T and LV+T become one syllable. Empty where there is none.
  [[nodiscard]] std::optional<char32_t> next();

 private:
  // The code point at the front and its bytes, without taking it.
  struct Front {
    char32_t code_point = 0;
    std::size_t bytes = 0;
  };
  [[nodiscard]] std::optional<Front> front() const;
  // Takes the front where it lies in [first, last]; its distance from the first.
  [[nodiscard]] std::optional<char32_t> take_within(char32_t first, char32_t last);

  std::string_view text_;
};

}  // namespace openrun::crypto
