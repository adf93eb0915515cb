#include "cli/check/judge.hpp"

#include <algorithm>
#include <cstdlib>

#include "cli/front/text_table.hpp"

namespace openrun::cli::check {
namespace {

void judge_kinds(const ports::WatchedStore& store, std::int64_t passes_ms, Findings& out) {
  const auto newest = [&](ports::AuditKind kind) -> const ports::AuditResult* {
    const auto found = std::ranges::find(store.audits, kind, &ports::AuditResult::kind);
    return found == store.audits.end() ? nullptr : &*found;
  };
  const auto age = [&](const ports::AuditResult& one) { return store.now - one.ended_at; };
  const auto told = [&](const ports::AuditResult& one) {
    return one.found > 0 ? grouped(one.found) + " things were wrong " + duration_text(age(one)) + " ago"
                         : "nothing was wrong " + duration_text(age(one)) + " ago";
  };
  if (const auto* one = newest(ports::AuditKind::reconciler); one == nullptr) {
    out.push_back({"audits", "reconciler", Verdict::look, "it has never written a result: nobody checks",
                   "docs/runbooks/reconciler-blind.md"});
  } else if (one->found > 0) {
    out.push_back({"audits", "reconciler", Verdict::wrong, told(*one), "docs/runbooks/drift.md"});
  } else if (age(*one) > passes_ms * reconciler_passes_missed_max) {
    out.push_back({"audits", "reconciler", Verdict::look, told(*one) + ", and it has not looked since",
                   "docs/runbooks/reconciler-blind.md"});
  } else {
    out.push_back({"audits", "reconciler", Verdict::ok, told(*one)});
  }
  const auto* deep = newest(ports::AuditKind::deep_audit);
  const auto* plain = newest(ports::AuditKind::audit);
  // What an audit found is over where a later one found nothing.
  const auto* last = plain != nullptr && (deep == nullptr || plain->ended_at > deep->ended_at) ? plain : deep;
  if (last != nullptr && last->found > 0) {
    out.push_back({"audits", "audit", Verdict::wrong, told(*last), "docs/runbooks/drift.md"});
  } else if (deep == nullptr) {
    out.push_back({"audits", "audit", Verdict::look, "the log was never decided once more", "openrun audit --deep"});
  } else if (age(*deep) > deep_audit_age_ms_max) {
    out.push_back({"audits", "audit", Verdict::look, "deep: " + told(*deep), "openrun audit --deep"});
  } else if (deep->not_checked > 0) {
    out.push_back({"audits", "audit", Verdict::look,
                   "deep: " + told(*deep) + ", but " + grouped(deep->not_checked) + " things could not be checked",
                   "openrun audit --deep"});
  } else {
    out.push_back({"audits", "audit", Verdict::ok, "deep: " + told(*deep)});
  }
}

}  // namespace

Findings judge(const Facts& facts) {
  Findings out;
  judge_store(facts, out);
  judge_log(facts, out);
  const std::set<Partition> without_issuer = judge_partitions(facts, out);
  judge_audits(facts, out);
  judge_gateways(facts, out);
  judge_campaigns(facts, without_issuer, out);
  return out;
}

void judge_audits(const Facts& facts, Findings& out) {
  // That Postgres, or the schema in it, is not there was said.
  if (!facts.store || !facts.store->after) return;
  judge_kinds(*facts.store->after, facts.asked.reconciler_full_interval_ms, out);
}

std::string duration_text(std::int64_t ms) {
  struct Unit {
    std::int64_t ms;
    const char* name;
  };
  constexpr Unit units[] = {{24 * hour_ms, " d"}, {hour_ms, " h"}, {minute_ms, " min"}, {1'000, " s"}};
  for (std::size_t i = 0; i < std::size(units); ++i) {
    if (ms < units[i].ms) continue;
    std::string text = grouped(ms / units[i].ms) + units[i].name;
    const bool last = i + 1 == std::size(units);
    const std::int64_t rest = last ? 0 : ms % units[i].ms / units[i + 1].ms;
    return rest == 0 ? text : text + " " + std::to_string(rest) + units[i + 1].name;
  }
  return "0 s";
}

Finding clock_finding(const std::string& part, const ClockReading& reading, std::int64_t bound_ms, Verdict verdict) {
  const std::int64_t off_ms = std::abs(reading.ahead_ms);
  const std::string text = grouped(off_ms) + " ms " + (reading.ahead_ms < 0 ? "behind" : "ahead of") +
                           " ours, right to " + grouped(reading.unsure_ms) + " ms; " + grouped(bound_ms) +
                           " ms are allowed";
  if (off_ms - reading.unsure_ms <= bound_ms) return {part, "clock", Verdict::ok, text};
  return {part, "clock", verdict, text, "docs/runbooks/no-progress.md"};
}

}  // namespace openrun::cli::check
