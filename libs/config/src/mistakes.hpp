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
  // `text` says what is wrong and what to do; `where` is a file with its line, or an environment variable.
  void add(std::string_view text, std::string_view where) {
    std::string line(text);
    if (!where.empty()) line.append(" (").append(where).append(")");
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] bool none() const { return lines_.empty(); }
  [[nodiscard]] std::unexpected<Error> failure() const {
    std::string all;
    for (const std::string& line : lines_) all.append(all.empty() ? "" : "\n").append(line);
    return fail(Error::Kind::invalid, std::move(all));
  }

 private:
  std::vector<std::string> lines_;
};

}  // namespace openrun::config
