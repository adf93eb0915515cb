// Carrying a plan out, and every step of it failing once.
#include "dlq/run.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/clock.hpp>

#include "dlq/testing/dead_letters.hpp"

namespace openrun::dlq {
namespace {

using namespace openrun::testing;
using ::testing::HasSubstr;
using Fate = ports::Delivery::Fate;

class DlqRun : public ::testing::Test {
 protected:
  void fill(std::int64_t letters) {
    for (std::int64_t offset = 0; offset < letters; ++offset) {
      store.add(a_letter(offset, a_request("user-" + std::to_string(offset))));
    }
  }
  Plan plan(const PlanRules& rules = {}) {
    Planner planner({}, rules);
    EXPECT_TRUE(
        each_letter(store, {}, [&](const auto& letter) { planner.consider(letter, value_of(letter, repairs)); }));
    return planner.plan();
  }
  RunReport replay(const Plan& planned, const PlanRules& rules = {}, std::uint32_t per_second = 0) {
    return run_replay(parts(), {log, box, [this] { return ++nonce; }, per_second}, planned, rules, repairs,
                      {"replay", "{}", "kim", planned.letters.size()});
  }
  RunParts parts() {
    return {store, clock,
            [this](std::chrono::milliseconds wait) {
              clock.advance_ms(wait.count());
              waited += wait;
              return stop_after > 0 && log.records.size() >= stop_after;
            },
            [this](const RunReport& report) { told.push_back(report.done); }};
  }

