#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

TEST(Dispatch, TheDefaultAndEachPartitionsRateAreKept) {
  Harness harness(Harness::test_settings(), 1, 4);
  EXPECT_EQ(harness.ask(get, "/v1/dispatch", "", admin).field("per_second"), "0");
  EXPECT_EQ(harness.ask(put, "/v1/dispatch", R"({"per_second":500})", admin).status(), 200U);
  const Answer answer = harness.ask(put, "/v1/dispatch", R"({"per_second":10,"partition":3})", admin);
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.field("per_second"), "500");
  EXPECT_EQ(answer.field("partitions.0.partition"), "3");
  EXPECT_EQ(answer.field("partitions.0.per_second"), "10");
}

TEST(Dispatch, FaultsAreRefused) {
  Harness harness(Harness::test_settings(), 1, 4);
  for (const char* body : {"{}", R"({"per_second":-1})", R"({"per_second":1,"partition":4})", R"({"per_second":"1"})",
                           R"({"per_second":1,"burst":2})"}) {
    EXPECT_EQ(harness.ask(put, "/v1/dispatch", body, admin).status(), 400U) << body;
  }
}

}  // namespace
}  // namespace openrun::gateway
