#include "issuer/issuer.hpp"

#include <array>
#include <atomic>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/recording.hpp>
#include <openrun/runtime/runtime.hpp>

#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using ::testing::HasSubstr;
constexpr ports::Topic requests = ports::Topic::requests;

constexpr std::array<std::uint8_t, 32> code_key{1, 2, 3};
constexpr std::array<std::uint8_t, 16> hash_key{4, 5, 6};

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class IssuerTest : public ::testing::Test {
 protected:
  IssuerTest() {
    for (const Partition partition : both) {
      log_.append(requests, partition, clock_.now(), create(static_cast<std::uint32_t>(partition.value), 10));
    }
  }
  void assign() { issuer_.callbacks().assigned(both); }
  bool ready() {
    return eventually([&] { return issuer_.not_ready_reason().empty(); });
  }
  // Both partitions know that their first record is decided: nothing that began before moves their clocks of progress.
  bool settled() {
    return eventually([&] {
      return metrics_.value("openrun_issuer_next_offset", {{"partition", "3"}}) == 1 &&
             metrics_.value("openrun_issuer_next_offset", {{"partition", "4"}}) == 1;
    });
  }

  static constexpr std::array<Partition, 2> both{Partition{3}, Partition{4}};
  FakeLog log_;
  FakeDatabase database_;
  FakeAppender results_{log_, ports::Topic::results};
  struct MovableClock : ports::Clock {
    [[nodiscard]] Timestamp now() const override { return real.now(); }
    [[nodiscard]] std::int64_t monotonic_us() const override { return real.monotonic_us() + ahead_us; }
    runtime::SystemClock real;
    std::atomic<std::int64_t> ahead_us = 0;
  };
  MovableClock clock_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  crypto::CouponCodes codes_{code_key};
  crypto::UserHash user_hash_{hash_key};
  Issuer issuer_{WorkerParts{log_, results_, clock_, logger_, metrics_, codes_, user_hash_},
                 [this] { return std::make_unique<FakeStore>(database_); },
                 IssuerSettings{.loop = {}, .fenced_retry = std::chrono::milliseconds(0)}};
};

TEST_F(IssuerTest, AStandbyWithoutPartitionsIsReady) {
  issuer_.callbacks().assigned({});
  EXPECT_EQ(issuer_.not_ready_reason(), "");
}

// Ready, and consuming nothing: nobody would ever look at it.
TEST_F(IssuerTest, IsNotReadyBeforeTheGroupHasAnswered) {
  EXPECT_THAT(issuer_.not_ready_reason(), HasSubstr("the consumer group has not said"));
  assign();
  EXPECT_TRUE(ready());
}

TEST_F(IssuerTest, IsNotReadyWhereTheGroupTookItsPartitionsAndSaysNothingMore) {
  assign();
  ASSERT_TRUE(ready());
  issuer_.callbacks().revoked(both);
  EXPECT_EQ(issuer_.not_ready_reason(), "") << "a rebalance takes a moment";
  clock_.ahead_us = 11'000'000;
  EXPECT_THAT(issuer_.not_ready_reason(), HasSubstr("has not said for 11 s"));
}

TEST_F(IssuerTest, IsNotReadyWhileAReaderBringsNothingThoughRecordsWait) {
  assign();
  ASSERT_TRUE(settled());
  ASSERT_TRUE(ready());
  log_.set_wedge(FakeLog::Wedge::silent);
  log_.append(requests, Partition{3}, clock_.now(), request(3, "ann"));
  clock_.ahead_us = 11'000'000;
  ASSERT_TRUE(eventually([&] { return issuer_.not_ready_reason().find("1 records wait") != std::string::npos; }))
      << issuer_.not_ready_reason();
  EXPECT_THAT(issuer_.not_ready_reason(), HasSubstr("partition 3: nothing was decided for 11 s"));
  ASSERT_TRUE(eventually([&] { return issuer_.not_ready_reason().find("partition 4") == std::string::npos; }));
  issuer_.tick();
  EXPECT_EQ(logger_.count("nothing is decided though records may wait"), 1U);
  EXPECT_GE(metrics_.value("openrun_issuer_no_progress_seconds", {{"partition", "3"}}), 10);
  log_.set_wedge(FakeLog::Wedge::none);
  EXPECT_TRUE(ready());
  issuer_.tick();
  EXPECT_EQ(logger_.count("records are decided again"), 1U);
}

TEST_F(IssuerTest, IsNotReadyWhileAReaderDoesNotReturn) {
  assign();
  ASSERT_TRUE(settled());
  ASSERT_TRUE(ready());
  log_.set_wedge(FakeLog::Wedge::stuck);
  ASSERT_TRUE(eventually([&] { return log_.stuck() == 2; }));
  clock_.ahead_us = 11'000'000;
  EXPECT_TRUE(eventually([&] { return issuer_.not_ready_reason().find("the log says nothing") != std::string::npos; }))
      << issuer_.not_ready_reason();
  log_.set_wedge(FakeLog::Wedge::none);
  EXPECT_TRUE(ready());
}

TEST_F(IssuerTest, DecidesEveryAssignedPartitionAndNoneAfterItsRevocation) {
  assign();
  for (const Partition partition : both) EXPECT_TRUE(database_.wait_for_next_offset(partition, Offset{1}));
  ASSERT_TRUE(ready());
  const std::array<Partition, 1> gone{Partition{3}};
  issuer_.callbacks().revoked(gone);
  for (const Partition partition : both) {
    log_.append(requests, partition, clock_.now(), request(static_cast<std::uint32_t>(partition.value), "ann"));
  }
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{4}, Offset{2}));
  EXPECT_EQ(database_.state(Partition{3}).next_offset, Offset{1});
}

TEST_F(IssuerTest, APartitionThatIsAssignedAgainIsTakenOverAgain) {
  assign();
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{3}, Offset{1}));
  issuer_.callbacks().lost(both);
  assign();
  log_.append(requests, Partition{3}, clock_.now(), request(3, "ann"));
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{3}, Offset{2}));
}

TEST_F(IssuerTest, SaysWhyItIsNotReadyAndStaysUp) {
  assign();
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{3}, Offset{1}));
  log_.expire(requests, Partition{3}, Offset{50});
  ASSERT_TRUE(eventually([&] { return issuer_.not_ready_reason().find("LOG_LOST") != std::string::npos; }));
  EXPECT_THAT(issuer_.not_ready_reason(), HasSubstr("docs/runbooks/log-lost.md"));
  issuer_.tick();
  log_.append(requests, Partition{4}, clock_.now(), request(4, "ann"));
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{4}, Offset{2})) << "the other partitions go on";
}

// A slow takeover by a former owner fences the rightful one, which nobody will assign the partition to again.
TEST_F(IssuerTest, AFencedPartitionThatStaysAssignedIsTakenOverAgain) {
  assign();
  ASSERT_TRUE(ready());
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{3}, Offset{1}));
  (void)database_.take_over(Partition{3});
  log_.append(requests, Partition{3}, clock_.now(), request(3, "ann"));
  ASSERT_TRUE(eventually([&] { return issuer_.not_ready_reason().find("FENCED") != std::string::npos; }));
  issuer_.tick();
  EXPECT_TRUE(database_.wait_for_next_offset(Partition{3}, Offset{2}));
  EXPECT_TRUE(ready());
}

TEST_F(IssuerTest, StopsTwice) {
  assign();
  issuer_.stop();
  issuer_.stop();
  EXPECT_EQ(issuer_.not_ready_reason(), "");
}

}  // namespace
}  // namespace openrun::issuer
