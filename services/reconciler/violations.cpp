#include "reconciler/violations.hpp"

#include <algorithm>

namespace openrun::reconciler {
namespace {

const char* name_of(Subject::Kind kind) {
  return kind == Subject::Kind::campaign ? "campaign" : "partition";
}

}  // namespace

Violations::Violations(ports::Logger& logger, ports::Metrics& metrics, std::span<const std::string_view> known)
    : logger_(logger), metrics_(metrics) {
  for (const std::string_view invariant : known) count(std::string(invariant), 0);
}

void Violations::count(const std::string& invariant, std::int64_t change) {
  const std::int64_t now = counts_[invariant] += change;
  metrics_
      .gauge("openrun_reconciler_drift", "Violations of an invariant that stand at the moment; alarm above 0.",
             {{"invariant", invariant}})
      .set(static_cast<double>(now));
}

void Violations::log(ports::LogLevel level, std::string_view message, Subject subject, const std::string& invariant,
                     const std::string& detail) {
  changes_ += 1;
  logger_.log(level, message, {{"invariant", invariant}, {name_of(subject.kind), subject.number}, {"detail", detail}});
}

void Violations::update(Subject subject, const std::vector<Finding>& found,
                        std::span<const std::string_view> unchecked) {
  const auto known = current_.find(subject);
  if (found.empty() && known == current_.end()) return;  // nearly always
  std::map<std::string, std::string> after;
  for (const Finding& finding : found) after[finding.invariant] = finding.detail;
  const std::map<std::string, std::string> before =
      known == current_.end() ? std::map<std::string, std::string>{} : known->second;
  for (const auto& [invariant, detail] : before) {
    if (after.contains(invariant)) continue;
    if (std::ranges::find(unchecked, invariant) != unchecked.end()) {
      after[invariant] = detail;
      continue;
    }
    log(ports::LogLevel::info, "an invariant holds again", subject, invariant, detail);
    count(invariant, -1);
  }
  for (const auto& [invariant, detail] : after) {
    if (before.contains(invariant)) continue;
    log(ports::LogLevel::error, "an invariant is violated", subject, invariant, detail);
    count(invariant, 1);
  }
  if (after.empty()) {
    current_.erase(subject);
  } else {
    current_[subject] = std::move(after);
  }
}

std::size_t Violations::size() const {
  std::size_t all = 0;
  for (const auto& [subject, invariants] : current_) all += invariants.size();
  return all;
}

std::vector<Finding> Violations::first(std::size_t limit) const {
  std::vector<Finding> found;
  for (const auto& [subject, invariants] : current_) {
    for (const auto& [invariant, detail] : invariants) {
      if (found.size() >= limit) return found;
      found.push_back({invariant, name_of(subject.kind) + (" " + std::to_string(subject.number) + ": ") + detail});
    }
  }
  return found;
}

}  // namespace openrun::reconciler
