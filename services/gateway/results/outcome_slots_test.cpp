#include "gateway/results/outcome_slots.hpp"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

using Entry = OutcomeSlots::Entry;
using issuance::Outcome;

constexpr auto frame = static_cast<std::int64_t>(OutcomeSlots::frame_records_max);
constexpr std::int64_t day_ms = 86'400'000;
constexpr Timestamp now{1'800'000'000'000};

Timestamp after(std::int64_t ms) {
  return Timestamp{now.value + ms};
}

Entry coupon(std::int64_t offset, Timestamp issued_at, Outcome outcome = Outcome::issued) {
  return {static_cast<std::uint32_t>(offset * 7 + 1), outcome, Sequence{static_cast<std::uint32_t>(offset + 1)},
          issued_at};
}

TEST(OutcomeSlots, EveryOutcomeIsReadAsItWasWritten) {
  OutcomeSlots slots(64);
  EXPECT_EQ(slots.read(Offset{0}), Entry{});
  std::int64_t offset = 0;
  for (const Outcome outcome : issuance::all_outcomes) {
    const bool shows_coupon =
        outcome == Outcome::issued || outcome == Outcome::issued_before || outcome == Outcome::already_issued;
    const Entry entry{0xFFFFFFFFU, outcome, Sequence{shows_coupon ? 0xFFFFFFFFU : 0},
                      shows_coupon ? after(offset) : Timestamp{}};
    slots.write(Offset{offset}, entry, now);
    EXPECT_EQ(slots.read(Offset{offset}), entry) << to_string(outcome);
    ++offset;
  }
  slots.clear(0, offset);
  while (offset-- > 0) EXPECT_EQ(slots.read(Offset{offset}), Entry{});
}

TEST(OutcomeSlots, TimesAreExactOverTheBordersOfFrames) {
  OutcomeSlots slots(4 * OutcomeSlots::frame_records_max);
  for (std::int64_t offset = frame - 3; offset < 3 * frame + 3; ++offset) {
    // Each frame begins at another time.
    slots.write(Offset{offset}, coupon(offset, after(offset)), after(offset));
  }
  for (std::int64_t offset = frame - 3; offset < 3 * frame + 3; ++offset) {
    ASSERT_EQ(slots.read(Offset{offset}), coupon(offset, after(offset))) << offset;
  }
  EXPECT_EQ(slots.exceptions(), 0U);
}

TEST(OutcomeSlots, ATimeBeforeThatOfItsFrameIsExact) {
  OutcomeSlots slots(64);
  slots.write(Offset{0}, coupon(0, now), now);
  slots.write(Offset{1}, coupon(1, after(-5), Outcome::issued_before), now);
  slots.write(Offset{2}, coupon(2, after(-10 * day_ms), Outcome::already_issued), after(1));
  EXPECT_EQ(slots.read(Offset{0}).issued_at, now);
  EXPECT_EQ(slots.read(Offset{1}).issued_at, after(-5));
  EXPECT_EQ(slots.read(Offset{2}).issued_at, after(-10 * day_ms));
  EXPECT_EQ(slots.exceptions(), 0U) << "what is asked for again within days needs no more than others";
}

TEST(OutcomeSlots, ATimeFarFromItsFrameIsExact) {
  OutcomeSlots slots(256);
  std::vector<Timestamp> times{Timestamp{0}, Timestamp{253'402'300'799'999}, after(-400 * day_ms), after(400 * day_ms)};
  // Every millisecond around both ends of what a slot can hold.
  for (const std::int64_t end : {-11 * day_ms, -11 * day_ms + (std::int64_t{1} << 30U)}) {
    for (std::int64_t ms = -3; ms <= 3; ++ms) times.push_back(after(end + ms));
  }
  std::int64_t offset = 0;
  for (const Timestamp time : times) {
    slots.write(Offset{offset}, coupon(offset, time), now);
    ++offset;
  }
  offset = 0;
  for (const Timestamp time : times) {
    EXPECT_EQ(slots.read(Offset{offset}), coupon(offset, time)) << time.value - now.value;
    ++offset;
  }
  EXPECT_EQ(slots.exceptions(), 12U) << "four, three below the first and five from the last on";
}

