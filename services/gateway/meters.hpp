// The gateway's metrics, looked up once: the hot path only adds to atomics.
#pragma once

#include <array>
#include <cstddef>

#include <openrun/issuance/decision.hpp>
#include <openrun/ports/metrics.hpp>

namespace openrun::gateway {

class Meters {
 public:
  explicit Meters(ports::Metrics& metrics);

  // A POST that was answered with its outcome.
  void outcome(issuance::Outcome outcome) { outcomes_[static_cast<std::size_t>(outcome)]->add(); }
  // A refusal that never entered the log.
  void gate_refusal(issuance::Outcome reason) { gate_[static_cast<std::size_t>(reason)]->add(); }

  ports::Counter& waiting;      // answered 202
  ports::Counter& overloaded;   // a bound was reached
  ports::Counter& unavailable;  // the log or the store did not answer
  ports::Counter& accepted;     // acknowledged by the log
  ports::Histogram& acknowledge_seconds;
  ports::Histogram& append_seconds;

 private:
  static constexpr std::size_t outcomes_max = 64;
  std::array<ports::Counter*, outcomes_max> outcomes_{};
  std::array<ports::Counter*, outcomes_max> gate_{};
};

}  // namespace openrun::gateway
