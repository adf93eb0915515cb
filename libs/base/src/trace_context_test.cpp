#include <set>
#include <string>

#include <gtest/gtest.h>

#include <openrun/base/trace_context.hpp>

namespace openrun {
namespace {

// The example of the Recommendation.
const std::string example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsReadAndWrittenTheSame) {
  const auto trace = parse_traceparent(example);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id[0], 0x4b);
  EXPECT_EQ(trace->parent_id[7], 0xb7);
  EXPECT_EQ(trace->flags, 1);
  EXPECT_EQ(to_traceparent(*trace), example);
  EXPECT_EQ(trace_id_text(*trace), "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(Traceparent, OfALaterVersionIsReadAsFarAsVersionZeroKnowsIt) {
  EXPECT_EQ(parse_traceparent("cc" + example.substr(2)), parse_traceparent(example));
  EXPECT_EQ(parse_traceparent("cc" + example.substr(2) + "-what-comes"), parse_traceparent(example));
  EXPECT_FALSE(parse_traceparent("cc" + example.substr(2) + ".what-comes"));
}

TEST(Traceparent, AnythingElseIsNone) {
  for (const std::string& text :
       {std::string(), std::string("00"), example.substr(0, 54), example + "-", example + "0", "ff" + example.substr(2),
        "0g" + example.substr(2), std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        std::string("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0 "), " " + example, std::string(55, '\0')}) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(Traceparent, TravelsIn25Bytes) {
  const auto trace = parse_traceparent(example);
  std::string bytes;
  append_trace_context(bytes, *trace);
  EXPECT_EQ(bytes.size(), trace_context_bytes);
  EXPECT_EQ(read_trace_context(bytes), trace);
  EXPECT_FALSE(read_trace_context(std::string(trace_context_bytes, '\0'))) << "no ids at all";
}

TEST(SpanIds, FollowFromTheRecordAndTheNameAlone) {
  const TraceContext record = *parse_traceparent(example);
  const SpanId id = span_id_of(record, "decide", Partition{3}, Offset{7});
  EXPECT_EQ(id, span_id_of(record, "decide", Partition{3}, Offset{7})) << "another process names the same";
  TraceContext child = record;
  child.parent_id[0] = 0x11;
  const std::set<SpanId> others{
      span_id_of(record, "commit", Partition{3}, Offset{7}), span_id_of(record, "decide", Partition{4}, Offset{7}),
      span_id_of(record, "decide", Partition{3}, Offset{8}), span_id_of(child, "decide", Partition{3}, Offset{7})};
  EXPECT_EQ(others.size(), 4U);
  EXPECT_FALSE(others.contains(id));
}

TEST(SpanIds, OfManyRecordsDiffer) {
  const TraceContext record = *parse_traceparent(example);
  std::set<SpanId> ids;
  for (int offset = 0; offset < 10'000; ++offset) {
    ids.insert(span_id_of(record, "decide", Partition{0}, Offset{offset}));
  }
  EXPECT_EQ(ids.size(), 10'000U);
  EXPECT_FALSE(ids.contains(SpanId{}));
}

}  // namespace
}  // namespace openrun
