#include "gateway/results/results_window.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

using issuance::Outcome;
using Kind = Found::Kind;

constexpr Partition p{3};
constexpr std::int64_t second = 1'000'000;

std::uint32_t nonce_of(std::int64_t offset) {
  return static_cast<std::uint32_t>(offset * 7 + 1);
}

wire::ResultBatch batch(std::int64_t first, std::int64_t last, Outcome outcome = Outcome::issued) {
  wire::ResultBatch made;
  made.partition = p;
  made.first_offset = Offset{first};
  made.last_offset = Offset{last};
  made.log_time = Timestamp{1'700'000'000'000 + last};
  for (std::int64_t offset = first; offset <= last; ++offset) {
    made.entries.push_back({Offset{offset}, outcome, nonce_of(offset), CampaignId{1},
                            Sequence{static_cast<std::uint32_t>(offset + 1)}, Timestamp{1'700'000'000'000 + offset},
                            5});
  }
  return made;
}

Found look(const ResultsWindow& window, std::int64_t offset, std::int64_t now_us = 0) {
  return window.look_up(p, Offset{offset}, nonce_of(offset), now_us);
}

TEST(ResultsWindow, ADecidedRequestShowsItsOutcome) {
  ResultsWindow window(64);
  window.apply(batch(0, 9), 0);
  const Found found = look(window, 4);
  EXPECT_EQ(found.kind, Kind::decided);
  EXPECT_EQ(found.outcome, Outcome::issued);
  EXPECT_EQ(found.sequence, Sequence{5});
  EXPECT_EQ(found.issued_at, Timestamp{1'700'000'000'004});
}

TEST(ResultsWindow, ARequestAtOrAboveTheFrontierWaitsBehindThoseBeforeIt) {
  ResultsWindow window(64);
  EXPECT_EQ(look(window, 12).position, 12);
  window.apply(batch(0, 9), 0);
  EXPECT_EQ(look(window, 10).kind, Kind::waiting);
  EXPECT_EQ(look(window, 10).position, 0);
  EXPECT_EQ(look(window, 15).position, 5);
  EXPECT_EQ(window.highest(p), Offset{10});
}

TEST(ResultsWindow, ABatchFromTheStoreFillsAHoleAndChangesNoBound) {
  ResultsWindow window(64);
  window.repair(batch(0, 4), 0);
  EXPECT_FALSE(window.seen(p)) << "whoever asks for offset 5 must ask the store, too";
  window.seed(p, Offset{20}, 0);
  window.repair(batch(0, 4), 0);
  EXPECT_EQ(window.highest(p), Offset{20});
  EXPECT_EQ(look(window, 7).kind, Kind::too_old) << "decided long ago, and no result of it is about to come";
  window.apply(batch(30, 34), 0);
  EXPECT_EQ(look(window, 22).kind, Kind::hole);
  window.repair(batch(20, 24), 0);
  EXPECT_EQ(look(window, 22).kind, Kind::decided);
}

