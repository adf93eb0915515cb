#include "relay/fill_spans.hpp"

#include <string>

#include <gtest/gtest.h>

#include <openrun/ports/testing/clock.hpp>
#include <openrun/ports/testing/spans.hpp>

namespace openrun::relay {
namespace {

namespace names = ports::span_names;
using Fate = ports::Delivery::Fate;

constexpr Partition partition{3};
const TraceContext sampled = *parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
const TraceContext not_sampled = *parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");

// Offsets 5 and 6, each with a trace.
std::string row(const TraceContext& first, const TraceContext& second) {
  wire::ResultBatchBuilder builder(partition, Epoch{1}, Offset{5});
  for (const std::int64_t offset : {5, 6}) {
    issuance::Decision decision;
    decision.offset = Offset{offset};
    decision.outcome = issuance::Outcome::sold_out;
    decision.campaign = CampaignId{7};
    builder.add(decision, 1, 0, nullptr);
    builder.trace(offset == 5 ? first : second);
  }
  return builder.finish({}, Timestamp{1});
}

class FillSpansTest : public ::testing::Test {
 protected:
  ports::testing::RecordingSpans sink_;
  ports::testing::FakeClock clock_;
  FillSpans spans_{partition, sink_, clock_};
};

TEST_F(FillSpansTest, ARowThatWasMissingHasOneForEachSampledOutcome) {
  spans_.publishing(40, row(not_sampled, sampled));
  clock_.advance_ms(2);
  EXPECT_TRUE(sink_.all().empty()) << "not before the log has acknowledged";
  spans_.delivered(39, Fate::stored);
  spans_.delivered(40, Fate::stored);
  spans_.delivered(40, Fate::stored);
  const auto all = sink_.all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].name, names::fill);
  EXPECT_EQ(all[0].trace_id, sampled.trace_id);
  EXPECT_EQ(all[0].parent_id, span_id_of(sampled, names::decide, partition, Offset{6}));
  EXPECT_EQ(all[0].end_ns - all[0].begin_ns, 2'000'000);
  EXPECT_FALSE(all[0].is_error);
}

TEST_F(FillSpansTest, AFailedOneIsAnErrorAndNoRowIsNoReasonForOne) {
  spans_.publishing(40, row(sampled, sampled));
  spans_.publishing(41, row(not_sampled, not_sampled));
  spans_.publishing(42, "no row");
  for (const std::uint64_t token : {40U, 41U, 42U}) spans_.delivered(token, Fate::unknown);
  ASSERT_EQ(sink_.all().size(), 2U);
  for (const ports::Span& span : sink_.all()) EXPECT_TRUE(span.is_error);
}

TEST_F(FillSpansTest, RowsThatAreNeverAcknowledgedDoNotPileUp) {
  for (std::uint64_t token = 0; token <= FillSpans::rows_max; ++token) spans_.publishing(token, row(sampled, sampled));
  spans_.delivered(FillSpans::rows_max, Fate::stored);
  EXPECT_TRUE(sink_.all().empty());
}

}  // namespace
}  // namespace openrun::relay
