// What all parts of one simulated world share. One thread; lives as long as the world.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/receipt.hpp>
#include <openrun/sim/broker.hpp>
#include <openrun/sim/database.hpp>
#include <openrun/sim/producer.hpp>
#include <openrun/sim/random.hpp>
#include <openrun/sim/scheduler.hpp>
#include <openrun/sim/stores.hpp>
#include <openrun/sim/stream.hpp>

#include "coverage.hpp"
#include "plan.hpp"

namespace openrun::simulation {

// The same in every world: made once.
struct Keys {
  crypto::ReceiptSigner signer;
  crypto::CouponCodes codes;
  crypto::UserHash user_hash;
  [[nodiscard]] static const Keys& get();
};

// A hash over all that happened, in its order.
class Fingerprint {
 public:
  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15U;
    hash_ ^= hash_ >> 29U;
  }
  void mix(std::string_view text);
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

struct Context {
  explicit Context(std::uint64_t seed, bool verbose_);

  sim::Random random;
  const Plan plan;
  sim::Scheduler scheduler;
  sim::Broker broker;
  sim::Database database;
  sim::Stream stream;
  Coverage coverage;
  Fingerprint fingerprint;
  const bool verbose;
  bool faults_on = true;  // until the workload is over
  std::int64_t store_slow_until_us = 0;
  std::vector<std::string> violations;

  void violate(const std::string& what);
  // A line of the trace, made only where somebody reads it.
  template <class Make>
  void trace(const char* who, Make make) {
    if (verbose) print(who, make());
  }

  // ---- how long things take, and what goes wrong ----
  [[nodiscard]] bool strikes(Fault fault);
  [[nodiscard]] std::int64_t network_us() { return random.duration(plan.network_us, plan.network_us * 40); }
  [[nodiscard]] std::int64_t store_us();
  [[nodiscard]] sim::CallFate store_call();
  [[nodiscard]] sim::ProduceFate produce();
  [[nodiscard]] sim::StreamFate told();

 private:
  void print(const char* who, const std::string& what) const;
};

}  // namespace openrun::simulation
