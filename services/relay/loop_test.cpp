#include "relay/loop.hpp"

#include <gtest/gtest.h>

#include "relay/testing/world.hpp"

namespace openrun::relay {
namespace {

using namespace testing;

TEST(RelayLoop, ARowThatTheIssuerPublishedIsNotPublishedAgain) {
  World world;
  world.commit(0, 9, true);
  world.run_for(second);
  world.commit(10, 14, true);
  world.run_for(2 * second);
  EXPECT_EQ(world.in_topic(), (std::vector<std::int64_t>{0, 10}));
  EXPECT_EQ(world.saved_cursor, Offset{15});
}

TEST(RelayLoop, AMissingRowIsPublishedAfterItsTimeAndNotBefore) {
  World world;
  world.run_for(second);
  world.commit(0, 9, false);
  world.run_for(190'000);
  EXPECT_EQ(world.times_in_topic(0), 0U);
  world.run_for(250'000);
  EXPECT_EQ(world.times_in_topic(0), 1U);
  world.run_for(2 * second);
  EXPECT_EQ(world.times_in_topic(0), 1U);
  EXPECT_EQ(world.saved_cursor, Offset{10});
}

TEST(RelayLoop, AnOldBacklogIsPublishedInOrder) {
  World world;
  for (std::int64_t i = 0; i < 2'500; ++i) world.commit(i * 10, i * 10 + 9, false);
  world.run_for(5 * second);
  std::vector<std::int64_t> wanted;
  for (std::int64_t i = 0; i < 2'500; ++i) wanted.push_back(i * 10);
  EXPECT_EQ(world.in_topic(), wanted);
  EXPECT_EQ(world.saved_cursor, Offset{25'000});
}

TEST(RelayLoop, OnlyTheRowsThatAreMissingBetweenOthersAreFilled) {
  World world;
  world.commit(0, 0, true);
  world.commit(1, 1, false);
  world.commit(2, 2, true);
  world.commit(3, 3, false);
  world.run_for(3 * second);
  EXPECT_EQ(world.in_topic(), (std::vector<std::int64_t>{0, 2, 1, 3}));
  EXPECT_EQ(world.loop->status().filled, 2U);
  EXPECT_EQ(world.saved_cursor, Offset{4});
}

TEST(RelayLoop, ResultsThatComeTwiceOrBeforeTheirRowIsSeenAreUnderstood) {
  World world;
  world.run_for(second);
  world.topic.push_back({Offset{0}, Offset{4}});
  world.topic.push_back({Offset{0}, Offset{4}});
  world.run_for(50'000);
  world.outbox.push_back({Offset{0}, Offset{4}});
  world.run_for(2 * second);
  EXPECT_EQ(world.topic.size(), 2U);
  EXPECT_EQ(world.saved_cursor, Offset{5});
}

TEST(RelayLoop, AFailedOrUnknownPublicationIsMadeAgain) {
  World world;
  world.commit(0, 4, false);
  world.commit(5, 9, false);
  world.fates = {Fate::failed, Fate::unknown};
  world.run_for(3 * second);
  EXPECT_GE(world.times_in_topic(0), 1U);
  EXPECT_GE(world.times_in_topic(5), 1U);
  EXPECT_EQ(world.saved_cursor, Offset{10});
}

TEST(RelayLoop, WithAsManyOnTheirWayAsMayBeItWaitsInsteadOfSpinning) {
  World world;
  for (std::int64_t first = 0; first < 40; ++first) world.commit(first, first, false);
  world.deliveries_withheld = true;
  world.run_for(1'000'000);
  std::size_t actions = 0;
  for (const std::int64_t end = world.now_us + 1'000'000; world.now_us < end; ++actions) world.step(end);
  EXPECT_LT(actions, 100U) << "a second is ten scans of the outbox and what stands between them";
  world.deliveries_withheld = false;
  world.run_for(1'000'000);
  EXPECT_EQ(world.in_topic().size(), 40U);
}

TEST(RelayLoop, ACrashAtAnyStepSkipsNothing) {
  for (std::int64_t crash_after_us = 0; crash_after_us < 600'000; crash_after_us += 7'000) {
    World world;
    world.commit(0, 4, true);
    world.commit(5, 9, false);
    world.commit(10, 19, false);
    world.run_for(crash_after_us);
    world.restart();
    world.commit(20, 24, false);
    world.run_for(4 * second);
    for (const std::int64_t first : {0, 5, 10, 20})
      EXPECT_GE(world.times_in_topic(first), 1U) << crash_after_us << " " << first;
    EXPECT_EQ(world.saved_cursor, Offset{25});
  }
}

TEST(RelayLoop, WaitsForTheStoreAndThenCatchesUp) {
  World world;
  world.store_down = true;
  world.commit(0, 4, false);
  world.run_for(10 * second);
  EXPECT_EQ(world.topic.size(), 0U);
  EXPECT_FALSE(world.loop->status().trouble.empty());
  world.store_down = false;
  world.run_for(5 * second);
  EXPECT_EQ(world.times_in_topic(0), 1U);
  EXPECT_TRUE(world.loop->status().trouble.empty());
}

// The log is decided again from 10 on, in other batches, and the issuer's publication of the second one fails.
TEST(RelayLoop, ForgetsWhatItKnewOfAStoreThatWasRestoredToAnEarlierMoment) {
  World world;
  world.commit(0, 9, true);
  world.run_for(3 * second);
  ASSERT_EQ(world.saved_cursor, Offset{10});
  const std::vector<World::Row> backup = world.outbox;
  for (const std::int64_t first : {10, 20, 30}) world.commit(first, first + 9, true);
  world.run_for(3 * second);
  ASSERT_EQ(world.saved_cursor, Offset{40});
  world.outbox = backup;
  world.saved_cursor = Offset{10};
  world.run_for(3 * second);
  EXPECT_EQ(world.saved_cursor, Offset{10}) << "not beyond what is committed now";
  world.commit(10, 24, true);
  world.commit(25, 39, false);
  world.run_for(5 * second);
  EXPECT_EQ(world.times_in_topic(25), 1U);
  EXPECT_EQ(world.saved_cursor, Offset{40});
  EXPECT_TRUE(world.loop->status().trouble.empty());
}

TEST(RelayLoop, DeadLettersOfAStoreThatWasRestoredAreExportedAgain) {
  World world;
  world.commit(0, 9, true);
  world.dead_letter(1, 5);
  world.run_for(3 * second);
  ASSERT_EQ(world.marked.size(), 1U);
  world.deliveries_withheld = true;
  world.dead_letter(2, 6);
  world.run_for(3 * second);
  world.outbox.clear();
  world.saved_cursor = Offset{0};
  world.run_for(3 * second);
  world.deliveries_withheld = false;
  world.commit(0, 9, true);
  world.run_for(3 * second);
  EXPECT_EQ(std::ranges::count(world.exported, 2), 2) << "nobody knows whether the first is of the same letter";
  EXPECT_EQ(std::ranges::count(world.marked, 2), 1);
}

TEST(RelayLoop, ATailThatFellOutOfTheTopicIsOpenedAgain) {
  World world;
  world.run_for(second);
  world.tail_lost = true;
  world.commit(0, 4, false);
  world.run_for(4 * second);
  EXPECT_EQ(world.times_in_topic(0), 1U);
}

TEST(RelayLoop, DeadLettersAreExportedOnceAndMarkedAfterTheirAcknowledgement) {
  World world;
  world.dead_letter(1, 3);
  world.dead_letter(2, 4);
  world.run_for(5 * second);
  EXPECT_EQ(world.exported, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(world.marked, (std::vector<std::int64_t>{1, 2}));
}

TEST(RelayLoop, ADeadLetterWhosePublicationFailedIsExportedLater) {
  World world;
  world.fates = {Fate::failed};
  world.dead_letter(1, 3);
  world.run_for(5 * second);
  EXPECT_EQ(world.exported, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(world.marked, (std::vector<std::int64_t>{1}));
}

TEST(RelayLoop, WhatIsLeftToSaveIsSavedAtAnOrderlyStop) {
  World world;
  world.run_for(second + 500'000);
  world.commit(0, 9, true);
  world.run_for(150'000);
  if (world.saved_cursor < Offset{10}) {
    const auto action = world.loop->last_words();
    ASSERT_TRUE(action.has_value());
    EXPECT_EQ(std::get<SaveCursor>(*action).cursor, Offset{10});
  }
  world.run_for(3 * second);
  EXPECT_FALSE(world.loop->last_words().has_value());
}

TEST(RelayLoop, AStandbyFillsWhatTheOwnerLeavesAndNothingElse) {
  World world;
  world.owner = false;
  world.restart();
  world.commit(0, 9, false);
  world.dead_letter(1, 3);
  world.run_for(2 * second);
  EXPECT_EQ(world.times_in_topic(0), 0U);
  world.run_for(2 * second);
  EXPECT_EQ(world.times_in_topic(0), 1U);
  world.run_for(70 * second);
  EXPECT_EQ(world.saved_cursor, Offset{0});
  EXPECT_TRUE(world.exported.empty());
  EXPECT_EQ(world.pruned_calls, 0U);
}

TEST(RelayLoop, AStandbyThatBecomesTheOwnerGoesOnFromWhatItKnows) {
  World world;
  world.owner = false;
  world.restart();
  world.commit(0, 9, true);
  world.run_for(second);
  world.dead_letter(1, 3);
  world.loop->set_owner(true);
  world.run_for(2 * second);
  EXPECT_EQ(world.saved_cursor, Offset{10});
  EXPECT_EQ(world.exported, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(world.topic.size(), 1U);
}

TEST(RelayLoop, OldRowsArePrunedNowAndThen) {
  World world;
  world.run_for(130 * second);
  EXPECT_GE(world.pruned_calls, 2U);
  EXPECT_LE(world.pruned_calls, 4U);
}

TEST(RelayLoop, ProgressMovesWhileNothingIsMissingAndWhileRowsArePublished) {
  World world;
  world.run_for(20'000'000);
  EXPECT_LE(world.now_us - world.loop->status().progress_us, 1'000'000);
  world.commit(0, 9, false);
  world.run_for(5'000'000);
  EXPECT_LE(world.now_us - world.loop->status().progress_us, 1'000'000);
}

// Ready, and publishing nothing: nobody would ever look at it.
TEST(RelayLoop, ProgressStandsStillWhileRowsWaitAndNoneIsPublished) {
  World world;
  world.run_for(2'000'000);
  world.commit(0, 9, false);
  world.swallow = true;
  world.run_for(20'000'000);
  EXPECT_EQ(world.loop->status().backlog, 1U);
  EXPECT_GE(world.now_us - world.loop->status().progress_us, 15'000'000);
}

}  // namespace
}  // namespace openrun::relay
