#include "retry.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace openrun::telemetry {
namespace {

using std::chrono::milliseconds;
using Fate = Verdict::Fate;

bool is_success(long status) {
  return status >= 200 && status < 300;
}

milliseconds of_seconds(std::int64_t seconds, milliseconds most) {
  return std::min(milliseconds(std::min<std::int64_t>(seconds, most.count()) * 1'000), most);
}

Verdict again(const PostAnswer& answer, int attempt, double jitter, const RetrySettings& settings) {
  if (attempt >= settings.attempts_max) return {Fate::dropped, {}, {}};
  milliseconds wait = settings.wait_min;
  for (int i = 1; i < attempt && wait < settings.wait_max; ++i) wait *= 2;
  wait = std::min(wait, settings.wait_max);
  wait = wait / 2 + milliseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) / 2 * jitter));
  if (answer.retry_after_s) wait = std::max(wait, of_seconds(*answer.retry_after_s, settings.retry_after_max));
  return {Fate::again, wait, {}};
}

std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// "60:error;default:organization, 2700::organization": seconds, categories (none: all), and what does not matter here.
std::int64_t limited_for_s(std::string_view limits) {
  std::int64_t longest = 0;
  while (!limits.empty()) {
    std::string_view limit = next_part(limits, ',');
    while (limit.starts_with(' ')) limit.remove_prefix(1);
    const std::string_view seconds = next_part(limit, ':');
    std::string_view categories = next_part(limit, ':');
    bool is_ours = categories.empty();
    while (!categories.empty()) is_ours |= next_part(categories, ';') == "error";
    std::int64_t value = 0;
    std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
    if (is_ours) longest = std::max(longest, value);
  }
  return longest;
}

}  // namespace

Verdict judge_otlp(const PostAnswer& answer, int attempt, double jitter, const RetrySettings& settings) {
  if (is_success(answer.status)) return {};
  constexpr long passing[] = {0, 429, 502, 503, 504};
  if (std::ranges::find(passing, answer.status) == std::end(passing)) return {Fate::dropped, {}, {}};
  return again(answer, attempt, jitter, settings);
}

Verdict judge_sentry(const PostAnswer& answer, int attempt, double jitter, const RetrySettings& settings) {
  constexpr std::int64_t default_wait_s = 60;
  std::int64_t closed_s = limited_for_s(answer.rate_limits);
  if (answer.status == 429 && answer.rate_limits.empty()) closed_s = answer.retry_after_s.value_or(default_wait_s);
  Verdict verdict;
  if (answer.status == 0 || (answer.status >= 500 && closed_s == 0)) {
    verdict = again(answer, attempt, jitter, settings);
  } else if (!is_success(answer.status)) {
    verdict.fate = Fate::dropped;
  }
  verdict.closed_for = of_seconds(closed_s, std::chrono::hours(1));
  return verdict;
}

}  // namespace openrun::telemetry
