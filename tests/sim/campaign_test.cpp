// Many seeds at once: whatever becomes of one is told by its number, and the others go on.
#include "campaign.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::simulation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Report good(std::uint64_t seed, const Options& /*options*/) {
  Report report;
  report.seed = seed;
  return report;
}

// Of ten seeds, what is told of the one that `play` spoils.
std::vector<Failure> failures_where(std::uint64_t spoiled, const std::function<void()>& spoil) {
  CampaignOptions options;
  options.last = 10;
  options.seed_s_max = 1;
  options.memory_bytes_max = 500'000'000;
  options.player = [=](std::uint64_t seed, const Options& each) {
    if (seed == spoiled) spoil();
    return good(seed, each);
  };
  const Totals totals = play_all(options);
  EXPECT_EQ(totals.seeds, 10U) << "the others go on";
  EXPECT_FALSE(totals.passed());
  return totals.failures;
}

TEST(SimulationCampaign, TellsASeedThatDiesByItsNumber) {
  const auto failures = failures_where(4, [] { std::abort(); });
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures.front().seed, 4U);
  EXPECT_THAT(failures.front().what, HasSubstr("its process died"));
}

TEST(SimulationCampaign, TellsASeedThatThrowsByItsNumber) {
  const auto failures = failures_where(10, [] { throw std::runtime_error("nobody catches it"); });
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures.front().seed, 10U);
}

TEST(SimulationCampaign, TellsASeedThatHangsByItsNumber) {
  const auto failures = failures_where(7, [] {
    for (volatile bool for_ever = true; for_ever;) continue;
  });
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures.front().seed, 7U);
  EXPECT_THAT(failures.front().what, HasSubstr("it hangs"));
}

TEST(SimulationCampaign, TellsASeedThatEatsTheMemoryByItsNumber) {
#ifdef OPENRUN_SANITIZED
  GTEST_SKIP() << "a sanitizer reserves more memory than any bound";
#endif
  const auto failures = failures_where(2, [] {
    std::vector<std::vector<char>> eaten;
    for (;;) eaten.emplace_back(10'000'000, 'x');
  });
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures.front().seed, 2U);
}

TEST(SimulationCampaign, FailsWhereASituationNeverOccurred) {
  CampaignOptions options;
  options.last = coverage_seeds_min;
  options.player = [](std::uint64_t seed, const Options& each) {
    Report report = good(seed, each);
    report.coverage.faults.fill(1);
    report.coverage.situations.fill(1);
    report.coverage.situations.at(std::to_underlying(Situation::late_commit_won)) = 0;
    report.coverage.faults.at(std::to_underlying(Fault::store_full)) = 0;
    return report;
  };
  const Totals totals = play_all(options);
  EXPECT_THAT(totals.failures, IsEmpty());
  EXPECT_THAT(totals.gaps, SizeIs(2));
  EXPECT_THAT(totals.gaps, Contains("the situation late_commit_won"));
  EXPECT_THAT(totals.gaps, Contains("the fault store_full"));
  EXPECT_FALSE(totals.passed());
}

TEST(SimulationCampaign, AFewSeedsNeedNotMeetEverySituation) {
  CampaignOptions options;
  options.last = coverage_seeds_min - 1;
  options.player = good;
  EXPECT_TRUE(play_all(options).passed());
}

TEST(SimulationCampaign, TheFingerprintDoesNotDependOnTheNumberOfProcesses) {
  CampaignOptions options;
  options.last = 60;
  options.jobs = 1;
  const Totals one = play_all(options);
  options.jobs = 2;
  const Totals two = play_all(options);
  EXPECT_THAT(one.failures, IsEmpty());
  EXPECT_NE(one.fingerprints, 0U);
  EXPECT_EQ(one.fingerprints, two.fingerprints);
  EXPECT_EQ(one.events, two.events);
  EXPECT_EQ(one.coverage.faults, two.coverage.faults);
  EXPECT_EQ(one.coverage.situations, two.coverage.situations);
}

}  // namespace
}  // namespace openrun::simulation
