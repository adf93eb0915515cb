#include "gateway/results/streamed_results.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/ports/testing/recording.hpp>

namespace openrun::gateway {
namespace {

std::string payload_of(std::int64_t offset) {
  wire::ResultBatchBuilder builder(Partition{3}, Epoch{1}, Offset{offset});
  issuance::Decision decision;
  decision.offset = Offset{offset};
  decision.outcome = issuance::Outcome::sold_out;
  decision.campaign = CampaignId{7};
  builder.add(decision, 5, 0, nullptr);
  return builder.finish({}, Timestamp{1});
}

class Streamed : public ::testing::Test {
 protected:
  bool ready_ = true;
  std::vector<Offset> applied_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  StreamedResults streamed_{
      {[this] { return ready_; }, [this](const wire::ResultBatch& batch) { applied_.push_back(batch.first_offset); }},
      logger_,
      metrics_};
};

TEST_F(Streamed, WhatIsHeardIsAppliedAtOnceAndCounted) {
  streamed_.hear(payload_of(41));
  streamed_.hear(payload_of(42));
  EXPECT_EQ(applied_, (std::vector<Offset>{Offset{41}, Offset{42}}));
  EXPECT_EQ(metrics_.value("openrun_results_streamed_total"), 2);
}

TEST_F(Streamed, IsLeftToTheLogUntilThatWasReadToItsEnd) {
  ready_ = false;
  streamed_.hear(payload_of(41));
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(metrics_.value("openrun_results_streamed_total"), 0);
}

TEST_F(Streamed, WhatIsNoBatchIsToldAndNotApplied) {
  streamed_.hear("no batch");
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(logger_.lines_with("no batch of results"), 1U);
}

}  // namespace
}  // namespace openrun::gateway