TEST(ResultsWindow, ABatchThatIsMissingBelowTheFrontierIsAHoleAndTellsSinceWhen) {
  ResultsWindow window(64);
  window.apply(batch(0, 4), second);
  window.apply(batch(10, 14), 2 * second);
  EXPECT_EQ(look(window, 7, 2 * second + 300'000).kind, Kind::hole);
  EXPECT_EQ(look(window, 7, 2 * second + 300'000).missing_us, 300'000);
  window.apply(batch(5, 9), 3 * second);
  EXPECT_EQ(look(window, 7).kind, Kind::decided);
}

TEST(ResultsWindow, BatchesMayComeTwiceAndInAnyOrder) {
  const std::vector<std::vector<int>> orders{{0, 1, 2}, {2, 1, 0}, {1, 0, 1, 2, 0}, {2, 0, 0, 1}};
  for (const auto& order : orders) {
    ResultsWindow window(64);
    for (const int i : order) window.apply(batch(i * 5, i * 5 + 4), 0);
    EXPECT_EQ(window.highest(p), Offset{15});
    for (std::int64_t offset = 0; offset < 15; ++offset) EXPECT_EQ(look(window, offset).kind, Kind::decided) << offset;
  }
}

TEST(ResultsWindow, WhatFellOutOfTheRingIsTooOld) {
  ResultsWindow window(16);
  window.apply(batch(0, 9), 0);
  window.apply(batch(10, 19), 0);
  EXPECT_EQ(look(window, 3).kind, Kind::too_old);
  EXPECT_EQ(look(window, 4).kind, Kind::decided);
  // A late copy of what fell out changes nothing.
  window.apply(batch(0, 3), 0);
  EXPECT_EQ(look(window, 3).kind, Kind::too_old);
  EXPECT_EQ(look(window, 19).kind, Kind::decided);
}

TEST(ResultsWindow, TellsTheOldestOffsetThatIsStillInMemory) {
  ResultsWindow window(8);
  EXPECT_EQ(window.lowest(p), Offset{0});
  window.apply(batch(10, 13), 0);
  EXPECT_EQ(window.lowest(p), Offset{10});
  window.apply(batch(14, 19), 0);
  EXPECT_EQ(window.lowest(p), Offset{12});
}

TEST(ResultsWindow, WhatCameBeforeTheFirstBatchIsTooOldUntilAnOlderBatchCame) {
  ResultsWindow window(64);
  window.apply(batch(100, 109), 0);
  EXPECT_EQ(look(window, 99).kind, Kind::too_old);
  window.apply(batch(90, 94), 0);
  EXPECT_EQ(look(window, 92).kind, Kind::decided);
  EXPECT_EQ(look(window, 97).kind, Kind::hole);
  EXPECT_EQ(look(window, 89).kind, Kind::too_old);
}

TEST(ResultsWindow, AJumpBeyondTheRingLeavesNothingOfTheOldSlots) {
  ResultsWindow window(16);
  window.apply(batch(0, 15), 0);
  window.apply(batch(1'000, 1'003), 0);
  for (std::int64_t offset = 988; offset < 1'000; ++offset) EXPECT_EQ(look(window, offset).kind, Kind::hole) << offset;
  EXPECT_EQ(look(window, 1'001).kind, Kind::decided);
}

TEST(ResultsWindow, AnotherRecordAtTheSameOffsetIsNeverShown) {
  ResultsWindow window(64);
  window.apply(batch(0, 9), 0);
  const Found found = window.look_up(p, Offset{4}, 12345, 0);
  EXPECT_EQ(found.kind, Kind::mismatch);
  EXPECT_EQ(found.outcome, Outcome::none);
  EXPECT_EQ(found.sequence, Sequence{});
}

TEST(ResultsWindow, AReplayGivesTheDeadLettersReceiptTheNewOutcome) {
  ResultsWindow window(64);
  window.apply(batch(0, 0, Outcome::dead_lettered), 0);
  EXPECT_EQ(look(window, 0).outcome, Outcome::dead_lettered);
  wire::ResultBatch replay = batch(1, 1);
  replay.replays.push_back({Offset{0}, Offset{1}});
  window.apply(replay, 0);
  EXPECT_EQ(look(window, 0).outcome, Outcome::issued);
  EXPECT_EQ(look(window, 0).sequence, Sequence{2});
  // The old batch once more: the outcome must not fall back.
  window.apply(batch(0, 0, Outcome::dead_lettered), 0);
  EXPECT_EQ(look(window, 0).outcome, Outcome::issued);
}

// As batch(), but its coupons were issued at that time, and it was decided later.
wire::ResultBatch decided_at(std::int64_t first, std::int64_t last, std::int64_t log_time, std::int64_t issued_at) {
  wire::ResultBatch made = batch(first, last, issued_at == log_time ? Outcome::issued : Outcome::already_issued);
  made.log_time = Timestamp{log_time};
  for (wire::OutcomeEntry& entry : made.entries) entry.issued_at = Timestamp{issued_at + entry.offset.value};
  return made;
}

TEST(ResultsWindow, CouponsOfAnyAgeShowTheirTimeToTheMillisecond) {
  constexpr std::int64_t decided = 1'800'000'000'000;
  for (const std::int64_t days : {0, 1, 10, 12, 30, 4'000}) {
    const std::int64_t issued = decided - days * 86'400'000;
    ResultsWindow window(4'096);
    window.apply(decided_at(0, 2'999, decided, decided), 0);
    window.apply(decided_at(3'000, 3'999, decided + 5, issued), 0);
    // A batch that comes late, and one that comes again from the store.
    window.apply(decided_at(4'100, 4'199, decided + 7, decided + 7), 0);
    window.repair(decided_at(4'000, 4'099, decided + 6, issued), 0);
    window.repair(decided_at(3'000, 3'999, decided + 5, issued), 0);
    for (std::int64_t offset = 104; offset < 4'200; ++offset) {
      const Found found = look(window, offset);
      ASSERT_EQ(found.kind, Kind::decided) << offset;
      const std::int64_t at = offset < 3'000 ? decided : offset < 4'100 ? issued : decided + 7;
      ASSERT_EQ(found.issued_at, Timestamp{at + offset}) << days << " days, " << offset;
    }
    EXPECT_EQ(window.exceptions(p), days > 11 ? 1'100U : 0U) << days;
  }
}

TEST(ResultsWindow, TimesStayExactThroughManyLapsOfTheRing) {
  ResultsWindow window(2'048);
  const auto time_at = [](std::int64_t first) { return 1'700'000'000'000 + first * 100'000; };
  for (std::int64_t first = 0; first < 20'000; first += 100) {
    window.apply(decided_at(first, first + 99, time_at(first), time_at(first)), 0);
    for (std::int64_t offset = std::max<std::int64_t>(first + 100 - 2'048, 0); offset < first + 100; ++offset) {
      ASSERT_EQ(look(window, offset).issued_at, Timestamp{time_at(offset - offset % 100) + offset}) << first;
    }
    ASSERT_EQ(window.exceptions(p), 0U);
  }
}

TEST(ResultsWindow, AReplayShowsTheTimeOfItsCoupon) {
  for (const std::int64_t days : {0, 5, 100}) {
    ResultsWindow window(4'096);
    window.apply(batch(0, 9, Outcome::dead_lettered), 0);
    const std::int64_t replayed = 1'700'000'000'000 + days * 86'400'000;
    wire::ResultBatch replay = decided_at(3'000, 3'000, replayed, replayed);
    replay.replays.push_back({Offset{4}, Offset{3'000}});
    window.apply(replay, 0);
    EXPECT_EQ(look(window, 4).issued_at, Timestamp{replayed + 3'000});
    EXPECT_EQ(look(window, 3'000).issued_at, Timestamp{replayed + 3'000});
    EXPECT_EQ(look(window, 5).outcome, Outcome::dead_lettered);
  }
}

TEST(ResultsWindow, ASeedMovesTheFrontierOnlyAhead) {
  ResultsWindow window(64);
  EXPECT_FALSE(window.seen(p));
  window.seed(p, Offset{50}, 0);
  EXPECT_EQ(look(window, 52).position, 2);
  EXPECT_EQ(look(window, 49).kind, Kind::too_old);
  window.apply(batch(50, 59), 0);
  window.seed(p, Offset{55}, 0);
  EXPECT_EQ(window.highest(p), Offset{60});
  window.seed(p, Offset{70}, 0);
  EXPECT_EQ(window.highest(p), Offset{70});
  EXPECT_EQ(look(window, 55).kind, Kind::decided);
  EXPECT_EQ(look(window, 65).kind, Kind::hole) << "decided, and its result will never come";
}

TEST(ResultsWindow, TheRateIsMeasuredOverTheLastSeconds) {
  ResultsWindow window(4'096);
  EXPECT_FALSE(window.rate(p, 0));
  for (std::int64_t i = 0; i < 30; ++i) window.apply(batch(i * 100, i * 100 + 99), 100 * second + i * 100'000);
  const auto rate = window.rate(p, 103 * second);
  ASSERT_TRUE(rate);
  EXPECT_NEAR(*rate, 1'000, 50);
  EXPECT_FALSE(window.rate(p, 120 * second)) << "nothing was decided for long";
}

TEST(ResultsWindow, PartitionsOutsideTheBoundAreIgnored) {
  ResultsWindow window(64);
  wire::ResultBatch foreign = batch(0, 9);
  for (const std::int32_t partition : {-1, partitions_max}) {
    foreign.partition = Partition{partition};
    window.apply(foreign, 0);
    EXPECT_FALSE(window.seen(Partition{partition}));
  }
}

TEST(ResultsWindow, ReadersSeeABatchWholeOrNotAtAll) {
  ResultsWindow window(1'024);
  std::thread writer([&] {
    for (std::int64_t i = 0; i < 200; ++i) window.apply(batch(i * 5, i * 5 + 4), i);
  });
  std::int64_t seen = 0;
  while (seen < 1'000) {
    seen = window.highest(p).value;
    EXPECT_EQ(seen % 5, 0);
    if (seen > 0) {
      EXPECT_EQ(look(window, seen - 1).kind, Kind::decided);
    }
  }
  writer.join();
}

}  // namespace
}  // namespace openrun::gateway
