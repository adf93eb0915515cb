#include "gateway/results/store_watch.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/recording.hpp>

#include "gateway/readiness.hpp"
#include "gateway/testing/fakes.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using ::testing::HasSubstr;

wire::ResultBatch batch(Partition partition, std::int64_t first, std::int64_t last,
                        issuance::Outcome outcome = issuance::Outcome::sold_out) {
  wire::ResultBatch batch;
  batch.partition = partition;
  batch.first_offset = Offset{first};
  batch.last_offset = Offset{last};
  for (std::int64_t offset = first; offset <= last; ++offset) {
    wire::OutcomeEntry entry;
    entry.offset = Offset{offset};
    entry.outcome = outcome;
    batch.entries.push_back(entry);
  }
  return batch;
}

class StoreWatchTest : public ::testing::Test {
 protected:
  void decided(std::int32_t partition, std::int64_t next_offset) {
    database_.progress[Partition{partition}].next_offset = Offset{next_offset};
  }
  void published(std::int32_t partition, std::int64_t first, std::int64_t last,
                 issuance::Outcome outcome = issuance::Outcome::sold_out) {
    window_.apply(batch(Partition{partition}, first, last, outcome), 0);
  }
  void look(bool is_read_back = true) { watch_.look(store_, 3, is_read_back); }
  [[nodiscard]] double behind(std::int32_t partition) {
    return metrics_.value("openrun_store_behind_results", {{"partition", std::to_string(partition)}});
  }

  FakeDatabase database_;
  FakeGatewayStore store_{database_};
  ResultsWindow window_{1'024};
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  StoreWatch watch_{window_, logger_, metrics_};
};

TEST_F(StoreWatchTest, NothingIsKnownBeforeTheFirstLook) {
  EXPECT_TRUE(watch_.fits());
  watch_.begin();
  EXPECT_FALSE(watch_.fits());
  EXPECT_THAT(watch_.trouble(), HasSubstr("not compared"));
  database_.down = true;
  look();
  EXPECT_FALSE(watch_.fits()) << "nobody has said so";
  database_.down = false;
  look();
  EXPECT_TRUE(watch_.fits()) << "a log without any result, and a store without any decision";
  EXPECT_EQ(watch_.trouble(), "");
}

TEST_F(StoreWatchTest, AStoreBeyondTheResultsFits) {
  decided(0, 10);
  published(0, 7, 9);
  decided(1, 50);
  published(1, 40, 44);  // the rest is not published yet
  decided(2, 5);         // and here nothing is retained
  watch_.begin();
  look();
  EXPECT_TRUE(watch_.fits()) << watch_.trouble();
}

TEST_F(StoreWatchTest, OneOutcomeThatTheStoreDoesNotHoldIsEnough) {
  decided(0, 10);
  published(0, 0, 9);
  decided(1, 9);
  published(1, 0, 9, issuance::Outcome::dead_lettered);
  watch_.begin();
  look();
  EXPECT_FALSE(watch_.fits());
  EXPECT_THAT(watch_.trouble(), HasSubstr("partition 1 at offset 9, its results at 10; waiting for the issuers"));
  EXPECT_EQ(behind(0), 0);
  EXPECT_EQ(behind(1), 1);
}

TEST_F(StoreWatchTest, ItWaitsUntilTheLastOfAllPartitionsHasCaughtUp) {
  watch_.begin();
  for (const std::int32_t partition : {0, 1}) {
    decided(partition, 4);
    published(partition, 0, 9 + partition);
  }
  look();
  EXPECT_THAT(watch_.trouble(), HasSubstr("partition 1 at offset 4, its results at 11, and 1 more partition"));
  // The issuers publish what they decide once more.
  decided(1, 11);
  published(1, 4, 7);
  published(1, 8, 10);
  decided(0, 8);
  published(0, 4, 7);
  look();
  EXPECT_THAT(watch_.trouble(), HasSubstr("partition 0 at offset 8, its results at 10;"));
  decided(0, 10);
  published(0, 4, 7);  // the relay does it too
  look();
  EXPECT_TRUE(watch_.fits());
  EXPECT_EQ(behind(0), 0);
  EXPECT_EQ(logger_.lines_with("error "), 1U) << "once, not with every look";
  EXPECT_EQ(logger_.lines_with("info the store has caught up"), 1U);
}

TEST_F(StoreWatchTest, AStoreThatWasEmptiedIsBehindAsWell) {
  published(2, 100, 109);
  watch_.begin();
  look();
  EXPECT_THAT(watch_.trouble(), HasSubstr("partition 2 at offset 0, its results at 110"));
}

TEST_F(StoreWatchTest, WhatWasNotReadBackYetMayTellMore) {
  watch_.begin();
  decided(0, 5);
  published(0, 0, 3);
  look(false);
  EXPECT_FALSE(watch_.fits());
  published(0, 4, 9);
  look(false);
  EXPECT_THAT(watch_.trouble(), HasSubstr("partition 0 at offset 5"));
  decided(0, 10);
  look(false);
  EXPECT_FALSE(watch_.fits());
  look(true);
  EXPECT_TRUE(watch_.fits());
}

TEST_F(StoreWatchTest, AStoreThatDoesNotAnswerChangesNothing) {
  watch_.begin();
  look();
  database_.down = true;
  published(0, 0, 9);
  look();
  EXPECT_TRUE(watch_.fits());
}

// ---- the whole gateway ----

class RestoredBelow : public ::testing::Test {
 protected:
  bool ready() { return harness_.ask(ports::HttpMethod::get, "/readyz").status() == 200; }