  FakeDeadLetterStore store;
  DeliveryBox box;
  FakeReplayLog log{box};
  ports::testing::FakeClock clock;
  Repairs repairs;
  std::uint32_t nonce = 0;
  std::size_t stop_after = 0;
  std::chrono::milliseconds waited{0};
  std::vector<std::uint64_t> told;
};

TEST_F(DlqRun, TwiceReplaysNothingTwice) {
  fill(1'000);
  const RunReport first = replay(plan());
  EXPECT_TRUE(first.complete()) << first.error;
  EXPECT_EQ(first.done, 1'000U);
  EXPECT_EQ(log.records.size(), 1'000U);
  EXPECT_EQ(told, (std::vector<std::uint64_t>{200, 400, 600, 800, 1'000}));
  EXPECT_EQ(store.finished, 1U);

  const Plan undecided = plan();
  EXPECT_TRUE(undecided.letters.empty()) << "they are in the log";
  EXPECT_EQ(undecided.skipped, (std::map<Skip, std::uint64_t>{{Skip::in_the_log, 1'000}}));
  log.decide(store);
  EXPECT_EQ(plan().skipped, (std::map<Skip, std::uint64_t>{{Skip::resolved, 1'000}}));
  EXPECT_EQ(log.resolved.size(), 1'000U);
  EXPECT_EQ(log.ignored, 0U);
}

TEST_F(DlqRun, SendsEachInItsPartitionUnderItsCampaignInTheOrderOfTheLog) {
  auto other = a_letter(3, a_request("ann", 9));
  other.partition = Partition{2};
  other.id = 5;
  store.add(other);
  store.add(a_letter(8, a_request("bob", 7)));
  store.add(a_letter(4, a_request("cas", 7)));
  EXPECT_TRUE(replay(plan()).complete());
  ASSERT_EQ(log.records.size(), 3U);
  EXPECT_EQ(log.records[0].key, "7");
  EXPECT_EQ(log.records[0].value, replay_record(a_letter(4, a_request("cas", 7)), a_request("cas", 7), 1));
  EXPECT_EQ(log.records[1].value, replay_record(a_letter(8, a_request("bob", 7)), a_request("bob", 7), 2));
  EXPECT_EQ(log.records[2].partition, Partition{2});
  EXPECT_EQ(log.records[2].key, "9");
}

TEST_F(DlqRun, AReplayBelongsToTheTraceOfTheCallThatTheLetterCameFrom) {
  fill(2);
  const ports::Headers traced{{"other", "1"},
                              {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  store.rows.begin()->second.row.headers = traced;
  replay(plan());
  ASSERT_EQ(log.records.size(), 2U);
  EXPECT_EQ(log.records[0].headers, (ports::Headers{traced[1]}));
  EXPECT_TRUE(log.records[1].headers.empty());
}

TEST_F(DlqRun, ARepairedRecordIsSentInsteadOfTheKeptOne) {
  store.add(a_letter(4, "junk", "UNDECODABLE"));
  EXPECT_TRUE(plan().letters.empty());
  repairs[{Partition{0}, Offset{4}}] = a_request("repaired");
  EXPECT_TRUE(replay(plan()).complete());
  ASSERT_EQ(log.records.size(), 1U);
  const auto record = wire::decode(log.records[0].value);
  EXPECT_EQ(std::get<issuance::IssueRequested>(std::get<issuance::Replay>(record->event).original).user, "repaired");
}

TEST_F(DlqRun, WhatChangedSinceThePlanIsLeftOut) {
  fill(3);
  const Plan planned = plan();
  store.rows.at(1'000).discarded_at = Timestamp{1};
  store.rows.at(1'001).final_offset = Offset{99};
  const RunReport report = replay(planned);
  EXPECT_EQ(report.done, 1U);
  EXPECT_EQ(report.left_out, 2U);
  EXPECT_TRUE(report.complete());
}

TEST_F(DlqRun, ARateIsKept) {
  fill(100);
  EXPECT_TRUE(replay(plan(), {}, 50).complete());
  EXPECT_EQ(waited, std::chrono::milliseconds(1'800)) << "ten at a time, the last ten without a wait behind them";
}

TEST_F(DlqRun, AStopEndsItBetweenTwoBatchesAndTheNextRunGoesOn) {
  fill(1'000);
  stop_after = 400;
  const RunReport report = replay(plan());
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.done, 400U);
  EXPECT_EQ(store.finished, 0U);
  stop_after = 0;
  EXPECT_EQ(replay(plan()).done, 600U);
  EXPECT_EQ(log.records.size(), 1'000U);
}

TEST_F(DlqRun, WhatTheLogDidNotTakeIsSentByTheNextRunAndCountsAgainstNoBound) {
  fill(300);
  std::size_t appended = 0;
  log.fate = [&]() -> std::optional<Fate> {
    ++appended;
    if (appended == 10) return Fate::failed;
    if (appended == 20) return Fate::unknown;
    if (appended == 30) return std::nullopt;
    return Fate::stored;
  };
  PlanRules once;
  once.replays_max = 1;
  const RunReport report = replay(plan(once), once);
  EXPECT_THAT(report.error, HasSubstr("run the same command again"));
  EXPECT_EQ(report.done, 27U);
  EXPECT_EQ(report.unknown, 1U);
  EXPECT_EQ(replay(plan(once), once).done, 273U);
  log.decide(store);
  EXPECT_EQ(log.resolved.size(), 300U);
  EXPECT_EQ(log.ignored, 1U) << "the one whose fate was unknown had been stored";
  EXPECT_TRUE(plan().letters.empty());
}

// Whatever call fails first, a second run ends with every origin resolved, once.
TEST_F(DlqRun, AfterAFailureOfAnyStepTheNextRunRepairsIt) {
  for (std::size_t failing = 1; failing < 20; ++failing) {
    store = FakeDeadLetterStore{};
    log.records.clear();
    DeliveryBox fresh_box;
    FakeReplayLog fresh(fresh_box);
    fill(500);
    const Plan planned = plan();
    std::size_t calls = 0;
    store.fault = [&](const std::string&) -> std::optional<Error> {
      if (++calls != failing) return std::nullopt;
      return Error{Error::Kind::unavailable, "the store is away"};
    };
    const auto run = [&](const Plan& what) {
      return run_replay(parts(), {fresh, fresh_box, [this] { return ++nonce; }, 0}, what, {}, {},
                        {"replay", "{}", "kim", 1});
    };
    const RunReport first = run(planned);
    store.fault = nullptr;
    if (failing % 2 == 0) fresh.decide(store);  // the issuer may be faster or slower than the operator
    const RunReport second = run(plan());
    EXPECT_TRUE(second.complete()) << second.error;
    fresh.decide(store);
    EXPECT_EQ(fresh.resolved.size(), 500U) << failing;
    EXPECT_LE(fresh.ignored, batch_letters_max) << failing;
    EXPECT_TRUE(plan().letters.empty()) << failing;
    if (calls < failing) {
      EXPECT_TRUE(first.complete());
      return;
    }
    EXPECT_FALSE(first.complete());
  }
  FAIL() << "there are fewer than 20 steps";
}

TEST_F(DlqRun, AnotherActionAtWorkIsARefusal) {
  fill(1);
  store.fault = [](const std::string& call) -> std::optional<Error> {
    if (call != "begin_action") return std::nullopt;
    return Error{Error::Kind::conflict, "another is at work"};
  };
  const RunReport report = replay(plan());
  EXPECT_EQ(report.error, "another is at work");
  EXPECT_TRUE(log.records.empty());
}

TEST_F(DlqRun, ADiscardGivesUpWhatIsOpen) {
  fill(450);
  PlanRules rules;
  rules.action = DlqAction::discard;
  const Plan planned = plan(rules);
  store.rows.at(1'003).final_offset = Offset{99};
  const RunReport report = run_discard(parts(), planned, {"discard", "{}", "kim", 450});
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.done, 449U);
  EXPECT_EQ(report.left_out, 1U);
  EXPECT_EQ(plan(rules).letters.size(), 0U);
  EXPECT_EQ(plan().skipped.at(Skip::discarded), 449U) << "a replay refuses what was discarded";
}

}  // namespace
}  // namespace openrun::dlq
