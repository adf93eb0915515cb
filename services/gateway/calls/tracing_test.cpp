// The spans of calls, against a whole gateway over fakes.
#include "gateway/calls/tracing.hpp"

#include <gtest/gtest.h>

#include <openrun/ports/testing/spans.hpp>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using ports::Span;
using ports::testing::attribute;
using ports::testing::RecordingSpans;
using enum ports::HttpMethod;
namespace names = ports::span_names;

const HeaderList waited = with(json, "Prefer", "wait=10");
const std::string sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string not_sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

Settings with_ratio(double ratio) {
  Settings settings = Harness::test_settings();
  settings.trace_sample_ratio = ratio;
  return settings;
}

class Spans : public ::testing::Test {
 protected:
  explicit Spans(double ratio = 1) : harness_(with_ratio(ratio)) {
    harness_.span_sink = &spans_;
    harness_.restart();
    harness_.until([this] { return harness_.gateway->observe().results_ready; });
    campaign_ = harness_.create_campaign(5);
  }
  [[nodiscard]] Span only(std::string_view name) const {
    const auto some = spans_.named(name);
    EXPECT_EQ(some.size(), 1U) << name;
    return some.empty() ? Span{} : some.front();
  }
  // The record that was acknowledged last.
  [[nodiscard]] TraceContext record() const {
    const auto& appended = harness_.undecided.begin()->second.back();
    return parse_traceparent(ports::header(appended.headers, traceparent_name)).value_or(TraceContext{});
  }

  RecordingSpans spans_;
  Harness harness_;
  std::uint32_t campaign_ = 0;
};
class NoneAreSampled : public Spans {
 protected:
  NoneAreSampled() : Spans(0) {}
};

TEST_F(Spans, OfAWaitedRequestAreOneTreeWithTheIssuersDecisionInIt) {
  const Answer answer = harness_.request(campaign_, "ann", waited);
  harness_.acknowledge();
  const TraceContext in_log = record();
  harness_.decide();
  harness_.until([&] { return answer.arrived(); });
  ASSERT_EQ(answer.status(), 201U);
  const Span call = only(names::submit);
  const Span append = only(names::append);
  const Span told = only(names::answer);
  EXPECT_EQ(spans_.all().size(), 3U);
  EXPECT_EQ(call.parent_id, SpanId{}) << "the trace begins here";
  EXPECT_EQ(call.kind, ports::SpanKind::server);
  EXPECT_EQ(append.parent_id, call.id);
  EXPECT_EQ(in_log.parent_id, append.id) << "whoever decides the record hangs on the append";
  EXPECT_TRUE(in_log.is_sampled());
  const auto offset = std::get<std::int64_t>(*attribute(append, "openrun.offset"));
  EXPECT_EQ(told.parent_id, span_id_of(in_log, names::decide, Partition{0}, Offset{offset}));
  for (const Span& span : {call, append, told}) {
    EXPECT_EQ(span.trace_id, in_log.trace_id);
    EXPECT_LE(span.begin_ns, span.end_ns);
    EXPECT_FALSE(span.is_error);
  }
  EXPECT_EQ(attribute(call, "openrun.result"), ports::SpanValue(std::string_view("decided")));
  EXPECT_EQ(attribute(told, "openrun.outcome"), ports::SpanValue(std::string_view("ISSUED")));
}

TEST_F(Spans, OfASubmitAndItsPollsEndWithTheOneThatGotTheOutcome) {
  const Answer submitted = harness_.request(campaign_, "ann");
  harness_.acknowledge();
  const TraceContext in_log = record();
  const std::string url = "/v1/requests/" + submitted.field("receipt");
  EXPECT_EQ(harness_.ask(get, url).field("status"), "waiting");
  harness_.decide();
  ASSERT_TRUE(harness_.settled());
  EXPECT_EQ(harness_.ask(get, url).field("status"), "issued");
  EXPECT_EQ(harness_.ask(get, url).field("status"), "issued");
  EXPECT_EQ(attribute(only(names::submit), "openrun.result"), ports::SpanValue(std::string_view("waiting")));
  const Span poll = only(names::poll);
  EXPECT_EQ(poll.trace_id, in_log.trace_id);
  EXPECT_EQ(poll.kind, ports::SpanKind::server);
  EXPECT_EQ(attribute(poll, "openrun.outcome"), ports::SpanValue(std::string_view("ISSUED")));
}

TEST_F(NoneAreSampled, ButThoseWhoseCallersSaySo) {
  const Answer theirs = harness_.request(campaign_, "ann", with(json, "traceparent", sampled));
  harness_.acknowledge();
  const TraceContext in_log = record();
  ASSERT_EQ(theirs.status(), 202U);
  const Span call = only(names::submit);
  EXPECT_EQ(trace_id_text(in_log), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(call.parent_id, parse_traceparent(sampled)->parent_id) << "the caller's span is the parent";
  EXPECT_EQ(only(names::append).id, in_log.parent_id);
  const Answer ours = harness_.request(campaign_, "bob");
  harness_.acknowledge();
  ASSERT_EQ(ours.status(), 202U);
  EXPECT_EQ(harness_.undecided.begin()->second.back().headers, ports::Headers{});
  EXPECT_EQ(spans_.all().size(), 2U);
}

TEST_F(Spans, ACallerThatDoesNotWantToBeSampledIsNot) {
  const Answer answer = harness_.request(campaign_, "ann", with(waited, "traceparent", not_sampled));
  harness_.acknowledge();
  EXPECT_EQ(to_traceparent(record()), not_sampled) << "it goes with the record as it came";
  harness_.decide();
  harness_.until([&] { return answer.arrived(); });
  EXPECT_TRUE(spans_.all().empty());
}

TEST_F(Spans, ARefusalAtTheDoorHasNoAppend) {
  const std::uint32_t later = harness_.create_campaign(5, "{}", 600'000);
  const Answer refused =
      harness_.ask(post, "/v1/campaigns/" + std::to_string(later) + "/requests", R"({"user_id":"ann"})", json);
  EXPECT_EQ(refused.status(), 409U);
  const Span call = only(names::submit);
  EXPECT_EQ(attribute(call, "openrun.result"), ports::SpanValue(std::string_view("refused")));
  EXPECT_EQ(attribute(call, "openrun.outcome"), ports::SpanValue(std::string_view("NOT_STARTED")));
  EXPECT_TRUE(spans_.named(names::append).empty());
}

TEST_F(Spans, AnOutcomeThatNobodyAsksForIsForgottenWhenManyOthersHaveCome) {
  Tracing tracing(spans_, 1, harness_.clock, crypto::random_u32);
  const auto batch_at = [](std::int64_t offset) {
    wire::ResultBatch batch;
    batch.partition = Partition{0};
    batch.first_offset = batch.last_offset = Offset{offset};
    wire::OutcomeEntry& entry = batch.entries.emplace_back();
    entry.offset = Offset{offset};
    entry.outcome = issuance::Outcome::issued;
    batch.traces = {{Offset{offset}, *parse_traceparent(sampled)}};
    return batch;
  };
  const auto last = static_cast<std::int64_t>(Tracing::outcomes_max);
  for (std::int64_t offset = 0; offset <= last; ++offset) tracing.learn(batch_at(offset));
  EXPECT_FALSE(tracing.take(Partition{0}, Offset{0}));
  EXPECT_TRUE(tracing.take(Partition{0}, Offset{1}));
  EXPECT_FALSE(tracing.take(Partition{0}, Offset{1})) << "once";
  EXPECT_TRUE(tracing.take(Partition{0}, Offset{last}));
}

}  // namespace
}  // namespace openrun::gateway
