#include "gateway/results/outcome_slots.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include <openrun/base/assert.hpp>

namespace openrun::gateway {
namespace {

using issuance::Outcome;

// The upper two bits name the outcomes that show a coupon; without them the outcome stands below, and no time.
constexpr unsigned distance_bits = 30;
constexpr std::uint32_t distance_mask = (1U << distance_bits) - 1;
constexpr std::uint32_t is_exception = distance_mask;
// A coupon that is shown once more is older than what stands around it; a frame takes a moment to fill.
constexpr std::int64_t before_log_time_ms = std::int64_t{11} * 24 * 3'600 * 1'000;
static_assert(before_log_time_ms < distance_mask);

constexpr std::uint32_t coupon_mark(Outcome outcome) {
  switch (outcome) {
    case Outcome::issued:
      return 1;
    case Outcome::issued_before:
      return 2;
    case Outcome::already_issued:
      return 3;
    default:
      return 0;
  }
}
constexpr Outcome marked[] = {Outcome::none, Outcome::issued, Outcome::issued_before, Outcome::already_issued};

}  // namespace

OutcomeSlots::OutcomeSlots(std::size_t capacity)
    : mask_(capacity - 1),
      frame_bits_(static_cast<unsigned>(std::countr_zero(std::min(capacity, frame_records_max)))),
      // calloc, because the pages of a ring that is hardly used are then never touched.
      slots_(static_cast<Slot*>(std::calloc(capacity, sizeof(Slot)))),
      frames_((capacity >> frame_bits_) + 1) {
  OPENRUN_ASSERT(std::has_single_bit(capacity), "a ring's capacity is a power of two");
  if (!slots_) throw std::bad_alloc();
}

std::size_t OutcomeSlots::frame_index(std::int64_t number) const {
  return static_cast<std::size_t>(number) % frames_.size();
}

OutcomeSlots::Frame& OutcomeSlots::frame_of(std::int64_t offset, Timestamp log_time) {
  const std::int64_t number = offset >> frame_bits_;
  Frame& frame = frames_[frame_index(number)];
  if (frame.number != number) frame = Frame{number, log_time.value - before_log_time_ms, {}};
  return frame;
}

std::uint32_t OutcomeSlots::distance(std::int64_t offset, Timestamp time, Timestamp log_time) {
  Frame& frame = frame_of(offset, log_time);
  const std::int64_t distance = time.value - frame.base_ms;
  if (distance >= 0 && distance < is_exception) return static_cast<std::uint32_t>(distance);
  auto& exceptions = frame.exceptions;
  auto at = std::ranges::lower_bound(exceptions, offset, {}, &Exception::offset);
  if (at == exceptions.end() || at->offset != offset) at = exceptions.insert(at, {offset, {}});
  at->time = time;
  return is_exception;
}

Timestamp OutcomeSlots::time_at(std::int64_t offset, std::uint32_t distance) const {
  const Frame& frame = frames_[frame_index(offset >> frame_bits_)];
  if (distance != is_exception) return Timestamp{frame.base_ms + distance};
  const auto at = std::ranges::lower_bound(frame.exceptions, offset, {}, &Exception::offset);
  OPENRUN_ASSERT(at != frame.exceptions.end() && at->offset == offset, "an exception stands in its slot's frame");
  return at->time;
}

void OutcomeSlots::write(Offset offset, const Entry& entry, Timestamp log_time) {
  const std::uint32_t mark = coupon_mark(entry.outcome);
  const std::uint32_t low =
      mark == 0 ? static_cast<std::uint32_t>(entry.outcome) : distance(offset.value, entry.issued_at, log_time);
  slot(offset.value) = Slot{entry.nonce, entry.sequence.value, mark << distance_bits | low};
}

OutcomeSlots::Entry OutcomeSlots::read(Offset offset) const {
  const Slot& held = slot(offset.value);
  const std::uint32_t mark = held.outcome_and_time >> distance_bits;
  const std::uint32_t low = held.outcome_and_time & distance_mask;
  Entry entry{held.nonce, static_cast<Outcome>(low), Sequence{held.sequence}, {}};
  if (mark == 0) return entry;
  entry.outcome = marked[mark];
  entry.issued_at = time_at(offset.value, low);
  return entry;
}

void OutcomeSlots::clear(std::int64_t from, std::int64_t to) {
  for (std::int64_t offset = from; offset < to; ++offset) slot(offset) = Slot{};
}

std::size_t OutcomeSlots::exceptions() const {
  std::size_t sum = 0;
  for (const Frame& frame : frames_) sum += frame.exceptions.size();
  return sum;
}

}  // namespace openrun::gateway
