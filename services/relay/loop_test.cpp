#include "relay/loop.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace openrun::relay {
namespace {

using Fate = ports::Delivery::Fate;

// A store and a topic in memory, and the shell's loop around them on simulated time. Failures are planted by name of
// the action.
class World {
 public:
  struct Row {
    Offset first;
    Offset last;
  };

  World() { restart(); }

  // The issuer commits a row; published says whether it also reached the topic.
  void commit(std::int64_t first, std::int64_t last, bool published) {
    outbox.push_back({Offset{first}, Offset{last}});
    if (published) topic.push_back({Offset{first}, Offset{last}});
  }
  void dead_letter(std::int64_t id, std::int64_t offset) {
    ports::ExportedDeadLetter letter;
    letter.id = id;
    letter.row.offset = Offset{offset};
    dead_letters.push_back(letter);
  }
  // A new process: everything in memory is gone, and what was on its way to the broker is lost to it.
  void restart() {
    generation += 1;
    loop.emplace(LoopSettings{}, (generation << 40) + 1);
    loop->set_owner(owner);
    on_their_way.clear();
    position = 0;
  }
  void run_for(std::int64_t duration_us) {
    const std::int64_t end = now_us + duration_us;
    while (now_us < end) step(end);
  }
  void step(std::int64_t end) {
    deliver();
    const Action action = loop->next(now());
    std::visit([&](const auto& a) { perform(a, end); }, action);
    now_us += 10;
  }
  [[nodiscard]] std::vector<std::int64_t> in_topic() const {
    std::vector<std::int64_t> firsts;
    for (const SeenRange& range : topic) firsts.push_back(range.first_offset.value);
    return firsts;
  }
  [[nodiscard]] std::size_t times_in_topic(std::int64_t first) const {
    return static_cast<std::size_t>(std::ranges::count(in_topic(), first));
  }
  [[nodiscard]] Now now() const { return {now_us, Timestamp{1'000'000'000 + now_us / 1'000}}; }

  std::vector<Row> outbox;
  std::vector<SeenRange> topic;
  std::vector<ports::ExportedDeadLetter> dead_letters;
  std::vector<std::int64_t> exported;
  std::vector<std::int64_t> marked;
  Offset saved_cursor;
  std::int64_t now_us = 0;
  std::uint64_t generation = 0;
  bool owner = true;
  std::optional<RelayLoop> loop;
  bool store_down = false;
  std::deque<Fate> fates;  // of the next publications; then stored
  std::int64_t tail_delay_us = 0;
  bool tail_lost = false;
  bool swallow = false;  // publications neither arrive nor fail
  bool deliveries_withheld = false;
  std::size_t pruned_calls = 0;

 private:
  [[nodiscard]] std::unexpected<Error> down() const { return fail(Error::Kind::unavailable, "down"); }
  [[nodiscard]] std::unexpected<Error> restored() const { return fail(Error::Kind::conflict, "an earlier moment"); }
  [[nodiscard]] Offset checkpoint() const { return outbox.empty() ? Offset{0} : outbox.back().last + 1; }

  void deliver() {
    if (deliveries_withheld) return;
    for (const auto& [token, fate] : std::exchange(on_their_way, {})) loop->on_delivery(now(), token, fate);
  }
  Fate next_fate() {
    if (fates.empty()) return Fate::stored;
    const Fate fate = fates.front();
    fates.pop_front();
    return fate;
  }
  void perform(const ReadCursor&, std::int64_t) {
    loop->on_cursor(now(), store_down ? Result<Offset>(down()) : saved_cursor);
  }
  void perform(const ScanEntries& action, std::int64_t) {
    if (store_down) return loop->on_entries(now(), down());
    if (action.from > checkpoint()) return loop->on_entries(now(), restored());
    std::vector<ports::OutboxEntry> entries;
    for (const Row& row : outbox) {
      if (row.first >= action.from && entries.size() < action.limit)
        entries.push_back({row.first, row.last, now().wall});
    }
    loop->on_entries(now(), entries);
  }
  void perform(const OpenTail& action, std::int64_t) {
    position = action.since ? 0 : topic.size();
    loop->on_tail_opened(now(), ports::LogBounds{Offset{static_cast<std::int64_t>(position)},
                                                 Offset{static_cast<std::int64_t>(topic.size())}});
  }
  void perform(const ReadTail& action, std::int64_t end) {
    if (std::exchange(tail_lost, false)) {
      return loop->on_tail(now(), fail(Error::Kind::not_found, "out of range"), Offset{0});
    }
    std::vector<SeenRange> ranges(topic.begin() + static_cast<std::ptrdiff_t>(position), topic.end());
    position = topic.size();
    if (ranges.empty()) now_us = std::min(end, now_us + action.timeout_us);
    loop->on_tail(now(), ranges, Offset{static_cast<std::int64_t>(position)});
  }
  void perform(const FetchPayload& action, std::int64_t) {
    if (store_down) return loop->on_payload(now(), down());
    loop->on_payload(now(), std::to_string(action.first_offset.value));
  }
  void perform(const PublishRow& action, std::int64_t) {
    if (swallow) return;
    const Fate fate = next_fate();
    const Offset first{std::stoll(action.payload)};
    const auto row = std::ranges::find(outbox, first, &Row::first);
    // Of an unknown fate: stored all the same, in the worse case.
    if (fate != Fate::failed) topic.push_back({row->first, row->last});
    on_their_way.emplace_back(action.token, fate);
  }
  void perform(const PublishDeadLetter& action, std::int64_t) {
    const Fate fate = next_fate();
    if (fate != Fate::failed) exported.push_back(action.dead_letter.id);
    on_their_way.emplace_back(action.token, fate);
  }
  void perform(const SaveCursor& action, std::int64_t) {
    if (store_down) return loop->on_done(now(), down());
    if (action.cursor > checkpoint()) return loop->on_done(now(), restored());
    EXPECT_GE(action.cursor, saved_cursor);
    // The order that matters: everything below a cursor that is saved stands in the topic.
    for (const Row& row : outbox) {
      if (row.first < action.cursor) {
        EXPECT_GE(times_in_topic(row.first.value), 1U) << row.first.value;
      }
    }
    saved_cursor = action.cursor;
    loop->on_done(now(), {});
  }
  void perform(const ListDeadLetters&, std::int64_t) {
    if (store_down) return loop->on_dead_letters(now(), down());
    std::vector<ports::ExportedDeadLetter> open;
    for (const auto& letter : dead_letters) {
      if (std::ranges::find(marked, letter.id) == marked.end()) open.push_back(letter);
    }
    loop->on_dead_letters(now(), open);
  }
  void perform(const MarkExported& action, std::int64_t) {
    if (store_down) return loop->on_done(now(), down());
    for (const std::int64_t id : action.ids) {
      EXPECT_NE(std::ranges::find(exported, id), exported.end()) << "marked before it was exported";
      marked.push_back(id);
    }
    loop->on_done(now(), {});
  }
  void perform(const Prune&, std::int64_t) {
    pruned_calls += 1;
    loop->on_pruned(now(), store_down ? Result<std::size_t>(down()) : std::size_t{0});
  }
  void perform(const Pause& action, std::int64_t end) { now_us = std::min(end, now_us + action.duration_us); }

  std::vector<std::pair<std::uint64_t, Fate>> on_their_way;
  std::size_t position = 0;
};

constexpr std::int64_t second = 1'000'000;

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
