// The load generator: thousands of users who press one button, from one thread on epoll. Open model (constant or
// Poisson arrivals, latency counted from the intended send time, so that no stall hides) and closed loop.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/load/histogram.hpp>
#include <openrun/load/process_cpu.hpp>

namespace openrun::load {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};
// http://host:port, IPv4 or a name.
[[nodiscard]] Result<Endpoint> parse_url(const std::string& url);

enum class Mode : std::uint8_t {
  waited,      // POST with Prefer: wait, and GET with Prefer: wait where that answered 202
  poll,        // POST, then GET with Prefer: wait until the outcome is known
  short_poll,  // POST, then GET as often as poll_after_ms advises
  submit,      // POST only
};

struct Options {
  std::vector<Endpoint> endpoints;       // connections are spread over them in turn
  std::vector<std::uint32_t> campaigns;  // users are spread over them in turn
  Mode mode = Mode::waited;
  std::uint64_t users = 1'000;  // per run, spread over the campaigns
  unsigned clicks = 1;          // requests each user sends at the same moment
  unsigned connections = 64;    // closed loop: how many; open model: at most so many
  bool keep_alive = true;       // false: a connection for each request
  double rate = 0;              // requests a second; 0 = closed loop
  bool poisson = false;
  std::int64_t start_at_ms = 0;            // wall clock, ms since 1970; 0 = at once
  std::int64_t duration_ms_max = 600'000;  // the run ends then, whatever is open
  std::int64_t send_ms_max = 0;            // no new request after that long; 0 = until all users have sent
  std::int64_t patience_ms_max = 0;        // a user who finds no free connection for that long gives up; 0 = never
  unsigned wait_s = 10;                    // Prefer: wait=N
  unsigned retries_max = 0;                // of a request answered 429 or 503, or cut off
  bool reread = false;                     // at the end reads every receipt again and compares
  std::int64_t warmup_ms = 0;              // what is begun before counts for exactness, not for rates and latencies
  std::vector<std::string> tokens;         // user i sends the bearer token i; empty: none
  std::string user_prefix = "user-";
  std::vector<NamedProcess> processes;  // whose CPU is measured beside that of the load generator
  // Called about every 500 ms.
  std::function<void(const struct Progress&)> progress;
};

struct Progress {
  double seconds = 0;
  std::uint64_t sent = 0;
  std::uint64_t decided = 0;
  std::uint64_t issued = 0;
  std::uint64_t failed = 0;
  std::uint64_t open = 0;
};

// A coupon as one answer showed it. A user who asks twice is shown the same one twice.
struct Winner {
  std::uint32_t campaign = 0;
  std::uint64_t user = 0;
  std::uint64_t sequence = 0;
  std::string code;
  std::string issued_at;
  auto operator<=>(const Winner&) const = default;
};

// One second of a run, counted from the first send.
struct Second {
  std::uint64_t sent = 0;     // requests that were due
  std::uint64_t decided = 0;  // outcomes that came
  Histogram decided_us;       // of those
};
inline constexpr std::size_t seconds_max = 3'600;  // of which a report tells; the last one takes the rest

struct Report {
  double seconds = 0;           // first send to last answer
  double send_seconds = 0;      // first send (or the end of the warm-up) to last decided submit
  std::uint64_t sent = 0;       // requests that were begun (retries not counted)
  std::uint64_t accepted = 0;   // receipts given
  std::uint64_t undecided = 0;  // receipts without an outcome at the end
  std::uint64_t gave_up = 0;    // requests that never got a receipt or an outcome
  std::uint64_t impatient = 0;  // of those who gave up: found no free connection in time
  std::uint64_t retried = 0;
  std::uint64_t transport_errors = 0;
  std::uint64_t unadvised = 0;  // answers 429 and 503 that did not say when to ask again (Retry-After)
  std::uint64_t changed = 0;    // receipts that showed another outcome when read again
  std::map<std::string, std::uint64_t> outcomes;  // issued, SOLD_OUT, ALREADY_ISSUED, ...
  std::map<int, std::uint64_t> statuses;          // HTTP status -> answers
  std::vector<Winner> winners;
  Histogram decided_us;   // intended send time to outcome
  Histogram accepted_us;  // intended send time to receipt
  Histogram reread_us;
  std::vector<Second> timeline;  // the warm-up too
  // From just before the first request is sent, or from the last moments of the warm-up, until the last user is decided
  // or has given up; what is read again at the end is not in it. Empty where the warm-up outlasted the run.
  CpuReport cpu;
};

// Blocks until the run is over. Fails where no endpoint can be resolved.
[[nodiscard]] Result<Report> run(const Options& options);

struct Expectation {
  std::map<std::uint32_t, std::uint64_t> stock;    // campaign -> coupons there were
  std::map<std::uint32_t, std::string> starts_at;  // RFC 3339 in ms, UTC, as the gateway prints it
  bool all_wanted = true;                          // every user asked at least once: as many issued as there could be
  std::uint64_t users_per_campaign = 0;
};
struct Check {
  bool ok = false;
  std::string text;
};
// The exactness verdict from what the clients saw: exactly as many as promised, no user twice, no code twice, sequences
// without gap, nobody before the opening, every receipt decided.
[[nodiscard]] std::vector<Check> verdict(const Report& report, const Expectation& expectation);

}  // namespace openrun::load
