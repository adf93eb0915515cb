// Plays many seeds, in several processes: one that aborts (a broken assertion of the production code), hangs or eats
// all memory is a finding of its seed, and the others go on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "world.hpp"

namespace openrun::simulation {

// So many seeds must meet every fault and every situation.
inline constexpr std::uint64_t coverage_seeds_min = 1'000;

struct CampaignOptions {
  std::uint64_t first = 1;
  std::uint64_t last = 100;
  std::uint32_t jobs = 2;
  std::uint32_t failures_max = 10;                 // after so many nothing new is begun
  std::uint32_t seed_s_max = 60;                   // a seed that plays longer on the wall hangs
  std::uint64_t memory_bytes_max = 2'000'000'000;  // of one process; not under a sanitizer, which reserves more
  std::function<Report(std::uint64_t, const Options&)> player = play;  // for the tests of this
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
  // What never occurred in coverage_seeds_min seeds or more ("the fault store_full"): then they have not tested it.
  std::vector<std::string> gaps;

  [[nodiscard]] bool passed() const { return failures.empty() && gaps.empty(); }
};

[[nodiscard]] Totals play_all(const CampaignOptions& options);

}  // namespace openrun::simulation
