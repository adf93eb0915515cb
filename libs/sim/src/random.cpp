#include <bit>

#include <openrun/base/assert.hpp>
#include <openrun/sim/random.hpp>

namespace openrun::sim {

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    word = mixed ^ (mixed >> 31U);
  }
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint32_t Random::below(std::uint64_t n) {
  OPENRUN_ASSERT(n >= 1 && n <= UINT32_MAX, "a random number below nothing, or below too much");
  return static_cast<std::uint32_t>((std::uint64_t{next_u32()} * n) >> 32U);
}

std::int64_t Random::between(std::int64_t first, std::int64_t last) {
  OPENRUN_ASSERT(first <= last && last - first < std::int64_t{UINT32_MAX}, "a range that is empty or too wide");
  return first + below(static_cast<std::uint64_t>(last - first + 1));
}

std::int64_t Random::duration(std::int64_t usual, std::int64_t longest) {
  if (longest > usual && chance(30)) return between(usual, longest);
  return between(usual / 2, usual + usual / 2);
}

}  // namespace openrun::sim
