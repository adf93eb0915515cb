#include "gateway/waits/lanes.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

constexpr Partition p{0};
constexpr std::size_t a_turn = Lane::answers_a_turn_max;

// Runs one turn at a time: what is posted in it waits for the next.
class SlowThread final : public ports::IoThread {
 public:
  [[nodiscard]] std::size_t index() const override { return 0; }
  [[nodiscard]] std::size_t awake_connections() const override { return awake; }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  void after(std::int64_t delay_ms, std::function<void()> work) override {
    delays_ms.push_back(delay_ms);
    timers.push_back(std::move(work));
  }
  // False where nothing was to do.
  bool turn() {
    std::deque<std::function<void()>> now;
    now.swap(posted_);
    for (const auto& work : now) work();
    return !now.empty();
  }

  std::size_t awake = 0;
  std::vector<std::int64_t> delays_ms;
  std::vector<std::function<void()>> timers;  // a test runs them

 private:
  std::deque<std::function<void()>> posted_;
};

class CountingAppender final : public ports::LogAppender {
 public:
  Result<void> append(Partition partition, std::string_view key, std::string_view value, const ports::Headers& headers,
                      std::uint64_t token) override {
    if (refuses) return fail(Error::Kind::overloaded, "the queue is full");
    tokens.push_back(token);
    texts.push_back(std::to_string(partition.value) + " " + std::string(key) + "=" + std::string(value) +
                    (headers.empty() ? "" : " " + headers.front().second));
    return {};
  }
  void send_now() override { sent_at.push_back(tokens.size()); }
  bool flush(std::chrono::milliseconds) override { return true; }
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override { return {}; }

  std::vector<std::uint64_t> tokens;
  std::vector<std::size_t> sent_at;  // how many had been appended each time
  std::vector<std::string> texts;
  bool refuses = false;
};

struct Told {
  std::size_t stored = 0;
  std::size_t not_stored = 0;
  std::size_t decided = 0;
  std::int64_t stored_us = 0;
  std::int64_t decided_us = 0;
};

class Wish final : public Submission {
 public:
  explicit Wish(Told& told) : told_(told) {}
  void stored(std::unique_ptr<Submission>, Partition, Offset, std::int64_t now_us) override {
    ++told_.stored;
    told_.stored_us = now_us;
  }
  void not_stored(Error::Kind) override { ++told_.not_stored; }
  void decided(const Found&, std::int64_t now_us) override {
    ++told_.decided;
    told_.decided_us = now_us;
  }
  void expired() override {}

 private:
  Told& told_;
};

class LaneTest : public ::testing::Test {
 protected:
  void publish(std::int64_t first, std::int64_t last) {
    wire::ResultBatch batch;
    batch.partition = p;
    batch.first_offset = Offset{first};
    batch.last_offset = Offset{last};
    for (std::int64_t offset = first; offset <= last; ++offset) {
      batch.entries.push_back({Offset{offset}, issuance::Outcome::sold_out, 1, CampaignId{1}, {}, {}, 0});
    }
    window.apply(batch, clock.monotonic_us());
    lane.applied(p, Offset{first}, Offset{last});
  }

  void append(std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) {
      lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
    }
  }
  // So many calls come for so many partitions in turn, and are over.
  void meet(std::int32_t partitions, std::size_t calls) {
    io.awake = 1'000'000;
    appender.refuses = true;
    for (std::size_t i = 0; i < calls; ++i) {
      const Partition partition{static_cast<std::int32_t>(i) % partitions};
      lane.append(appender, partition, "1", "v", std::nullopt, std::make_unique<Wish>(told));
    }
    for (std::size_t i = 0; i < io.timers.size(); ++i) io.timers[i]();
    appender.refuses = false;
    appender.sent_at.clear();
    io.timers.clear();
    io.delays_ms.clear();
    clock.advance_ms(1);
  }
  // So many wait for their outcome, and the timers are those of what comes next.
  void hold(std::size_t waits) {
    for (std::size_t i = 0; i < waits; ++i) {
      lane.hold(p, Offset{static_cast<std::int64_t>(i)}, 1, std::make_unique<Wish>(told), clock.monotonic_us(),
                clock.monotonic_us() + 10'000'000);
    }
    io.timers.clear();
    io.delays_ms.clear();
  }

  testing::FakeClock clock;
  ResultsWindow window{1'024};
  SlowThread io;
  Lane lane{io, window, clock};
  CountingAppender appender;
  Told told;
};

TEST_F(LaneTest, ATurnTellsSoManyDeliveriesAndTheNextTurnsTheRest) {
  const std::size_t all = 2 * a_turn + 3;
  for (std::size_t i = 0; i < all; ++i) lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
  std::vector<ports::Delivery> deliveries;
  for (const std::uint64_t token : appender.tokens) {
    deliveries.push_back({.token = token, .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}});
  }
  lane.deliver({deliveries.data(), all - 1});
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored, a_turn);
  lane.deliver({&deliveries.back(), 1});  // comes while the others are told
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored, 2 * a_turn);
  EXPECT_EQ(lane.pending(), 3);
  while (io.turn()) continue;
  EXPECT_EQ(told.stored, all);
  lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
  const ports::Delivery late{
      .token = appender.tokens.back(), .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}};
  lane.deliver({&late, 1});
  EXPECT_TRUE(io.turn()) << "it is posted again";
  EXPECT_EQ(told.stored, all + 1);
}

