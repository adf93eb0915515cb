// The outcomes of neighbouring offsets of one partition: a ring indexed by offset, 12 bytes a slot. One thread at a
// time.
//
// A time has 30 bits of its slot. They count milliseconds from the base of the slot's frame, a fixed stretch of
// offsets, and reach from eleven days before its first log time to a day after it. What lies outside, a coupon of long
// ago that is shown once more, is an exception of the frame: 16 bytes beside the ring, as exact as the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/decision.hpp>

namespace openrun::gateway {

class OutcomeSlots {
 public:
  static constexpr std::size_t frame_records_max = 1'024;

  // A power of two (asserted).
  explicit OutcomeSlots(std::size_t capacity);

  struct Entry {
    std::uint32_t nonce = 0;
    issuance::Outcome outcome = issuance::Outcome::none;  // none: nothing is held
    Sequence sequence;
    Timestamp issued_at;  // kept where the outcome shows a coupon
    bool operator==(const Entry&) const = default;
  };

  // Offsets from 0 on. Those that were written and not cleared since span at most `capacity`; of others nothing may be
  // asked.
  void write(Offset offset, const Entry& entry, Timestamp log_time);
  [[nodiscard]] Entry read(Offset offset) const;
  // [from, to), at most `capacity` of them.
  void clear(std::int64_t from, std::int64_t to);

  // Times that stand beside the ring.
  [[nodiscard]] std::size_t exceptions() const;

 private:
  struct Slot {
    std::uint32_t nonce;
    std::uint32_t sequence;
    std::uint32_t outcome_and_time;
  };
  static_assert(sizeof(Slot) == 12);
  struct Exception {
    std::int64_t offset;
    Timestamp time;
  };
  struct Frame {
    std::int64_t number = -1;  // the first offset divided by the records of a frame
    std::int64_t base_ms = 0;
    std::vector<Exception> exceptions;  // in the order of offsets
  };
  struct Free {
    void operator()(Slot* slots) const { std::free(slots); }
  };

  [[nodiscard]] Slot& slot(std::int64_t offset) const { return slots_.get()[static_cast<std::size_t>(offset) & mask_]; }
  [[nodiscard]] std::size_t frame_index(std::int64_t number) const;
  Frame& frame_of(std::int64_t offset, Timestamp log_time);
  [[nodiscard]] std::uint32_t distance(std::int64_t offset, Timestamp time, Timestamp log_time);
  [[nodiscard]] Timestamp time_at(std::int64_t offset, std::uint32_t distance) const;

  std::size_t mask_;
  unsigned frame_bits_;
  std::unique_ptr<Slot, Free> slots_;
  // One more than the ring is long, because what it holds may begin and end within a frame. So the number of a frame
  // tells whether it is this lap's: no slot is read by the base of another.
  std::vector<Frame> frames_;
};

}  // namespace openrun::gateway
