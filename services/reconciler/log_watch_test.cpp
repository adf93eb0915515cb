#include "reconciler/log_watch.hpp"

#include <algorithm>
#include <deque>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/clock.hpp>
#include <openrun/ports/testing/recording.hpp>

#include "reconciler/testing/fakes.hpp"

namespace openrun::reconciler {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One partition of results, whose records are all newer than any look-back, and the end of its requests.
class ResultsTopic final : public ports::Log {
 public:
  class Reader final : public ports::LogReader {
   public:
    Reader(ResultsTopic& topic, Offset from) : topic_(topic), next_(from) {}
    Result<ports::LogBatch> poll(std::size_t records_max, std::chrono::milliseconds) override {
      ports::LogBatch batch;
      while (next_.value < topic_.end() && batch.records.size() < records_max) {
        const auto& value = topic_.records[static_cast<std::size_t>(next_.value)];
        batch.records.push_back({Partition{0}, next_, Timestamp{}, "0", value});
        next_ = next_ + 1;
      }
      return batch;
    }
    Result<ports::LogBounds> bounds(std::chrono::milliseconds) override {
      return ports::LogBounds{Offset{0}, Offset{topic_.end()}};
    }
    ports::Headers headers(const ports::LogRecord&) const override { return {}; }
    void wake() override {}

   private:
    ResultsTopic& topic_;
    Offset next_;
  };
  Result<std::unique_ptr<ports::LogReader>> open(ports::Topic, Partition, Offset from) override {
    return std::make_unique<Reader>(*this, from);
  }
  Result<Offset> offset_at(ports::Topic topic, Partition, Timestamp time, std::chrono::milliseconds) override {
    if (is_down) return fail(Error::Kind::unavailable, "no broker");
    if (time < clock.now()) return Offset{0};
    return topic == ports::Topic::requests ? requests_end : Offset{end()};
  }
  Result<std::int32_t> partitions(ports::Topic, std::chrono::milliseconds) override {
    if (is_down) return fail(Error::Kind::unavailable, "no broker");
    return 1;
  }
  [[nodiscard]] std::int64_t end() const { return static_cast<std::int64_t>(records.size()); }

  explicit ResultsTopic(ports::testing::FakeClock& the_clock) : clock(the_clock) {}
  ports::testing::FakeClock& clock;
  std::deque<std::string> records;
  Offset requests_end;
  bool is_down = false;
};

class Rows final : public Coupons {
 public:
  Result<std::vector<CouponSum>> sums(const std::vector<CouponRange>& ranges) override {
    if (is_locked) return fail(Error::Kind::unavailable, "the table is locked");
    std::vector<CouponSum> all;
    for (const CouponRange& range : ranges) {
      CouponSum sum;
      for (const CouponKey key : in(range)) sum = {sum.coupons + 1, add_to_sum(sum.sum, key)};
      all.push_back(sum);
    }
    return all;
  }
  Result<std::vector<CouponKey>> coupons(const CouponRange& range) override { return in(range); }
  Result<std::map<Partition, Offset>> checkpoints() override {
    return std::map<Partition, Offset>{{Partition{0}, next_offset}};
  }
  std::vector<CouponKey> rows;
  Offset next_offset;
  bool is_locked = false;

 private:
  [[nodiscard]] std::vector<CouponKey> in(const CouponRange& range) const {
    std::vector<CouponKey> found;
    std::ranges::copy_if(rows, std::back_inserter(found), [&](const CouponKey& key) {
      return key.sequence >= range.first && key.sequence <= range.last;
    });
    return found;
  }
};

class LogWatchTest : public ::testing::Test {
 protected:
  // A request that was issued: its result is published, and its row stands in the store.
  void issue(std::uint32_t sequence) {
    const Offset offset{sequence - 1};
    wire::ResultBatchBuilder builder(Partition{0}, Epoch{1}, offset);
    issuance::Decision decision;
    decision.offset = offset;
    decision.outcome = issuance::Outcome::issued;
    decision.campaign = CampaignId{7};
    decision.sequence = Sequence{sequence};
    decision.time = clock_.now();
    builder.add(decision, 1, 1, nullptr);
    topic_.records.push_back(builder.finish({}, clock_.now()));
    rows_.rows.push_back({Sequence{sequence}, offset});
    topic_.requests_end = rows_.next_offset = offset + 1;
  }
  void turns(std::int64_t seconds) {
    for (const Timestamp end = clock_.now() + seconds * 1'000; clock_.now() < end;) {
      clock_.advance_ms(std::max<std::int64_t>(watch_.turn(), 1));
    }
  }
  [[nodiscard]] double not_issued() const { return metrics_.value("openrun_acknowledged_not_issued_total"); }

