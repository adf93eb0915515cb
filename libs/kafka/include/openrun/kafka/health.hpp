// What keeps this process out of Kafka, as its librdkafka handles see it: one log line when a trouble begins and one
// when all are over, a gauge for each, and one sentence for /readyz. A trouble explains; it decides nothing, because
// one broker of several may be the only one that is wrong. Any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <openrun/base/result.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::kafka {

enum class Trouble : std::uint8_t {
  unauthenticated,  // the broker does not take user, password or mechanism
  untrusted,        // TLS: one side does not accept the other's certificate, or has none
  cut_off,          // the broker ends the connection at once, as a listener does that wants TLS or SASL
};
inline constexpr std::size_t troubles = 3;

// What a handle has met. `text` is librdkafka's.
struct Refusal {
  Trouble trouble;
  std::string text;
};

// A sentence with the keys to look at; it is fit for anybody's eyes.
[[nodiscard]] std::string sentence(Trouble trouble);

class Health {
 public:
  using Clock = std::chrono::steady_clock;
  // `logger` and `metrics` outlive it, and it outlives every handle that reports to it.
  Health(ports::Logger& logger, ports::Metrics& metrics);

  // A handle is known by its address.
  void refused(const void* handle, const Refusal& refusal, Clock::time_point now);
  void served(const void* handle);
  void gone(const void* handle);

  // Empty where every handle is served, as far as is known.
  [[nodiscard]] std::string trouble(Clock::time_point now);

  // librdkafka repeats what does not change every half minute.
  static constexpr std::chrono::seconds forgotten_after{75};

 private:
  struct State {
    Trouble trouble;
    Clock::time_point seen_at;
  };
  void show();  // with the mutex

  ports::Logger& logger_;
  std::mutex mutex_;
  std::map<const void*, State> states_;
  std::array<bool, troubles> stands_{};
  std::array<ports::Gauge*, troubles> gauges_{};
};

}  // namespace openrun::kafka
