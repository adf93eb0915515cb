#include "issuer/issuer_spans.hpp"

#include <gtest/gtest.h>

#include <openrun/ports/testing/clock.hpp>
#include <openrun/ports/testing/spans.hpp>

#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using ports::Span;
using ports::testing::attribute;
namespace names = ports::span_names;
using Fate = ports::Delivery::Fate;

constexpr Partition partition{3};
const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TraceContext trace = *parse_traceparent(traceparent);

class IssuerSpansTest : public ::testing::Test {
 protected:
  static BatchFacts facts_of(std::int64_t offset) {
    BatchFacts facts;
    facts.records = 9;
    facts.sampled = {{trace, CampaignId{7}, Offset{offset}, issuance::Outcome::issued, 100}};
    return facts;
  }
  static ports::Delivery delivery(std::uint64_t token, Fate fate) { return {token, fate, partition, Offset{1}}; }

  ports::testing::RecordingSpans sink_;
  ports::testing::FakeClock clock_;
  IssuerSpans spans_{sink_, clock_};
};

TEST_F(IssuerSpansTest, ADecisionHoldsItsCommitAndItsPublication) {
  spans_.committed(partition, facts_of(5), {200, 300});
  spans_.publishing(partition, 5, facts_of(5));
  EXPECT_TRUE(sink_.named(names::publish).empty()) << "not before the log has acknowledged";
  const ports::Delivery stored[] = {delivery(4, Fate::stored), delivery(5, Fate::stored), delivery(5, Fate::stored)};
  spans_.delivered(stored);
  const auto all = sink_.all();
  ASSERT_EQ(all.size(), 3U);
  const Span& decide = all[0];
  EXPECT_EQ(decide.name, names::decide);
  EXPECT_EQ(decide.parent_id, trace.parent_id);
  EXPECT_EQ(decide.begin_ns, 100'000);
  EXPECT_EQ(decide.end_ns, 300'000);
  EXPECT_EQ(attribute(decide, "openrun.batch_size"), ports::SpanValue(std::int64_t{9}));
  EXPECT_EQ(attribute(decide, "openrun.outcome"), ports::SpanValue(std::string_view("ISSUED")));
  EXPECT_EQ(attribute(decide, "openrun.partition"), ports::SpanValue(std::int64_t{3}));
  EXPECT_EQ(attribute(decide, "openrun.offset"), ports::SpanValue(std::int64_t{5}));
  EXPECT_EQ(all[1].name, names::commit);
  EXPECT_EQ(all[1].begin_ns, 200'000);
  EXPECT_EQ(all[2].name, names::publish);
  EXPECT_FALSE(all[2].is_error);
  for (const Span& child : {all[1], all[2]}) EXPECT_EQ(child.parent_id, decide.id);
  for (const Span& span : all) EXPECT_EQ(span.trace_id, trace.trace_id);
}

TEST_F(IssuerSpansTest, APublicationThatFailedIsAnError) {
  spans_.publishing(partition, 5, facts_of(5));
  spans_.publishing(partition, 6, facts_of(6));
  const ports::Delivery failed[] = {delivery(5, Fate::failed)};
  spans_.delivered(failed);
  spans_.not_published(partition, 6);
  ASSERT_EQ(sink_.all().size(), 2U);
  for (const Span& span : sink_.all()) EXPECT_TRUE(span.is_error);
}

TEST_F(IssuerSpansTest, PublicationsThatAreNeverAcknowledgedDoNotPileUp) {
  const auto most = static_cast<std::int64_t>(IssuerSpans::publications_max);
  for (std::int64_t token = 0; token <= most; ++token) {
    spans_.publishing(partition, static_cast<std::uint64_t>(token), facts_of(token));
  }
  spans_.not_published(partition, static_cast<std::uint64_t>(most));
  EXPECT_TRUE(sink_.all().empty());
  spans_.not_published(partition, static_cast<std::uint64_t>(most - 1));
  EXPECT_EQ(sink_.all().size(), 1U);
}

// What the loop keeps for them.

TEST(SampledDecisions, AreThoseWhoseFlagIsSetWhereTheyAreWanted) {
  for (const bool is_wanted : {true, false}) {
    LoopSettings settings;
    settings.keeps_traces = is_wanted;
    Harness harness(settings);
    std::vector<SampledDecision> sampled;
    harness.append(create(1, 10), 0, {{traceparent_name, traceparent}});
    harness.append(request(1, "ann"), 0, {{traceparent_name, traceparent}});
    harness.append(request(1, "bob"), 0, {{traceparent_name, traceparent.substr(0, 53) + "00"}});
    harness.append(request(1, "cid"), 0, {{traceparent_name, "no trace"}});
    harness.on_publish = [&](const Publish& publish) {
      sampled.insert(sampled.end(), publish.facts.sampled.begin(), publish.facts.sampled.end());
    };
    harness.run();
    ASSERT_EQ(sampled.size(), is_wanted ? 2U : 0U);
    if (!is_wanted) continue;
    EXPECT_EQ(sampled[1].trace, trace);
    EXPECT_EQ(sampled[1].offset, Offset{1});
    EXPECT_EQ(sampled[1].campaign, CampaignId{1});
    EXPECT_EQ(sampled[1].outcome, issuance::Outcome::issued);
  }
}

}  // namespace
}  // namespace openrun::issuer
