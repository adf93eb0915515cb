// What one seed plays: sizes, workload and the mix of faults, drawn from the seed ("swarm": each seed leaves most fault
// kinds out, so that rare combinations of the others get their turn).
#pragma once

#include <array>
#include <cstdint>

#include <openrun/sim/random.hpp>

#include "coverage.hpp"

namespace openrun::simulation {

struct Plan {
  explicit Plan(sim::Random& random);

  std::int32_t partitions = 1;
  std::int32_t gateways = 1;
  std::int32_t issuers = 1;
  std::int32_t relays = 1;
  std::int32_t campaigns = 1;
  std::int32_t users = 10;
  std::int32_t requests = 100;
  std::int32_t commands = 5;
  std::int64_t workload_us = 10'000'000;
  std::uint32_t batch_max = 50;
  std::int64_t window_records = 1'024;
  std::uint32_t dispatch_per_second = 0;
  std::uint32_t winners_max = 1'000;

  // Faults of single calls: how many of a thousand. Zero: this seed does without.
  std::array<std::uint32_t, fault_count> per_mille{};
  [[nodiscard]] std::uint32_t rate(Fault fault) const { return per_mille[std::to_underlying(fault)]; }
  // Faults that the nemesis brings about: 0 or their weight.
  std::array<std::uint32_t, fault_count> weight{};
  std::int64_t nemesis_interval_us = 100'000;

  // How long things usually take.
  std::int64_t network_us = 500;
  std::int64_t store_us = 1'000;

  // Simulated time after the faults by which everything must be settled.
  static constexpr std::int64_t settle_us = 240'000'000;
};

}  // namespace openrun::simulation