TEST_F(LaneTest, ATurnTellsSoManyOutcomesAndTheNextTurnsTheRest) {
  const std::size_t all = 2 * a_turn + 3;
  for (std::size_t i = 0; i < all; ++i) {
    lane.hold(p, Offset{static_cast<std::int64_t>(i)}, 1, std::make_unique<Wish>(told), clock.monotonic_us(),
              clock.monotonic_us() + 10'000'000);
  }
  publish(0, static_cast<std::int64_t>(a_turn));
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn);
  publish(static_cast<std::int64_t>(a_turn) + 1, static_cast<std::int64_t>(all) - 1);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn + 1) << "what was begun comes first";
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, 2 * a_turn + 1);
  while (io.turn()) continue;
  EXPECT_EQ(told.decided, all);
}

TEST_F(LaneTest, WhoIsToldHearsTheTimeOfTheTurn) {
  append(1);
  const ports::Delivery delivery{
      .token = appender.tokens.front(), .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}};
  lane.deliver({&delivery, 1});
  clock.advance_ms(30);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored_us, clock.monotonic_us());
  hold(1);
  publish(0, 0);
  clock.advance_ms(30);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided_us, clock.monotonic_us());
}

TEST_F(LaneTest, HoweverManyWaitATurnHasABound) {
  hold(8 * a_turn);
  publish(0, 8 * a_turn - 1);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn);
}

TEST_F(LaneTest, AnAppendGoesAtOnceWhileFewWait) {
  hold(Lane::group_min - 3);
  append(3);
  EXPECT_EQ(appender.tokens.size(), 3U);
  EXPECT_TRUE(io.timers.empty());
}

TEST_F(LaneTest, NothingIsCollectedForWhenAllWhoAreAwakeHaveCome) {
  io.awake = 5;
  append(4);
  EXPECT_TRUE(appender.sent_at.empty()) << "one may still come";
  append(1);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{5});
}

TEST_F(LaneTest, NorDoesAGroupWaitForMore) {
  io.awake = Lane::group_min + 3;
  append(Lane::group_min + 2);
  EXPECT_TRUE(appender.sent_at.empty());
  EXPECT_EQ(appender.tokens.size(), Lane::group_min) << "two are gathered";
  append(1);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{Lane::group_min + 3});
}

TEST_F(LaneTest, TheAppenderIsNotToldToSendAllTheTime) {
  for (std::size_t call = 1; call <= 3; ++call) {
    io.awake = call;
    append(1);
  }
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{1});
  clock.advance_ms(1);
  io.awake = 4;
  append(1);
  EXPECT_EQ(appender.sent_at, (std::vector<std::size_t>{1, 4}));
}

TEST_F(LaneTest, WhoWaitsForAnOutcomeMayStillCome) {
  io.awake = 5;
  hold(2);
  append(3);
  EXPECT_TRUE(appender.sent_at.empty());
}

TEST_F(LaneTest, CallsWithoutAConnectionLeaveTheAppenderToItself) {
  io.awake = 2;
  append(1);
  EXPECT_TRUE(appender.sent_at.empty());
  append(1);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{2});
  append(3);
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{2});
}

TEST_F(LaneTest, WhereManyWaitAppendsGoInGroupsInTheOrderOfTheCalls) {
  hold(Lane::group_min);
  append(Lane::group_min - 1);
  EXPECT_TRUE(appender.tokens.empty());
  append(1);
  ASSERT_EQ(appender.tokens.size(), Lane::group_min);
  for (std::size_t i = 1; i < appender.tokens.size(); ++i) {
    EXPECT_LT(PendingToken::slot(appender.tokens[i - 1]), PendingToken::slot(appender.tokens[i]));
  }
}

TEST_F(LaneTest, EachAppendOfAGroupGoesAsItWasGiven) {
  hold(Lane::group_min);
  const auto trace = parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  ASSERT_TRUE(trace);
  std::vector<std::string> given;
  for (std::size_t call = 0; call < 3 * Lane::group_min - 1; ++call) {
    const auto partition = static_cast<std::int32_t>(call % 3);
    const std::string key = std::to_string(call * call);
    const std::string value(call % 50, static_cast<char>('a' + call % 26));
    lane.append(appender, Partition{partition}, key, value, call % 7 == 0 ? trace : std::nullopt,
                std::make_unique<Wish>(told));
    given.push_back(std::to_string(partition) + " " + key + "=" + value +
                    (call % 7 == 0 ? " " + to_traceparent(*trace) : ""));
  }
  EXPECT_EQ(appender.texts, given) << "two groups: the second is half of all who wait then";
}

