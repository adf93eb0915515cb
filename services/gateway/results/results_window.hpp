// The newest outcomes of every partition in memory: a dense ring indexed by offset, 12 bytes a slot. Fed with result
// batches in any order and any number of times; asked by every poll. Any thread; one mutex a partition, held for one
// look-up or one batch.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/wire/result_batch.hpp>

#include "gateway/results/outcome_slots.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

// What is known about one record of the log.
struct Found {
  enum class Kind : std::uint8_t {
    decided,
    waiting,   // at or above the frontier: `position` records stand before it
    hole,      // below the frontier, but its outcome has not come: `missing_us` long
    too_old,   // below the ring: ask Postgres
    mismatch,  // the offset holds another record (the log was recreated): never show its outcome
  };
  Kind kind = Kind::waiting;
  issuance::Outcome outcome = issuance::Outcome::none;
  Sequence sequence;
  Timestamp issued_at;  // where the outcome shows a coupon
  std::int64_t position = 0;
  std::int64_t missing_us = 0;
};

class ResultsWindow {
 public:
  // `records` is rounded up to a power of two; a partition takes its memory when it is first written.
  explicit ResultsWindow(std::size_t records);
  ~ResultsWindow();
  ResultsWindow(const ResultsWindow&) = delete;
  ResultsWindow& operator=(const ResultsWindow&) = delete;

  // `now_us` is monotonic time. Batches of partitions outside 0 .. partitions_max-1 are ignored.
  void apply(const wire::ResultBatch& batch, std::int64_t now_us);
  // A batch that was read from Postgres, for whoever asked. It may be old, so it does not make the partition seen:
  // behind it much may be decided.
  void repair(const wire::ResultBatch& batch, std::int64_t now_us);
  // The frontier as Postgres tells it; counts only where it is ahead. What was applied before stays, and what lies
  // between is a hole.
  void seed(Partition partition, Offset next_offset, std::int64_t now_us);

  [[nodiscard]] Found look_up(Partition partition, Offset offset, std::uint32_t nonce, std::int64_t now_us) const;

  // One past the newest decided offset known; 0 where nothing is known.
  [[nodiscard]] Offset highest(Partition partition) const;
  // The oldest offset that is answered from memory; what lies below has made room. 0 where nothing is known.
  [[nodiscard]] Offset lowest(Partition partition) const;
  // Whether anything was applied or seeded.
  [[nodiscard]] bool seen(Partition partition) const;
  // Records decided a second over the last few seconds; empty while nothing was decided in them.
  [[nodiscard]] std::optional<double> rate(Partition partition, std::int64_t now_us) const;
  // Times that take memory beside the slots (see OutcomeSlots).
  [[nodiscard]] std::size_t exceptions(Partition partition) const;

 private:
  // How far the frontier was when: for the rate, and for how long a hole has been one.
  struct Sample {
    std::int64_t time_us = 0;
    std::int64_t highest = 0;  // after it
    std::int64_t before = 0;
  };
  static constexpr std::size_t samples_kept = 128;
  static constexpr std::int64_t sample_us = 50'000;
  static constexpr std::int64_t rate_window_us = 5'000'000;

  struct Ring {
    explicit Ring(std::size_t capacity) : slots(capacity) {}
    mutable std::mutex mutex;
    OutcomeSlots slots;
    bool seen = false;
    std::int64_t floor = 0;  // slots hold [floor, highest)
    std::int64_t highest = 0;
    std::array<Sample, samples_kept> samples;
    std::size_t sample_count = 0;  // ever taken
  };

  [[nodiscard]] Ring* find(Partition partition) const;
  Ring& ring(Partition partition);
  void advance(Ring& ring, std::int64_t first, std::int64_t next, std::int64_t now_us);
  static void write(Ring& ring, const wire::OutcomeEntry& entry, Timestamp log_time);
  static void follow_replay(Ring& ring, const wire::ResultBatch& batch, const wire::ReplayResult& replay);
  void clear(Ring& ring, std::int64_t from, std::int64_t to);
  static void sample(Ring& ring, std::int64_t before, std::int64_t now_us);
  [[nodiscard]] static std::int64_t passed_at(const Ring& ring, std::int64_t offset);

  std::size_t capacity_;
  std::mutex growth_;
  std::array<std::atomic<Ring*>, static_cast<std::size_t>(partitions_max)> rings_{};
};

}  // namespace openrun::gateway
