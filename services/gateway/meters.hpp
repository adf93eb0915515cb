// The gateway's metrics, looked up once: the hot path only adds to atomics.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <openrun/issuance/decision.hpp>
#include <openrun/ports/metrics.hpp>

#include "gateway/operations/latency_tally.hpp"

namespace openrun::gateway {

// How a call of /redeem ended.
enum class RedemptionOutcome : std::uint8_t {
  redeemed,
  repeated,  // the same call again
  already_used,
  expired,
  forbidden,
  not_found,
  overloaded,   // the store's queue is full, or the coupon is too new for it
  unavailable,  // the store did not answer
};
inline constexpr std::size_t redemption_outcomes = 8;

// A metric that this gateway itself can read back, for /v1/operations. Any thread.
class ReadableCounter {
 public:
  explicit ReadableCounter(ports::Counter& counter) : counter_(counter) {}
  void add() {
    counter_.add();
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  ports::Counter& counter_;
  std::atomic<std::uint64_t> count_{0};
};
class ReadableHistogram {
 public:
  explicit ReadableHistogram(ports::Histogram& histogram) : histogram_(histogram) {}
  void observe(double seconds) {
    histogram_.observe(seconds);
    tally_.observe(seconds);
  }
  [[nodiscard]] const LatencyTally& tally() const { return tally_; }

 private:
  ports::Histogram& histogram_;
  LatencyTally tally_;
};

class Meters {
 public:
  explicit Meters(ports::Metrics& metrics);

  // A POST that was answered with its outcome.
  void outcome(issuance::Outcome outcome) { outcomes_[static_cast<std::size_t>(outcome)]->add(); }
  // A refusal that never entered the log.
  void gate_refusal(issuance::Outcome reason) {
    gate_[static_cast<std::size_t>(reason)]->add();
    gate_refusals_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t gate_refusals() const { return gate_refusals_.load(std::memory_order_relaxed); }

  void redemption(RedemptionOutcome outcome) { redemptions_.at(static_cast<std::size_t>(outcome))->add(); }

  ports::Counter& waiting;      // answered 202
  ports::Counter& overloaded;   // a bound was reached
  ports::Counter& unavailable;  // the log or the store did not answer
  ReadableCounter accepted;     // acknowledged by the log
  ports::Counter& store_polls;  // polls that the window could not answer
  ReadableHistogram acknowledge_seconds;
  ports::Histogram& append_seconds;

 private:
  static constexpr std::size_t outcomes_max = 64;
  std::array<ports::Counter*, outcomes_max> outcomes_{};
  std::array<ports::Counter*, outcomes_max> gate_{};
  std::atomic<std::uint64_t> gate_refusals_{0};
  std::array<ports::Counter*, redemption_outcomes> redemptions_{};
};

}  // namespace openrun::gateway
