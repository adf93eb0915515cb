#include "gateway/access/admission.hpp"

#include <algorithm>

namespace openrun::gateway {
namespace {

constexpr const char* shed_help = "Submits refused because the gateway was over its capacity";

}  // namespace

void DelayGovernor::observe(std::int64_t delay_us, std::int64_t now_us) {
  // First, so that what comes after a silence begins an interval of its own.
  if (now_us >= ends_us_.load(std::memory_order_relaxed)) end_interval(0, delay_us, now_us);
  done_.fetch_add(1, std::memory_order_relaxed);
  std::int64_t least_us = least_us_.load(std::memory_order_relaxed);
  while (delay_us < least_us && !least_us_.compare_exchange_weak(least_us, delay_us, std::memory_order_relaxed)) {
  }
}

void DelayGovernor::tick(std::int64_t standing_us, std::int64_t now_us) {
  end_interval(standing_us, standing_us, now_us);
}

void DelayGovernor::end_interval(std::int64_t standing_us, std::int64_t waited_us, std::int64_t now_us) {
  std::int64_t ends_us = ends_us_.load(std::memory_order_acquire);
  if (now_us < ends_us) return;
  if (!ends_us_.compare_exchange_strong(ends_us, now_us + interval_us, std::memory_order_acq_rel)) return;
  const auto asked = static_cast<double>(asked_.exchange(0, std::memory_order_relaxed));
  const auto done = static_cast<double>(done_.exchange(0, std::memory_order_relaxed));
  std::int64_t least_us = least_us_.exchange(none, std::memory_order_relaxed);
  if (least_us == none) least_us = standing_us;
  // After a silence it was one late answer, and nothing stood behind it. Where somebody has waited since then, nothing
  // was measured because everything stood still.
  const bool after_silence = now_us - ends_us >= interval_us + waited_us;
  const bool is_late = least_us > delay_us_max_ && !after_silence;
  const bool stands = was_late_.exchange(is_late, std::memory_order_relaxed) && is_late;
  const double share = share_.load(std::memory_order_relaxed);
  if (stands) {
    const bool is_long = done == 0 || least_us > 2 * delay_us_max_;
    const double emptied = is_long ? emptying_quickly : emptying;
    const double possible = done > 0 && asked > 0 ? std::min(share, done / asked * emptied) : share * emptied;
    share_.store(std::max(possible, share_min), std::memory_order_relaxed);
  } else if (!is_late) {
    share_.store(std::min(share * raised_by + raised_at_least, 1.0), std::memory_order_relaxed);
  }
}

Admission::Admission(const AdmissionSettings& settings, const std::function<std::uint32_t()>& random_u32,
                     ports::Metrics& metrics)
    : random_u32_(random_u32),
      is_on_(settings.append_delay_ms_max > 0),
      governor_(settings.append_delay_ms_max * 1'000),
      shed_by_append_(metrics.counter("openrun_shed_total", shed_help, {{"cause", "append"}})),
      shed_by_line_(metrics.counter("openrun_shed_total", shed_help, {{"cause", "line"}})) {}

void Admission::observe(std::int64_t delay_us, std::int64_t now_us) {
  if (is_on_) governor_.observe(delay_us, now_us);
}

void Admission::tick(std::int64_t standing_us, std::int64_t now_us) {
  if (is_on_) governor_.tick(standing_us, now_us);
}

bool Admission::admits(bool is_overdue) {
  if (is_overdue) {
    shed_by_line_.add();
    return false;
  }
  if (!is_on_) return true;
  governor_.asked();
  const double share = governor_.share();
  if (share >= 1.0) return true;
  constexpr double numbers = 4'294'967'296.0;
  if (static_cast<double>(random_u32_()) < share * numbers) return true;
  shed_by_append_.add();
  return false;
}

}  // namespace openrun::gateway
