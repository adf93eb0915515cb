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
                      .store_behind = "",
                      .store_trouble = "Postgres's disk is full",
                      .log_trouble = "TLS to Kafka fails"};
  EXPECT_TRUE(not_ready_reasons(good, settings).empty());
  Observed bad = good;
  bad.log_trouble.clear();
  bad.draining = true;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad = good;
  bad.log_trouble.clear();
  bad.oldest_unacknowledged_ms = 3'001;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad = good;
  bad.log_trouble.clear();
  bad.results_behind_ms = 3'001;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad.results_ready = false;
  EXPECT_EQ(not_ready_reasons(bad, settings).size(), 1U);
  bad = good;
  bad.log_trouble.clear();
  bad.store_behind = "Postgres stands behind";
  EXPECT_EQ(not_ready_reasons(bad, settings), std::vector<std::string>{"Postgres stands behind"});
}

TEST(Readiness, WhatKeepsItOutOfKafkaStandsBehindTheReasonsAndIsNone) {
  const Settings settings;
  Observed observed{.draining = false,
                    .oldest_unacknowledged_ms = 0,
                    .results_ready = true,
                    .results_behind_ms = 0,
                    .store_behind = "",
                    .store_trouble = "",
                    .log_trouble = "TLS to Kafka fails"};
  EXPECT_TRUE(not_ready_reasons(observed, settings).empty()) << "perhaps only one broker of several is wrong";
  observed.results_ready = false;
  EXPECT_EQ(not_ready_reasons(observed, settings).back(), "TLS to Kafka fails");
}

}  // namespace
}  // namespace openrun::gateway