TEST_F(LaneTest, AGroupIsHalfOfAllWhoWait) {
  hold(4 * Lane::group_min);
  std::size_t calls = 0;
  while (appender.tokens.empty() && calls < 4 * Lane::group_min) {
    append(1);
    ++calls;
  }
  EXPECT_EQ(calls, (4 * Lane::group_min + calls) / Lane::groups_under_way);
  EXPECT_EQ(appender.tokens.size(), calls);
}

TEST_F(LaneTest, AGroupForSeveralPartitionsIsAsManyTimesLarger) {
  hold(7);
  meet(4, 8);
  hold(Lane::group_min);
  append(4 * Lane::group_min - 1);
  EXPECT_TRUE(appender.tokens.empty());
  append(1);
  EXPECT_EQ(appender.tokens.size(), 4 * Lane::group_min);
}

TEST_F(LaneTest, MorePartitionsThanAGroupCanServeCountAsSoMany) {
  hold(5 * Lane::partitions_max - 1);
  meet(5 * Lane::partitions_max, 5 * Lane::partitions_max);
  append(1);
  EXPECT_TRUE(appender.tokens.empty()) << "more than few_a_partition of each that counts";
  hold(Lane::group_min);
  append(Lane::group_max - 2);
  EXPECT_TRUE(appender.tokens.empty());
  append(1);
  EXPECT_EQ(appender.tokens.size(), Lane::group_max);
}

TEST_F(LaneTest, OfSeveralPartitionsFewAreGatheredToo) {
  hold(2 * Lane::few_a_partition);
  meet(2, 2 * Lane::few_a_partition + 1);
  append(1);
  EXPECT_TRUE(appender.tokens.empty());
  ASSERT_EQ(io.delays_ms, std::vector{Lane::group_quiet_ms});
  append(1);
  io.timers[0]();
  EXPECT_TRUE(appender.tokens.empty()) << "one more came";
  append(1);
  io.timers[1]();
  EXPECT_EQ(appender.tokens.size(), 3U) << "however many still come";
  EXPECT_EQ(appender.sent_at, std::vector<std::size_t>{3}) << "and the appender collects no longer";
}

TEST_F(LaneTest, OfSeveralPartitionsVeryFewGoAtOnce) {
  hold(2 * Lane::few_a_partition - 1);
  meet(2, 2 * Lane::few_a_partition);
  append(1);
  EXPECT_EQ(appender.tokens.size(), 1U);
}

TEST_F(LaneTest, OnePartitionAgainIsToldFromSeveralAfterARound) {
  hold(2 * Lane::few_a_partition);
  meet(2, 2 * Lane::few_a_partition + 1);
  meet(1, 2 * Lane::few_a_partition + 1);
  append(1);
  EXPECT_EQ(appender.tokens.size(), 1U);
}

TEST_F(LaneTest, AGroupHasABound) {
  hold(9 * Lane::group_max);
  append(Lane::group_max);
  EXPECT_EQ(appender.tokens.size(), Lane::group_max);
}

TEST_F(LaneTest, AGroupGoesWhenNobodyComesAnyMore) {
  hold(Lane::group_min);
  append(2);
  ASSERT_EQ(io.delays_ms, std::vector{Lane::group_quiet_ms});
  io.timers[0]();
  EXPECT_TRUE(appender.tokens.empty()) << "a second one came after the first";
  ASSERT_EQ(io.timers.size(), 2U);
  io.timers[1]();
  EXPECT_EQ(appender.tokens.size(), 2U);
  EXPECT_EQ(io.timers.size(), 2U);
}

TEST_F(LaneTest, AGroupThatGrowsSlowlyGoesAfterAWhile) {
  hold(Lane::group_min);
  append(1);
  for (std::size_t look = 0; look < Lane::group_quiet_looks; ++look) {
    EXPECT_TRUE(appender.tokens.empty());
    append(1);
    ASSERT_EQ(io.timers.size(), look + 1);
    io.timers[look]();
  }
  EXPECT_EQ(appender.tokens.size(), Lane::group_quiet_looks + 1U);
}

TEST_F(LaneTest, TheTimerOfAGroupThatWentLeavesTheNextOneAlone) {
  hold(Lane::group_min);
  append(Lane::group_min + 1);
  ASSERT_EQ(io.timers.size(), 2U);
  io.timers[0]();
  EXPECT_EQ(appender.tokens.size(), Lane::group_min) << "one of the next group waits";
  io.timers[1]();
  EXPECT_EQ(appender.tokens.size(), Lane::group_min + 1);
}

TEST_F(LaneTest, WhoIsReleasedGathersNothing) {
  hold(2 * Lane::group_min);
  append(Lane::group_min + 2);
  lane.release();
  EXPECT_EQ(appender.tokens.size(), Lane::group_min + 2);
  append(1);
  EXPECT_EQ(appender.tokens.size(), Lane::group_min + 3) << "although so many have no delivery yet";
}

TEST_F(LaneTest, WhoIsRefusedWithItsGroupIsTold) {
  hold(Lane::group_min);
  append(Lane::group_min - 1);
  appender.refuses = true;
  append(1);
  EXPECT_EQ(told.not_stored, Lane::group_min);
  EXPECT_EQ(lane.pending(), 0);
}

}  // namespace
}  // namespace openrun::gateway
