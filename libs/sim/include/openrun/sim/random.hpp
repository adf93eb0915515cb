// Random numbers that are the same on every machine, compiler and library: xoshiro256** (David Blackman and Sebastiano
// Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018), its state filled by splitmix64 (Guy Steele, Doug Lea
// and Christine Flood, 2014). The distributions of the standard library differ between libraries, so there are none
// here. One thread at a time.
#pragma once

#include <array>
#include <cstdint>

namespace openrun::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] std::uint32_t next_u32() { return static_cast<std::uint32_t>(next() >> 32U); }
  // 0 .. n-1; n is 1 to 2^32-1 (asserted). The bias of multiply and shift is below 2^-31 for the small n of a
  // simulation.
  [[nodiscard]] std::uint32_t below(std::uint64_t n);
  // first .. last, both included; at most 2^32-1 apart (asserted).
  [[nodiscard]] std::int64_t between(std::int64_t first, std::int64_t last);
  // True in that many of a thousand.
  [[nodiscard]] bool chance(std::uint32_t per_mille) { return per_mille > 0 && below(1'000) < per_mille; }
  // Mostly near `usual`, now and then far above it, at most `longest`: how long networks and disks take.
  [[nodiscard]] std::int64_t duration(std::int64_t usual, std::int64_t longest);

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace openrun::sim
