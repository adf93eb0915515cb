// All mistakes of one load, reported at once, each with the place where it stands.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/base/result.hpp>

namespace openrun::config {

class Mistakes {
 public:
  // `text` says what is wrong and what to do; `where` is a file with its line, or an environment variable. Both may
  // repeat what stands in the file: control characters are shown as \xNN, so that a mistake stays one line of plain
  // text.
  void add(std::string_view text, std::string_view where) {
    std::string line = plain(text);
    if (!where.empty()) line.append(" (").append(plain(where)).append(")");
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] bool none() const { return lines_.empty(); }
  [[nodiscard]] std::unexpected<Error> failure() const {
    std::string all;
    for (const std::string& line : lines_) all.append(all.empty() ? "" : "\n").append(line);
    return fail(Error::Kind::invalid, std::move(all));
  }

 private:
  static std::string plain(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7F) {
        out.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
      } else {
        out.push_back(c);
      }
    }
    return out;
  }

  std::vector<std::string> lines_;
};

}  // namespace openrun::config
