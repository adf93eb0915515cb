#include "gateway/results/results_feed.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/ports/stream.hpp>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr auto results = ports::Topic::results;

class Feed : public ::testing::Test {
 protected:
  ~Feed() override { feed.stop(); }

  std::string batch(Partition partition, std::int64_t offset) {
    wire::ResultBatchBuilder builder(partition, Epoch{1}, Offset{offset});
    issuance::Decision decision;
    decision.offset = Offset{offset};
    decision.outcome = issuance::Outcome::sold_out;
    decision.campaign = CampaignId{1};
    builder.add(decision, 1, 0, nullptr);
    return builder.finish({}, clock.now());
  }
  void put(std::int64_t offset, Timestamp time, Partition partition = Partition{0}) {
    (void)log.append(results, partition, time, batch(partition, offset));
  }
  void put_inviting(std::int64_t offset, const std::string& invitation) {
    (void)log.append(results, Partition{0}, clock.now(), batch(Partition{0}, offset),
                     {{std::string(ports::invitation_name), invitation}});
  }
  std::vector<std::string> invitations() {
    std::lock_guard lock(mutex);
    return invited;
  }
  bool until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  bool read(std::int64_t offset, std::int32_t partition = 0) {
    return until([&] {
      std::lock_guard lock(mutex);
      return seen.contains({partition, offset});
    });
  }
  bool was_read(std::int64_t offset) {
    std::lock_guard lock(mutex);
    return seen.contains({0, offset});
  }

