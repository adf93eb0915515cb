// One seed, played from its beginning to its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coverage.hpp"

namespace openrun::simulation {

struct Report {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;
  Coverage coverage;
  std::uint64_t events = 0;
  std::uint64_t requests = 0;  // that were told a receipt
  std::int64_t simulated_us = 0;
  std::uint64_t fingerprint = 0;
};

struct Options {
  bool verbose = false;
  std::uint64_t events_max = 3'000'000;  // a run that needs more is stuck
};

[[nodiscard]] Report play(std::uint64_t seed, const Options& options);

}  // namespace openrun::simulation
