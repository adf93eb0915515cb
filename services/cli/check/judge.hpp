// What the facts mean for an event. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "cli/check/facts.hpp"
#include "cli/check/finding.hpp"

namespace openrun::cli::check {

// ---- the bounds ----

inline constexpr std::int64_t minute_ms = 60'000;
inline constexpr std::int64_t hour_ms = 60 * minute_ms;
inline constexpr std::int64_t transaction_open_ms_max = minute_ms;
inline constexpr std::int64_t connections_percent_look = 70;
inline constexpr std::int64_t connections_percent_wrong = 90;
inline constexpr std::int64_t standby_behind_bytes_max = std::int64_t{64} * 1024 * 1024;
inline constexpr std::int64_t kept_wal_bytes_min = std::int64_t{1024} * 1024 * 1024;
inline constexpr std::int64_t wal_bytes_per_coupon = 420;  // some 40,000 fill a segment of 16 MiB
// As the gateways and alerts have it: something waits, and nothing was committed or published for so long.
inline constexpr std::int64_t progress_ms_max = 10'000;
inline constexpr std::int64_t undecided_max = 10'000;  // a fifth of a second's work
inline constexpr std::int64_t deep_audit_age_ms_max = 24 * hour_ms;
inline constexpr std::int64_t reconciler_passes_missed_max = 3;

// ---- the verdicts ----

// All of them, in the order in which they are shown.
[[nodiscard]] Findings judge(const Facts& facts);

// The parts of it.
void judge_store(const Facts& facts, Findings& out);
void judge_log(const Facts& facts, Findings& out);
// Returns the partitions that nobody decides.
std::set<Partition> judge_partitions(const Facts& facts, Findings& out);
void judge_audits(const Facts& facts, Findings& out);
void judge_gateways(const Facts& facts, Findings& out);
void judge_campaigns(const Facts& facts, const std::set<Partition>& without_issuer, Findings& out);

// ---- findings ----

// One check: a finding for each thing that is not as it must be, or a single good one.
class OneCheck {
 public:
  OneCheck(Findings& out, std::string part, std::string check)
      : out_(out), part_(std::move(part)), check_(std::move(check)), before_(out.size()) {}

  void add(Verdict verdict, std::string text, std::string fix) {
    out_.push_back({part_, check_, verdict, std::move(text), std::move(fix)});
  }
  void add(Partition partition, Verdict verdict, std::string text, std::string fix) {
    out_.push_back({"partition " + std::to_string(partition.value), check_, verdict, std::move(text), std::move(fix)});
  }
  void or_else(std::string text) {
    if (out_.size() == before_) out_.push_back({part_, check_, Verdict::ok, std::move(text)});
  }

 private:
  Findings& out_;
  std::string part_;
  std::string check_;
  std::size_t before_;
};

// ---- words ----

// "45 s", "12 min", "3 h", "2 d": two units at most, rounded down.
[[nodiscard]] std::string duration_text(std::int64_t ms);
// "the one clock is 1,200 ms ahead of ours": ok, or `verdict` where it is certainly beyond `bound_ms`.
[[nodiscard]] Finding clock_finding(const std::string& part, const ClockReading& reading, std::int64_t bound_ms,
                                    Verdict verdict);

}  // namespace openrun::cli::check