  std::mutex mutex;
  std::set<std::pair<std::int32_t, std::int64_t>> seen;
  std::set<std::int64_t> live;
  std::vector<std::string> invited;
  std::atomic<int> frontiers_unknown{0};
  std::atomic<std::int32_t> request_partitions{0};
  FakeClock clock;
  RecordingLogger logger;
  FakeLog log{1};
  Settings settings;
  ResultsFeed feed{log,
                   {[this](const wire::ResultBatch& batch, bool is_live) {
                      std::lock_guard lock(mutex);
                      seen.insert({batch.partition.value, batch.first_offset.value});
                      if (is_live) live.insert(batch.first_offset.value);
                    },
                    [this](Partition) { ++frontiers_unknown; },
                    [this](std::int32_t partitions) { request_partitions = partitions; },
                    {},
                    [this](std::string_view invitation) {
                      std::lock_guard lock(mutex);
                      invited.emplace_back(invitation);
                    }},
                   clock,
                   logger,
                   settings,
                   {milliseconds(2), milliseconds(1'000), milliseconds(100), milliseconds(2), milliseconds(5)}};
};

TEST_F(Feed, ReadsFromTheWindowsAgeOnAndIsReadyAtTheEndSeenAtTheStart) {
  put(0, clock.now() + -700'000);
  put(1, clock.now() + -500'000);
  put(2, clock.now());
  EXPECT_FALSE(feed.ready());
  feed.start();
  ASSERT_TRUE(until([&] { return feed.ready(); }));
  EXPECT_TRUE(read(1));
  EXPECT_FALSE(was_read(0)) << "older than the window";
  put(3, clock.now());
  EXPECT_TRUE(read(3));
  std::lock_guard lock(mutex);
  EXPECT_FALSE(live.contains(1));
  EXPECT_TRUE(live.contains(3));
}

TEST_F(Feed, IsInvitedByTheNewestRecordAndByThoseThatCome) {
  put_inviting(0, "old");
  put_inviting(1, "newest");
  feed.start();
  ASSERT_TRUE(until([&] { return !invitations().empty(); }));
  EXPECT_EQ(invitations(), std::vector<std::string>{"newest"}) << "the issuer of an older one may be gone";
  put(2, clock.now());
  ASSERT_TRUE(read(2));
  put_inviting(3, "next");
  ASSERT_TRUE(until([&] { return invitations().size() == 2; }));
  EXPECT_EQ(invitations().back(), "next");
}

TEST_F(Feed, ReadsFurtherBackWhereTheStoreStandsFurtherBack) {
  // The store was restored; the issuers have begun to publish the same once more.
  put(0, clock.now() + -9'000'000);
  put(7, clock.now() + -8'000'000);
  put(8, clock.now() + -7'000'000);
  put(1, clock.now());
  feed.read_back({{Partition{0}, clock.now() + -8'000'000}});
  feed.start();
  EXPECT_TRUE(read(1));
  EXPECT_TRUE(was_read(7));
  EXPECT_TRUE(was_read(8));
  EXPECT_FALSE(was_read(0)) << "the store had decided it, and more";
}

TEST_F(Feed, ReadsAllOfAPartitionThatTheStoreDoesNotKnow) {
  put(0, clock.now() + -9'000'000);
  put(1, clock.now());
  feed.read_back({{Partition{1}, clock.now()}});
  feed.start();
  EXPECT_TRUE(read(1));
  EXPECT_TRUE(was_read(0));
}

TEST_F(Feed, WithNothingYoungTheLastRecordStillTellsTheFrontier) {
  put(0, clock.now() + -900'000);
  put(1, clock.now() + -800'000);
  feed.start();
  EXPECT_TRUE(read(1));
  EXPECT_FALSE(was_read(0));
}

TEST_F(Feed, AnEmptyPartitionIsReadyAndSaysSo) {
  feed.start();
  EXPECT_TRUE(until([&] { return feed.ready() && frontiers_unknown > 0; }));
}

TEST_F(Feed, ACutBelowTheReaderIsPassedOver) {
  feed.start();
  ASSERT_TRUE(until([&] { return feed.ready(); }));
  log.set_down(true);
  for (std::int64_t offset = 0; offset < 5; ++offset) put(offset, clock.now());
  log.expire(results, Partition{0}, Offset{3});
  log.set_down(false);
  EXPECT_TRUE(read(3));
  EXPECT_TRUE(read(4));
  EXPECT_FALSE(was_read(1));
}

TEST_F(Feed, TheNewestResultMayBeGoneThoughAnOldOneThatCameAgainIsLeft) {
  put(1, clock.now());
  put(0, clock.now());
  log.expire(results, Partition{0}, Offset{1});
  feed.look_for_partitions();
  EXPECT_EQ(frontiers_unknown, 0);
  EXPECT_EQ(feed.step(Partition{0}), milliseconds(0));
  EXPECT_TRUE(was_read(0));
  EXPECT_EQ(frontiers_unknown, 1);
  put(2, clock.now());
  EXPECT_EQ(feed.step(Partition{0}), milliseconds(0));
  EXPECT_EQ(frontiers_unknown, 1) << "what comes afterwards tells it";
  put(3, clock.now());
  put(2, clock.now());
  log.expire(results, Partition{0}, Offset{4});
  EXPECT_EQ(feed.step(Partition{0}), milliseconds(2)) << "cut below the reader";
  EXPECT_EQ(feed.step(Partition{0}), milliseconds(0));
  EXPECT_FALSE(was_read(3));
  EXPECT_EQ(frontiers_unknown, 2);
}

TEST_F(Feed, WhatIsNoBatchIsPassedOver) {
  feed.start();
  (void)log.append(results, Partition{0}, clock.now(), "not a batch");
  (void)log.append(results, Partition{0}, clock.now(), batch(Partition{7}, 1));
  put(2, clock.now());
  EXPECT_TRUE(read(2));
  EXPECT_FALSE(was_read(1));
}

TEST_F(Feed, PartitionsThatAreAddedWhileItRunsAreRead) {
  feed.start();
  ASSERT_TRUE(until([&] { return feed.ready(); }));
  log.set_partitions(3);
  put(9, clock.now(), Partition{2});
  EXPECT_TRUE(read(9, 2));
  EXPECT_TRUE(until([&] { return request_partitions == 3; }));
}

TEST_F(Feed, TheLagIsMeasuredEachSecond) {
  feed.start();
  ASSERT_TRUE(until([&] { return feed.ready(); }));
  log.set_down(true);
  clock.advance_ms(5'000);
  EXPECT_GE(feed.behind_us(), 4'000'000);
  log.set_down(false);
  EXPECT_TRUE(until([&] {
    clock.advance_ms(1);
    return feed.behind_us() < 1'500'000;
  }));
}

TEST_F(Feed, MovesStepByStepForWhoDrivesIt) {
  put(0, clock.now());
  EXPECT_EQ(feed.readers(), 0);
  feed.look_for_partitions();
  ASSERT_EQ(feed.readers(), 1);
  EXPECT_FALSE(was_read(0));
  EXPECT_EQ(feed.step(Partition{0}), milliseconds(0));
  EXPECT_TRUE(was_read(0));
  EXPECT_TRUE(feed.ready());
  log.set_down(true);
  EXPECT_EQ(feed.step(Partition{0}), milliseconds(2)) << "after trouble a pause";
}

}  // namespace
}  // namespace openrun::gateway
