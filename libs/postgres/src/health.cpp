#include <algorithm>
#include <utility>

#include <openrun/postgres/health.hpp>

#include "watch.hpp"

namespace openrun::postgres {
namespace {

// Label values; in the order of Trouble.
constexpr std::array<const char*, troubles> names{
    "UNREACHABLE", "STARTING", "CONNECTIONS_EXHAUSTED", "DISK_FULL", "READ_ONLY",
    "TIMED_OUT",   "FAILING",  "UNAUTHENTICATED",       "UNTRUSTED", "LOCKED",
    "SLOW"};

std::string seconds(std::chrono::milliseconds time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

// ---- which trouble it is ----

std::optional<Trouble> trouble_of(const Failure& failure) {
  const std::string_view state = failure.sqlstate;
  const std::string_view state_class = state.substr(0, 2);
  switch (failure.cause) {
    case Failure::Cause::interrupted:
    case Failure::Cause::unusable:
      return std::nullopt;
    case Failure::Cause::unauthenticated:
      return Trouble::unauthenticated;
    case Failure::Cause::untrusted:
      return Trouble::untrusted;
    default:
      break;
  }
  if (state == "53300") return Trouble::connections_exhausted;
  if (state == "53100") return Trouble::disk_full;
  if (state == "25006") return Trouble::read_only;
  if (state == "55P03") return Trouble::locked;
  if (state == "57014" || state == "25P03") return Trouble::timed_out;
  if (failure.cause == Failure::Cause::timed_out) return Trouble::timed_out;
  if (state_class == "57") return Trouble::starting;
  if (state.empty()) return Trouble::unreachable;
  // Races with another writer and the fault of a record or of a caller are no trouble of the store's.
  constexpr std::array ordinary{"22", "23", "40", "42", "OR"};
  if (std::ranges::find(ordinary, state_class) != ordinary.end()) return std::nullopt;
  return Trouble::failing;
}

// ---- Watch ----

void Watch::begin(Health::Call call) {
  call_ = call;
  began_at_ = Health::Clock::now();
}

void Watch::end(const Failure* failure) {
  if (health_ == nullptr) return;
  const auto now = Health::Clock::now();
  call_.took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_at_);
  if (failure == nullptr) return health_->answered(call_, now);
  if (const auto trouble = trouble_of(*failure)) health_->failed(*trouble, failure->message, call_, now);
}

// ---- Health ----

Health::Health(ports::Logger& logger, ports::Metrics& metrics) : logger_(logger) {
  for (std::size_t i = 0; i < troubles; ++i) {
    states_.at(i).gauge =
        &metrics.gauge("openrun_store_trouble", "1 while Postgres does not serve this daemon for this reason.",
                       {{"cause", names.at(i)}});
    states_.at(i).gauge->set(0);
  }
}

std::string Health::sentence(Trouble trouble) const {
  const std::string took = seconds(states_.at(std::to_underlying(trouble)).took);
  switch (trouble) {
    case Trouble::unreachable:
      return "Postgres cannot be reached";
    case Trouble::starting:
      return "Postgres is starting, stopping or recovering (57P03)";
    case Trouble::connections_exhausted:
      return "Postgres refuses connections: too many clients (53300)";
    case Trouble::disk_full:
      return "Postgres's disk is full (53100)";
    case Trouble::read_only:
      return "Postgres is read-only (25006)";
    case Trouble::timed_out:
      return "Postgres did not answer in time: a call was given up after " + took;
    case Trouble::failing:
      return "Postgres refuses to serve; its answer is in this daemon's log";
    case Trouble::unauthenticated:
      return "Postgres does not let this daemon in; check user, password and encryption: postgres.url, "
             "postgres.password_file and the server's pg_hba.conf";
    case Trouble::untrusted:
      return "TLS to Postgres fails; check sslmode, sslrootcert, sslcert and sslkey in postgres.url, and the server's "
             "certificate";
    case Trouble::locked:
      return "Postgres: somebody else holds a lock that is needed (55P03)";
    case Trouble::slow:
      return "Postgres is slow: a call took " + took;
  }
  std::unreachable();
}

void Health::answered(const Call& call, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < troubles; ++i) {
    State& state = states_.at(i);
    if (!state.stands) continue;
    const auto trouble = static_cast<Trouble>(i);
    const bool needs_connection = trouble == Trouble::connections_exhausted || trouble == Trouble::unauthenticated ||
                                  trouble == Trouble::untrusted;
    const bool shown_over = needs_connection           ? call.connected
                            : trouble == Trouble::slow ? call.took < slow_call && !call.may_take_long
                                                       : true;
    if (shown_over && (call.writes || !state.by_write)) over(state);
  }
  if (call.took >= slow_call && !call.may_take_long) stands(Trouble::slow, "", call, now);
  forget_old(now);
  tell_when_over();
}

void Health::failed(Trouble trouble, const std::string& message, const Call& call, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  stands(trouble, message, call, now);
  forget_old(now);
}

void Health::stands(Trouble trouble, const std::string& message, const Call& call, Clock::time_point now) {
  State& state = states_.at(std::to_underlying(trouble));
  // Room is shown by writes alone, whoever met the trouble.
  const bool needs_write = trouble == Trouble::disk_full || trouble == Trouble::read_only;
  const bool needs_connection_only = trouble == Trouble::unreachable || trouble == Trouble::starting ||
                                     trouble == Trouble::connections_exhausted || trouble == Trouble::unauthenticated ||
                                     trouble == Trouble::untrusted;
  state.by_write = needs_write || (call.writes && !needs_connection_only);
  state.seen_at = now;
  state.took = call.took;
  if (!std::exchange(state.stands, true)) state.gauge->set(1);
  if (state.was_told && now - state.told_at < told_again_after) return;
  state.was_told = true;
  state.told_at = now;
  told_ = true;
  logger_.warning("Postgres does not serve as it should",
                  {{"cause", std::string(names.at(std::to_underlying(trouble)))},
                   {"detail", sentence(trouble)},
                   {"error", message},
                   {"runbook", std::string("docs/runbooks/slow-store.md")}});
}

void Health::over(State& state) {
  state.stands = false;
  state.gauge->set(0);
}

void Health::forget_old(Clock::time_point now) {
  for (State& state : states_) {
    if (state.stands && now - state.seen_at >= forgotten_after) over(state);
  }
}

void Health::tell_when_over() {
  if (!told_ || std::ranges::any_of(states_, &State::stands)) return;
  told_ = false;
  logger_.info("Postgres serves again");
}

std::string Health::trouble(Clock::time_point now, bool with_passing) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  std::string text;
  for (std::size_t i = 0; i < troubles; ++i) {
    const auto trouble = static_cast<Trouble>(i);
    const bool is_passing = trouble == Trouble::slow || trouble == Trouble::locked;
    if (!states_.at(i).stands || (is_passing && !with_passing)) continue;
    if (!text.empty()) text += "; ";
    text += sentence(trouble);
  }
  return text;
}

}  // namespace openrun::postgres
