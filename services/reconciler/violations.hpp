// What does not hold at the moment: one log line when a violation is found and one when it is gone, and the gauge to
// alarm on. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::reconciler {

struct Subject {
  enum class Kind : std::uint8_t { campaign, partition };
  Kind kind = Kind::campaign;
  std::int64_t number = 0;
  auto operator<=>(const Subject&) const = default;
};

struct Finding {
  std::string invariant;  // stable snake_case name
  std::string detail;
};

class Violations {
 public:
  // `known`: invariants whose gauge shows 0 from the start, so that an alarm has a series to look at.
  Violations(ports::Logger& logger, ports::Metrics& metrics, std::span<const std::string_view> known);

  // What was just found about `subject`; what was known of it before and is not among it is gone, except for the
  // invariants in `unchecked`, which were not looked at.
  void update(Subject subject, const std::vector<Finding>& found, std::span<const std::string_view> unchecked = {});
  [[nodiscard]] std::size_t size() const;
  // The first ones by subject, at most `limit`, each with its subject in its detail: "campaign 7: issued 5, coupons 4".
  [[nodiscard]] std::vector<Finding> first(std::size_t limit) const;
  // Grows with every violation that is found or gone.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  void count(const std::string& invariant, std::int64_t change);
  void log(ports::LogLevel level, std::string_view message, Subject subject, const std::string& invariant,
           const std::string& detail);

  ports::Logger& logger_;
  ports::Metrics& metrics_;
  std::map<Subject, std::map<std::string, std::string>> current_;  // detail by invariant; no empty inner maps
  std::map<std::string, std::int64_t> counts_;
  std::uint64_t changes_ = 0;
};

}  // namespace openrun::reconciler