  ports::testing::FakeClock clock_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  ResultsTopic topic_{clock_};
  Rows rows_;
  MissingCoupons missing_{0};
  ToldOffsets told_;
  LogWatch watch_{topic_, rows_, clock_, logger_, metrics_, missing_, told_, 3'600'000};
};

TEST_F(LogWatchTest, TheCounterStandsAtZeroFromTheStartAndWhileAllIsIssued) {
  EXPECT_EQ(not_issued(), 0);
  for (std::uint32_t i = 1; i <= 20; ++i) issue(i);
  turns(5);
  EXPECT_EQ(not_issued(), 0);
  EXPECT_EQ(metrics_.value("openrun_acknowledged_checked_total"), 20);
  EXPECT_EQ(metrics_.value("openrun_acknowledged_behind_records", {{"partition", "0"}}), 0);
  EXPECT_THAT(logger_.lines(), IsEmpty());
}

TEST_F(LogWatchTest, WhatIsReadAndNotYetLookedForIsBehind) {
  const auto behind = [this] { return metrics_.value("openrun_acknowledged_behind_records", {{"partition", "0"}}); };
  issue(1);
  turns(5);
  EXPECT_EQ(behind(), 0);
  rows_.is_locked = true;
  for (std::uint32_t i = 2; i <= 20; ++i) issue(i);
  turns(10);
  EXPECT_EQ(behind(), 19);
  rows_.is_locked = false;
  turns(10);
  EXPECT_EQ(behind(), 0);
  EXPECT_EQ(metrics_.value("openrun_acknowledged_checked_total"), 20);
}

TEST_F(LogWatchTest, ARowThatIsGoneIsCountedAndNamed) {
  for (std::uint32_t i = 1; i <= 5; ++i) issue(i);
  rows_.rows.erase(rows_.rows.begin() + 2);
  turns(5);
  EXPECT_EQ(not_issued(), 1);
  EXPECT_THAT(logger_.lines(), Contains(HasSubstr("error a coupon that was acknowledged is not in the store campaign=7 "
                                                  "sequence=3 partition=0 request_offset=2")));
}

TEST_F(LogWatchTest, AStoreThatWasRestoredIsToldAndItsPartitionLeftAlone) {
  for (std::uint32_t i = 1; i <= 20; ++i) issue(i);
  const auto behind = [this] { return metrics_.value("openrun_store_behind_results", {{"partition", "0"}}); };
  turns(5);
  EXPECT_EQ(behind(), 0);
  const std::vector<CouponKey> all = rows_.rows;
  rows_.rows.resize(4);
  rows_.next_offset = Offset{4};
  LogWatch restarted{topic_, rows_, clock_, logger_, metrics_, missing_, told_, 3'600'000};
  const auto turn_both = [&](std::int64_t seconds) {
    for (const Timestamp end = clock_.now() + seconds * 1'000; clock_.now() < end;) {
      (void)watch_.turn();
      clock_.advance_ms(std::max<std::int64_t>(restarted.turn(), 1));
    }
  };
  turn_both(10);
  EXPECT_GT(behind(), 0);
  EXPECT_EQ(not_issued(), 0);
  EXPECT_THAT(logger_.taken(), Contains(HasSubstr("warning the store stands behind what was told, as after a restore; "
                                                  "this partition is left alone until it has caught up partition=0 "
                                                  "next_offset=4 results_end=20")));
  // The issuer publishes it all once more.
  for (std::size_t i = 4; i < all.size(); ++i) topic_.records.push_back(topic_.records[i]);
  rows_.rows = all;
  rows_.next_offset = Offset{20};
  turn_both(10);
  EXPECT_EQ(behind(), 0);
  EXPECT_EQ(not_issued(), 0);
  EXPECT_THAT(logger_.taken(), Contains(HasSubstr("info the store has caught up with what was told partition=0")));
}

TEST_F(LogWatchTest, ARecordThatIsNoResultIsToldAndPassedOver) {
  topic_.records.emplace_back("\xff\xff no result");
  issue(1);
  turns(5);
  EXPECT_EQ(metrics_.value("openrun_acknowledged_checked_total"), 1);
  EXPECT_THAT(logger_.lines(), Contains(HasSubstr("cannot be read")));
}

TEST_F(LogWatchTest, APartitionThatNobodyDecidesIsTold) {
  issue(1);
  turns(5);
  topic_.requests_end = Offset{10};
  turns(20);
  EXPECT_GE(metrics_.value("openrun_undecided_seconds", {{"partition", "0"}}), 15);
  EXPECT_THAT(logger_.taken(), Contains(HasSubstr("error nobody decides a partition's records partition=0")));
  rows_.next_offset = Offset{10};
  turns(5);
  EXPECT_EQ(metrics_.value("openrun_undecided_seconds", {{"partition", "0"}}), 0);
  EXPECT_THAT(logger_.taken(), Contains(HasSubstr("info a partition's records are decided again")));
}

TEST_F(LogWatchTest, WithoutABrokerItWaitsAndSaysSoOnce) {
  topic_.is_down = true;
  turns(30);
  EXPECT_EQ(logger_.taken().size(), 1U);
  topic_.is_down = false;
  issue(1);
  turns(10);
  EXPECT_EQ(metrics_.value("openrun_acknowledged_checked_total"), 1);
}

}  // namespace
}  // namespace openrun::reconciler
