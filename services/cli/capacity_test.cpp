#include "cli/capacity.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::cli {
namespace {

OpenRun million() {
  OpenRun run;
  run.users = 1'000'000;
  run.seconds = 10;
  return run;
}

TEST(Capacity, AMillionUsersInTenSecondsAreCountedThrough) {
  const CapacityPlan plan = plan_capacity(million());
  EXPECT_DOUBLE_EQ(plan.arrivals_per_second, 100'000);
  EXPECT_NEAR(plan.gateway_cores, 100'000 * 14e-6 / 0.6, 1e-9);
  EXPECT_NEAR(plan.kafka_cores, 100'000 * 5e-6 / 0.6, 1e-9);
  EXPECT_EQ(plan.gateways, 4U);  // 2.33 cores are three of one thread, and one may fail
  EXPECT_DOUBLE_EQ(plan.window_bytes, 24e6);
}

TEST(Capacity, OneCampaignQueuesWhereItsPartitionIsFull) {
  const CapacityPlan plan = plan_capacity(million());
  EXPECT_EQ(plan.partitions, 1U);
  EXPECT_NEAR(plan.decided_per_second, 138'051 * 0.6, 1e-6);
  EXPECT_NEAR(plan.queue_max, 1'000'000 - 10 * 138'051 * 0.6, 1e-3);
  EXPECT_NEAR(plan.last_answer_s, plan.queue_max / plan.decided_per_second, 1e-9);
}

TEST(Capacity, CampaignsAreSpreadOverPartitionsUntilNoneQueues) {
  OpenRun run = million();
  run.campaigns = 8;
  const CapacityPlan plan = plan_capacity(run);
  EXPECT_EQ(plan.partitions, 2U);  // 12,500 a second each: six of them fit 82,830
  EXPECT_DOUBLE_EQ(plan.queue_max, 0);
  EXPECT_DOUBLE_EQ(plan.decided_per_second, 100'000);
}

TEST(Capacity, AQuickMachineNeedsFewerCores) {
  OpenRun run = million();
  run.speed = 2;
  EXPECT_NEAR(plan_capacity(run).gateway_cores, plan_capacity(million()).gateway_cores / 2, 1e-9);
  EXPECT_DOUBLE_EQ(plan_capacity(run).queue_max, 0);
}

TEST(Capacity, ASmallRunStillHasSomebodyWhoStandsBy) {
  OpenRun run;
  run.users = 1;
  const CapacityPlan plan = plan_capacity(run);
  EXPECT_EQ(plan.gateways, 2U);
  EXPECT_EQ(plan.issuers, 2U);
  EXPECT_EQ(plan.partitions, 1U);
  EXPECT_DOUBLE_EQ(plan.last_answer_s, 0);
}

TEST(Capacity, ItsCostsAreThoseThatThePageOfPerformanceTells) {
  std::ifstream file(std::filesystem::path(OPENRUN_SOURCE_DIR).parent_path().parent_path() / "docs" / "performance.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_THAT(page.str(), testing::ContainsRegex("\\| at 1,024 \\|.*\\| 14 \\+ 4 \\+ 5 \\+ 8 \\+ 0 \\|"));
  EXPECT_THAT(page.str(), testing::HasSubstr("| 138,051 of 226,659"));
}

TEST(Capacity, IsToldInWordsAndAsJson) {
  const OpenRun run = million();
  const CapacityPlan plan = plan_capacity(run);
  EXPECT_THAT(capacity_text(run, plan, {}),
              testing::HasSubstr("1,000,000 requests in 10.0 s: 100,000 a second, 82,831 of them decided\n"));
  EXPECT_THAT(capacity_text(run, plan, {}), testing::HasSubstr("gateway           4    2.4  one more than needed"));
  EXPECT_THAT(capacity_json(run, plan), testing::HasSubstr("\"requests\":1000000,"));
  EXPECT_THAT(capacity_json(run, plan), testing::HasSubstr("\"processes\":{\"gateway\":4,\"issuer\":2,\"relay\":2}"));
}

}  // namespace
}  // namespace openrun::cli
