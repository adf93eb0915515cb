// Appends of one I/O thread that have no delivery yet. A token names thread, slot and generation, so that a delivery
// finds its submission without a look-up table, and a stale one finds nothing. One thread at a time, except the token's
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/waits/waiting.hpp"

namespace openrun::gateway {

//   thread: 8 bits | slot: 24 bits | generation: 32 bits
struct PendingToken {
  static constexpr std::size_t threads_max = 256;
  static constexpr std::size_t slots_max = 1U << 24U;
  [[nodiscard]] static constexpr std::uint64_t make(std::size_t thread, std::uint32_t slot, std::uint32_t generation) {
    return (static_cast<std::uint64_t>(thread) << 56U) | (static_cast<std::uint64_t>(slot) << 32U) | generation;
  }
  [[nodiscard]] static constexpr std::size_t thread(std::uint64_t token) { return token >> 56U; }
  [[nodiscard]] static constexpr std::uint32_t slot(std::uint64_t token) {
    return static_cast<std::uint32_t>(token >> 32U) & 0xFFFFFFU;
  }
  [[nodiscard]] static constexpr std::uint32_t generation(std::uint64_t token) {
    return static_cast<std::uint32_t>(token);
  }
};

class Pending {
 public:
  explicit Pending(std::size_t thread) : thread_(thread) {}

  [[nodiscard]] std::uint64_t open(std::unique_ptr<Submission> submission);
  // Null for a token that is not open.
  [[nodiscard]] std::unique_ptr<Submission> close(std::uint64_t token);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t generation = 1;
    std::uint32_t next_free = 0;
    std::unique_ptr<Submission> submission;
  };
  static constexpr std::uint32_t none = 0xFFFFFFFFU;

  std::size_t thread_;
  std::vector<Slot> slots_;
  std::uint32_t free_ = none;
  std::size_t size_ = 0;
};

}  // namespace openrun::gateway
