#include "gateway/readiness.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

TEST(Readiness, EachReasonAloneIsEnough) {
  const Settings settings;
  const Observed good{.draining = false,
                      .oldest_unacknowledged_ms = 3'000,
                      .results_ready = true,
                      .results_behind_ms = 3'000,
                      .store_trouble = "Postgres's disk is full"};
  EXPECT_TRUE(not_ready_reasons(good, settings).empty());
  Observed bad = good;
  bad.draining = true;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad = good;
  bad.oldest_unacknowledged_ms = 3'001;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad = good;
  bad.results_behind_ms = 3'001;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad.results_ready = false;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
}

}  // namespace
}  // namespace openrun::gateway
