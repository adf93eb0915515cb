// The waits of one I/O thread: by partition in order of offsets, and by deadline in a coarse wheel. One thread at a
// time; no clock of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <openrun/base/ids.hpp>

#include "gateway/results/results_window.hpp"
#include "gateway/waits/waiting.hpp"

namespace openrun::gateway {

class Waiters {
 public:
  // The wheel's step: a wait ends at most this much late.
  static constexpr std::int64_t step_us = 50'000;

  explicit Waiters(const ResultsWindow& window) : window_(window) {}

  // `deadline_us` is monotonic, at most 50 s ahead (longer waits end early). Where the window has the outcome already,
  // `waiting` hears of it before this returns.
  void add(Partition partition, Offset offset, std::uint32_t nonce, std::unique_ptr<Waiting> waiting,
           std::int64_t now_us, std::int64_t deadline_us);

  // Offsets [first, last] of the partition were applied to the window: ends the waits that are decided, but no more
  // than `left`, from which it takes those that it ended. Returns where to go on: past `last` where nothing is left to
  // do.
  Offset applied(Partition partition, Offset first, Offset last, std::int64_t now_us, std::size_t& left);

  struct Missing {
    Partition partition;
    Offset offset;
  };
  // Ends the waits that are over, and names for each partition the oldest wait whose outcome is missing below the
  // frontier for missing_after_ms or lies below the window: its batch should be fetched from the store.
  [[nodiscard]] std::vector<Missing> tick(std::int64_t now_us);

  // Ends all waits as expired.
  void release();

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t none = 0xFFFFFFFFU;
  static constexpr std::size_t wheel_steps = 1024;

  struct Entry {
    Partition partition;
    Offset offset;
    std::uint32_t nonce = 0;
    std::uint32_t bucket = 0;
    std::uint32_t previous = none;  // in the bucket
    std::uint32_t next = none;      // in the bucket, or of the free list
    std::unique_ptr<Waiting> waiting;
  };
  using ByOffset = std::multimap<Offset, std::uint32_t>;

  std::uint32_t take_entry();
  void link(std::uint32_t index, std::int64_t step);
  void unlink(std::uint32_t index);
  std::unique_ptr<Waiting> free_entry(std::uint32_t index);
  void forget_offset(std::uint32_t index);
  void expire_bucket(std::size_t bucket);

  const ResultsWindow& window_;
  std::map<Partition, ByOffset> by_partition_;
  std::vector<Entry> entries_;
  std::uint32_t free_ = none;
  std::array<std::uint32_t, wheel_steps> wheel_ = [] {
    std::array<std::uint32_t, wheel_steps> heads{};
    heads.fill(none);
    return heads;
  }();
  std::int64_t step_ = -1;  // the last one that was expired
  std::size_t size_ = 0;
  std::vector<std::pair<std::unique_ptr<Waiting>, Found>> done_;  // empty; keeps its memory from call to call
};

}  // namespace openrun::gateway
