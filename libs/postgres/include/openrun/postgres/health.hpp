// What is wrong with Postgres, as this process sees it: one log line when a trouble begins and one when all are over, a
// gauge for each, and one sentence for /readyz. Connections report here; any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::postgres {

enum class Trouble : std::uint8_t {
  unreachable,            // nobody listens, or the connection broke
  starting,               // it starts, stops or recovers (57P01 to 57P03)
  connections_exhausted,  // 53300
  disk_full,              // 53100
  read_only,              // 25006: a standby, or default_transaction_read_only
  timed_out,              // no answer within statement_timeout, on either side
  failing,                // any other SQLSTATE that is nobody's fault here: out of memory, I/O errors, ...
  unauthenticated,        // class 28: it does not let this user in, with this password, from here, or unencrypted
  untrusted,              // TLS: one side does not accept the other's certificate, or has none
  locked,                 // 55P03: somebody else holds a lock for longer than lock_timeout; stops nothing by itself
  slow,                   // it answers, but a call took longer than Health::slow_call; stops nothing
};
inline constexpr std::size_t troubles = 11;

class Health {
 public:
  using Clock = std::chrono::steady_clock;
  // `logger` and `metrics` outlive it.
  Health(ports::Logger& logger, ports::Metrics& metrics);

  // What a call to Postgres was: it tells which troubles are over when it succeeds.
  struct Call {
    bool writes = false;         // only a write shows that there is room again
    bool may_take_long = false;  // it waits for locks or reads much: its time says nothing
    bool connected = false;      // only a new connection shows that there are connections again
    std::chrono::milliseconds took{0};
  };
  void answered(const Call& call, Clock::time_point now);
  // `message` is for the log: it may name hosts and statements.
  void failed(Trouble trouble, const std::string& message, const Call& call, Clock::time_point now);

  // Empty where Postgres serves; else a sentence that is fit for anybody's eyes, for example "Postgres refuses
  // connections: too many clients (53300)". `slow` and `locked` only where `with_passing`.
  [[nodiscard]] std::string trouble(Clock::time_point now, bool with_passing);

  static constexpr std::chrono::milliseconds slow_call{1'000};
  // A trouble that was not met again for so long is over: whatever needs Postgres asks again within seconds.
  static constexpr std::chrono::seconds forgotten_after{30};
  // A trouble that comes and goes is told so often at most.
  static constexpr std::chrono::seconds told_again_after{30};

 private:
  struct State {
    bool stands = false;
    bool by_write = false;
    Clock::time_point seen_at;
    Clock::time_point told_at;
    bool was_told = false;
    std::chrono::milliseconds took{0};  // of the call that met it
    ports::Gauge* gauge = nullptr;
  };
  void stands(Trouble trouble, const std::string& message, const Call& call, Clock::time_point now);
  void over(State& state);
  void forget_old(Clock::time_point now);
  void tell_when_over();
  [[nodiscard]] std::string sentence(Trouble trouble) const;

  ports::Logger& logger_;
  std::mutex mutex_;
  std::array<State, troubles> states_;
  bool told_ = false;  // and not yet told that it is over
};

}  // namespace openrun::postgres
