#include "gateway/waits/waiters.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

constexpr Partition p{0};
constexpr std::int64_t ms = 1'000;

class Recorder final : public Waiting {
 public:
  Recorder(std::vector<std::string>& told, std::string name) : told_(told), name_(std::move(name)) {}
  void decided(const Found& found, std::int64_t) override {
    told_.push_back(name_ + (found.kind == Found::Kind::mismatch ? " mismatch" : " decided"));
  }
  void expired() override { told_.push_back(name_ + " expired"); }

 private:
  std::vector<std::string>& told_;
  std::string name_;
};

class WaitersTest : public ::testing::Test {
 protected:
  void add(std::int64_t offset, const std::string& name, std::int64_t deadline_us, Partition partition = p,
           std::uint32_t nonce = 1) {
    waiters.add(partition, Offset{offset}, nonce, std::make_unique<Recorder>(told, name), now, deadline_us);
  }
  void apply(std::int64_t first, std::int64_t last, Partition partition = p) {
    wire::ResultBatch batch;
    batch.partition = partition;
    batch.first_offset = Offset{first};
    batch.last_offset = Offset{last};
    for (std::int64_t offset = first; offset <= last; ++offset) {
      batch.entries.push_back({Offset{offset}, issuance::Outcome::sold_out, 1, CampaignId{1}, {}, {}, 0});
    }
    window.apply(batch, now);
    std::size_t all = SIZE_MAX;
    (void)waiters.applied(partition, batch.first_offset, batch.last_offset, now, all);
  }

  std::vector<std::string> told;
  std::int64_t now = 1'000'000;
  ResultsWindow window{64};
  Waiters waiters{window};
};

using Told = std::vector<std::string>;

TEST_F(WaitersTest, ThoseInTheBatchAreToldInOrderOfTheirOffsets) {
  add(7, "seven", now + 1'000 * ms);
  add(3, "three", now + 1'000 * ms);
  add(5, "five", now + 1'000 * ms);
  apply(0, 5);
  EXPECT_EQ(told, (Told{"three decided", "five decided"}));
  EXPECT_EQ(waiters.size(), 1U);
}

TEST_F(WaitersTest, SomeAreToldAndTheRestWhereItWasLeftOff) {
  for (std::int64_t offset = 0; offset < 5; ++offset) add(offset, std::to_string(offset), now + 1'000 * ms);
  add(9, "nine", now + 1'000 * ms);
  wire::ResultBatch batch;
  batch.partition = p;
  batch.last_offset = Offset{6};
  for (std::int64_t offset = 0; offset <= 6; ++offset) {
    batch.entries.push_back({Offset{offset}, issuance::Outcome::sold_out, 1, CampaignId{1}, {}, {}, 0});
  }
  window.apply(batch, now);
  std::size_t left = 3;
  const Offset next = waiters.applied(p, Offset{0}, Offset{6}, now, left);
  EXPECT_EQ(told, (Told{"0 decided", "1 decided", "2 decided"}));
  EXPECT_EQ(next, Offset{3});
  EXPECT_EQ(left, 0U);
  left = 3;
  EXPECT_EQ(waiters.applied(p, next, Offset{6}, now, left), Offset{7}) << "past the last";
  EXPECT_EQ(left, 1U);
  EXPECT_EQ(told, (Told{"0 decided", "1 decided", "2 decided", "3 decided", "4 decided"}));
}

TEST_F(WaitersTest, WhoComesAfterTheOutcomeIsToldAtOnce) {
  apply(0, 5);
  add(3, "late", now + 1'000 * ms);
  add(4, "stranger", now + 1'000 * ms, p, 99);
  EXPECT_EQ(told, (Told{"late decided", "stranger mismatch"}));
  EXPECT_EQ(waiters.size(), 0U);
}

TEST_F(WaitersTest, TwoMayWaitForOneRecord) {
  add(3, "a", now + 1'000 * ms);
  add(3, "b", now + 1'000 * ms);
  apply(3, 3);
  EXPECT_EQ(told.size(), 2U);
  EXPECT_EQ(waiters.size(), 0U);
}

TEST_F(WaitersTest, ABatchOfAnotherPartitionTellsNobody) {
  add(3, "a", now + 1'000 * ms);
  apply(0, 5, Partition{1});
  EXPECT_TRUE(told.empty());
}

TEST_F(WaitersTest, AWaitEndsAtItsDeadlineAndNotBefore) {
  add(3, "a", now + 1'000 * ms);
  now += 999 * ms;
  (void)waiters.tick(now);
  EXPECT_TRUE(told.empty());
  now += 1 * ms + Waiters::step_us;
  (void)waiters.tick(now);
  EXPECT_EQ(told, (Told{"a expired"}));
  apply(0, 5);
  EXPECT_EQ(told.size(), 1U) << "told once";
}

TEST_F(WaitersTest, LongPausesBetweenTicksExpireEverythingDue) {
  for (int i = 0; i < 50; ++i) add(i, std::to_string(i), now + (i + 1) * 1'000 * ms);
  now += 49'500 * ms;
  (void)waiters.tick(now);
  EXPECT_EQ(told.size(), 49U);
  now += 600'000 * ms;
  (void)waiters.tick(now);
  EXPECT_EQ(waiters.size(), 0U);
}

TEST_F(WaitersTest, DecidedWaitsLeaveNothingBehindInTheWheel) {
  for (int round = 0; round < 100; ++round) {
    add(round, "r", now + 2'000 * ms);
    apply(round, round);
    now += 10 * ms;
  }
  now += 10'000 * ms;
  (void)waiters.tick(now);
  EXPECT_EQ(told, Told(100, "r decided"));
}

TEST_F(WaitersTest, AnOutcomeMissingBelowTheFrontierIsNamedAfterItsTime) {
  apply(0, 2);
  add(4, "a", now + 5'000 * ms);
  apply(6, 9);
  now += 100 * ms;
  EXPECT_TRUE(waiters.tick(now).empty());
  now += 150 * ms;
  const auto missing = waiters.tick(now);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].offset, Offset{4});
  apply(3, 5);
  EXPECT_EQ(told, (Told{"a decided"}));
}

TEST_F(WaitersTest, AStrangersRecordIsToldAsAMismatch) {
  add(3, "a", now + 1'000 * ms, p, 99);
  apply(0, 5);
  EXPECT_EQ(told, (Told{"a mismatch"}));
}

TEST_F(WaitersTest, ReleaseEndsAllWaits) {
  add(3, "a", now + 1'000 * ms);
  add(4, "b", now + 2'000 * ms, Partition{1});
  waiters.release();
  EXPECT_EQ(told.size(), 2U);
  EXPECT_EQ(waiters.size(), 0U);
  apply(0, 9);
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(WaitersTest, ADeadlineBetweenTwoStepsIsRoundedUp) {
  add(3, "a", now + 1'025 * ms);
  now += 1'010 * ms;
  (void)waiters.tick(now);
  EXPECT_TRUE(told.empty());
  now += 50 * ms;
  (void)waiters.tick(now);
  EXPECT_EQ(told.size(), 1U);
}

}  // namespace
}  // namespace openrun::gateway
