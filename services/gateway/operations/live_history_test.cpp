#include "gateway/operations/live_history.hpp"

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

using issuance::Outcome;

struct LiveHistoryTest : ::testing::Test {
  // A batch whose records all came 100 ms ago.
  wire::ResultBatch batch(std::int64_t first, std::vector<Outcome> outcomes, std::int32_t partition = 0) const {
    wire::ResultBatch made;
    made.partition = Partition{partition};
    made.first_offset = Offset{first};
    made.last_offset = Offset{first + static_cast<std::int64_t>(outcomes.size()) - 1};
    made.log_time = Timestamp{clock.now().value - 100};
    for (const Outcome outcome : outcomes) {
      wire::OutcomeEntry entry;
      entry.outcome = outcome;
      entry.issued_at = made.log_time;
      made.entries.push_back(entry);
    }
    return made;
  }
  [[nodiscard]] std::uint64_t issued() const { return history.totals()[static_cast<std::size_t>(Outcome::issued)]; }

  testing::FakeClock clock;
  ports::testing::RecordingMetrics metrics;
  Meters meters{metrics};
  LiveHistory history{meters, clock};
};

TEST_F(LiveHistoryTest, ABatchThatComesAgainOrTooEarlyCountsOnce) {
  const auto early = batch(4, {Outcome::issued, Outcome::issued});
  history.apply(batch(0, {Outcome::issued, Outcome::sold_out}));
  history.apply(early);
  history.apply(early);
  history.apply(batch(2, {Outcome::issued, Outcome::issued}));
  history.apply(batch(2, {Outcome::issued, Outcome::issued}));
  history.apply(batch(0, {Outcome::issued, Outcome::sold_out}));
  history.apply(early);
  history.apply(batch(0, {Outcome::issued}, 1));
  EXPECT_EQ(issued(), 6U);
  EXPECT_EQ(history.totals()[static_cast<std::size_t>(Outcome::sold_out)], 1U);
}

TEST_F(LiveHistoryTest, AGapThatStaysForEverIsGivenUp) {
  history.apply(batch(0, {Outcome::issued}));
  for (std::size_t i = 0; i <= batches_ahead_max; ++i)
    history.apply(batch(10 + static_cast<std::int64_t>(i) * 2, {Outcome::issued}));
  EXPECT_EQ(issued(), batches_ahead_max + 2);
  history.apply(batch(5, {Outcome::issued}));
  EXPECT_EQ(issued(), batches_ahead_max + 2);
}

TEST_F(LiveHistoryTest, ASecondTellsWhatHappenedInItAndHowLongItTook) {
  history.apply(batch(0, {Outcome::issued, Outcome::sold_out, Outcome::dead_lettered, Outcome::command_applied}));
  meters.accepted.add();
  meters.gate_refusal(Outcome::sold_out);
  meters.acknowledge_seconds.observe(0.02);
  EXPECT_TRUE(history.seconds(0).empty()) << "the second is not over";
  clock.advance_ms(1'000);
  const auto seconds = history.seconds(0);
  ASSERT_EQ(seconds.size(), 1U);
  EXPECT_EQ(seconds[0].issued, 1U);
  EXPECT_EQ(seconds[0].refused, 1U);
  EXPECT_EQ(seconds[0].dead_lettered, 1U);
  EXPECT_EQ(seconds[0].other, 1U);
  EXPECT_EQ(seconds[0].accepted, 1U);
  EXPECT_EQ(seconds[0].gate_refused, 1U);
  EXPECT_NEAR(*seconds[0].decided.percentile_ms(0.5), 100, 20);
  EXPECT_NEAR(*seconds[0].acknowledged.percentile_ms(0.5), 20, 4);
  clock.advance_ms(1'000);
  EXPECT_EQ(history.seconds(seconds[0].second).size(), 1U) << "a quiet second";
  EXPECT_EQ(history.last(10).issued, 1U);
}

TEST_F(LiveHistoryTest, WhatIsOlderThanTheRingIsForgotten) {
  history.apply(batch(0, {Outcome::issued}));
  clock.advance_ms(static_cast<std::int64_t>(history_seconds + 1) * 1'000);
  EXPECT_TRUE(history.seconds(0).empty());
  EXPECT_EQ(issued(), 1U);
}

}  // namespace
}  // namespace openrun::gateway