  Harness harness_;
};

TEST_F(RestoredBelow, NobodyIsAnsweredUntilItHasCaughtUp) {
  const std::uint32_t campaign = harness_.create_campaign(10);
  const Partition partition = harness_.database.campaigns.at(CampaignId{campaign}).partition;
  const std::string path = "/v1/campaigns/" + std::to_string(campaign);
  ASSERT_EQ(harness_.ask(ports::HttpMethod::get, path).status(), 200U);
  Offset was;
  {
    const std::lock_guard lock(harness_.database.mutex);
    was = std::exchange(harness_.database.progress[partition].next_offset, Offset{0});
  }
  ASSERT_TRUE(harness_.until([&] { return !harness_.gateway->observe().store_behind.empty(); }));

  const Answer refused = harness_.ask(ports::HttpMethod::get, path);
  EXPECT_EQ(refused.status(), 503U);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(refused.field("code"), "OVERLOADED");
  const Answer readyz = harness_.ask(ports::HttpMethod::get, "/readyz");
  EXPECT_EQ(readyz.status(), 503U);
  EXPECT_THAT(readyz.body(), HasSubstr("waiting for the issuers to catch up"));
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/v1/requests/x").status(), 503U);
  EXPECT_EQ(harness_.ask(ports::HttpMethod::post, path + "/requests", R"({"user_id":"kim"})", json).status(), 503U);
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/livez").status(), 200U);
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/metrics").status(), 200U);
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/admin").status(), 200U);
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/admin/main.js").status(), 200U);
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/v1/operations").status(), 401U)
      << "its own door, and then the token";

  {
    const std::lock_guard lock(harness_.database.mutex);
    harness_.database.progress[partition].next_offset = was;
  }
  EXPECT_TRUE(harness_.until([&] { return ready(); }));
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, path).status(), 200U);
}

TEST_F(RestoredBelow, AGatewayThatStartsIsNotReadyEither) {
  const std::uint32_t campaign = harness_.create_campaign(10);
  const Partition partition = harness_.database.campaigns.at(CampaignId{campaign}).partition;
  {
    const std::lock_guard lock(harness_.database.mutex);
    harness_.database.progress[partition].next_offset = Offset{0};
  }
  harness_.begin_again();
  EXPECT_EQ(harness_.ask(ports::HttpMethod::get, "/v1/campaigns/" + std::to_string(campaign)).status(), 503U)
      << "from the first call on";
  const auto trouble = [&] { return harness_.gateway->observe().store_behind; };
  EXPECT_TRUE(harness_.until([&] { return trouble().find("waiting for the issuers") != std::string::npos; }));
  EXPECT_FALSE(ready());
}

}  // namespace
}  // namespace openrun::gateway
