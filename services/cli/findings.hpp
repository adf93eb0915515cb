// What an audit found wrong, bounded: the first ones in full, all of them counted. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace openrun::cli {

struct Finding {
  std::string invariant;  // stable snake_case name
  std::string text;       // what, and where
};

class Findings {
 public:
  // One wrong row can make ten thousand others look wrong, and must not hide what else is.
  static constexpr std::size_t kept_per_invariant_max = 100;
  static constexpr std::size_t kept_max = 1'000;

  void add(std::string invariant, std::string text) {
    count_ += 1;
    const std::uint64_t same = ++by_invariant_[invariant];
    if (same > kept_per_invariant_max || kept_.size() >= kept_max) return;
    kept_.push_back({std::move(invariant), std::move(text)});
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& by_invariant() const { return by_invariant_; }
  // In the order in which they were found.
  [[nodiscard]] const std::vector<Finding>& kept() const { return kept_; }

 private:
  std::uint64_t count_ = 0;
  std::map<std::string, std::uint64_t> by_invariant_;
  std::vector<Finding> kept_;
};

}  // namespace openrun::cli