TEST(OutcomeSlots, ATimeThatIsWrittenAgainReplacesTheOneBefore) {
  OutcomeSlots slots(64);
  const auto expect = [&](Timestamp time, std::size_t exceptions) {
    slots.write(Offset{5}, coupon(5, time), now);
    EXPECT_EQ(slots.read(Offset{5}).issued_at, time);
    EXPECT_EQ(slots.exceptions(), exceptions);
  };
  expect(now, 0);
  expect(Timestamp{1}, 1);
  expect(Timestamp{2}, 1);
  expect(after(3), 1);
  expect(Timestamp{4}, 1);
}

TEST(OutcomeSlots, ALapLaterNothingOfTheOldFrameIsLeft) {
  OutcomeSlots slots(2 * OutcomeSlots::frame_records_max);
  const std::int64_t lap = 2 * frame;
  for (std::int64_t offset = 0; offset < lap; ++offset) {
    slots.write(Offset{offset}, coupon(offset, offset % 2 == 0 ? now : Timestamp{offset}), now);
  }
  EXPECT_EQ(slots.exceptions(), OutcomeSlots::frame_records_max);
  // The ring goes on within a frame: its first half is of the next lap, its second of the one before.
  const std::int64_t half = frame / 2;
  slots.clear(lap, lap + half);
  for (std::int64_t offset = lap; offset < lap + half; ++offset) {
    slots.write(Offset{offset}, coupon(offset, after(900 * day_ms + offset)), after(900 * day_ms));
  }
  for (std::int64_t offset = half; offset < lap; ++offset) {
    ASSERT_EQ(slots.read(Offset{offset}), coupon(offset, offset % 2 == 0 ? now : Timestamp{offset})) << offset;
  }
  for (std::int64_t offset = lap; offset < lap + half; ++offset) {
    ASSERT_EQ(slots.read(Offset{offset}), coupon(offset, after(900 * day_ms + offset))) << offset;
  }
  EXPECT_EQ(slots.exceptions(), OutcomeSlots::frame_records_max) << "the new times are near their own frame";
  slots.clear(lap + half, 2 * lap);
  for (std::int64_t offset = lap + half; offset < 2 * lap; ++offset) {
    slots.write(Offset{offset}, coupon(offset, after(900 * day_ms)), after(900 * day_ms));
  }
  EXPECT_LE(slots.exceptions(), OutcomeSlots::frame_records_max / 2) << "given back with their frames";
}

// Against a map, through many laps: writes anywhere in the ring, of any time, in rings shorter and longer than a frame.
TEST(OutcomeSlots, AnyTimesInAnyOrderAreReadAsTheyWereWritten) {
  constexpr Outcome outcomes[] = {Outcome::issued, Outcome::issued_before, Outcome::already_issued, Outcome::sold_out};
  for (const std::size_t capacity : {std::size_t{2}, std::size_t{16}, std::size_t{1'024}, std::size_t{8'192}}) {
    std::mt19937_64 random(capacity);
    OutcomeSlots slots(capacity);
    std::map<std::int64_t, Entry> expected;
    const auto length = static_cast<std::int64_t>(capacity);
    std::int64_t highest = 0;
    std::int64_t log_time = now.value;
    for (int step = 0; step < 20'000; ++step) {
      const auto next = highest + static_cast<std::int64_t>(random() % (capacity / 16 + 2));
      slots.clear(std::max(highest, next - length), next);
      highest = next;
      expected.erase(expected.begin(), expected.lower_bound(highest - length));
      log_time += static_cast<std::int64_t>(random() % 100'000);
      if (highest == 0) continue;
      const std::int64_t lowest = std::max(highest - length, std::int64_t{0});
      const std::int64_t offset =
          lowest + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(highest - lowest));
      Entry entry = coupon(offset, Timestamp{}, outcomes[random() % std::size(outcomes)]);
      if (entry.outcome != Outcome::sold_out) {
        const std::int64_t far = random() % 8 == 0 ? 40 * day_ms : day_ms;
        entry.issued_at = Timestamp{log_time - static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(far))};
      }
      slots.write(Offset{offset}, entry, Timestamp{log_time});
      expected[offset] = entry;
      if (step % 500 != 0) continue;
      for (std::int64_t at = lowest; at < highest; ++at) {
        const auto found = expected.find(at);
        ASSERT_EQ(slots.read(Offset{at}), found == expected.end() ? Entry{} : found->second) << capacity << " " << at;
      }
    }
  }
}

}  // namespace
}  // namespace openrun::gateway
