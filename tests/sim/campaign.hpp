// Plays many seeds, in several processes: one that aborts (a broken assertion of the production code) or hangs is a
// finding of its seed, and the others go on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "world.hpp"

namespace openrun::simulation {

struct CampaignOptions {
  std::uint64_t first = 1;
  std::uint64_t last = 100;
  std::uint32_t jobs = 2;
  std::uint32_t failures_max = 10;  // after so many nothing new is begun
  Options options;
};

struct Failure {
  std::uint64_t seed = 0;
  std::string what;
};

struct Totals {
  Coverage coverage;
  std::uint64_t seeds = 0;
  std::uint64_t events = 0;
  std::uint64_t requests = 0;
  std::uint64_t simulated_us = 0;
  std::uint64_t fingerprints = 0;  // the exclusive or of all: one number that says whether two runs were the same
  double wall_s = 0;
  std::vector<Failure> failures;  // ascending by seed
};

[[nodiscard]] Totals play_all(const CampaignOptions& options);

}  // namespace openrun::simulation
