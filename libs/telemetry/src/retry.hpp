// What to do after a post: sent, given up, or once more after a while. Pure functions; any thread.
#pragma once

#include <chrono>

#include "http_post.hpp"

namespace openrun::telemetry {

struct Verdict {
  enum class Fate { sent, dropped, again } fate = Fate::sent;
  std::chrono::milliseconds wait{0};        // before the next attempt, where it is `again`
  std::chrono::milliseconds closed_for{0};  // the receiver wants nothing for so long: until then all is dropped
};

struct RetrySettings {
  std::chrono::milliseconds wait_min{500};  // after the first attempt; doubles with each
  std::chrono::milliseconds wait_max{5'000};
  std::chrono::milliseconds retry_after_max{60'000};  // what a receiver may ask for
  int attempts_max = 5;
};

// As OTLP/HTTP has it: 429, 502, 503, 504 and no answer at all are worth another attempt, not before Retry-After.
// `attempt` counts from 1; `jitter` from 0 to 1 spreads the waits of many senders over their second half.
[[nodiscard]] Verdict judge_otlp(const PostAnswer& answer, int attempt, double jitter, const RetrySettings& settings);

// As Sentry has it: whoever is told 429 drops, and sends nothing until Retry-After or X-Sentry-Rate-Limits is over; the
// latter may come with any answer. Only without an answer, or with 5xx, another attempt is made.
[[nodiscard]] Verdict judge_sentry(const PostAnswer& answer, int attempt, double jitter, const RetrySettings& settings);

}  // namespace openrun::telemetry
