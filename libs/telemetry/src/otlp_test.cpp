#include "otlp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ports::Span example() {
  ports::Span span;
  span.trace_id.fill(0xAB);
  span.id.fill(0x01);
  span.parent_id.fill(0x02);
  span.name = "decide";
  span.kind = ports::SpanKind::consumer;
  span.begin_ns = 1'800'000'000'000'000'001;
  span.end_ns = 1'800'000'000'000'000'002;
  span.attributes = {{"openrun.offset", std::int64_t{7}}, {"openrun.outcome", std::string_view("ISSUED")}};
  return span;
}

TEST(Otlp, ASpanIsWrittenAsTheMappingToJsonSays) {
  EXPECT_EQ(encode_otlp({{"service.name", "openrun-issuer"}}, "1.2.3", {example()}),
            R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":)"
            R"("openrun-issuer"}}]},"scopeSpans":[{"scope":{"name":"openrun","version":"1.2.3"},"spans":[)"
            R"({"traceId":"abababababababababababababababab","spanId":"0101010101010101",)"
            R"("parentSpanId":"0202020202020202","name":"decide","kind":5,)"
            R"("startTimeUnixNano":"1800000000000000001","endTimeUnixNano":"1800000000000000002",)"
            R"("attributes":[{"key":"openrun.offset","value":{"intValue":"7"}},)"
            R"({"key":"openrun.outcome","value":{"stringValue":"ISSUED"}}]}]}]}]})");
}

TEST(Otlp, SeveralSpansStandBesideEachOther) {
  EXPECT_THAT(encode_otlp({}, "1", {example(), example()}), HasSubstr(R"("ISSUED"}}]},{"traceId")"));
}

TEST(Otlp, ARootHasNoParentAndAnErrorIsMarked) {
  ports::Span span = example();
  span.parent_id = {};
  span.is_error = true;
  const std::string text = encode_otlp({}, "1", {span});
  EXPECT_THAT(text, Not(HasSubstr("parentSpanId")));
  EXPECT_THAT(text, HasSubstr(R"("status":{"code":2})"));
}

TEST(Otlp, ASpanNeverEndsBeforeItBegins) {
  ports::Span span = example();
  span.end_ns = span.begin_ns - 5'000'000;
  EXPECT_THAT(encode_otlp({}, "1", {span}), HasSubstr(R"("endTimeUnixNano":"1800000000000000001")"));
}

TEST(Otlp, NamesThatJsonCannotHoldAreEscaped) {
  EXPECT_THAT(encode_otlp({{"host.name", "a\"b\n"}}, "1", {}), HasSubstr(R"("stringValue":"a\"b\n")"));
}

}  // namespace
}  // namespace openrun::telemetry
