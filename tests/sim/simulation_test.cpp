// The simulator's own promises: the same seed is the same run, and what it watches for it sees.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/wire/log_record.hpp>

#include "checker.hpp"
#include "world.hpp"

namespace openrun::simulation {
namespace {

TEST(Simulation, TheSameSeedPlaysTheSameRun) {
  for (const std::uint64_t seed : {3U, 12U, 40U}) {
    const Report first = play(seed, {});
    const Report second = play(seed, {});
    EXPECT_THAT(first.violations, ::testing::IsEmpty());
    EXPECT_EQ(first.fingerprint, second.fingerprint);
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.coverage.faults, second.coverage.faults);
  }
}

TEST(Simulation, SeedsDiffer) {
  std::set<std::uint64_t> fingerprints;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) fingerprints.insert(play(seed, {}).fingerprint);
  EXPECT_EQ(fingerprints.size(), 20U);
}

TEST(Simulation, ARunThatGoesRoundInCirclesEnds) {
  const Report report = play(3, {.verbose = false, .events_max = 100});
  ASSERT_FALSE(report.violations.empty());
  EXPECT_THAT(report.violations.front(), ::testing::HasSubstr("round in circles"));
}

TEST(Simulation, EveryFaultAndSituationHasAName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < fault_count; ++i) names.insert(name_of(static_cast<Fault>(i)));
  EXPECT_EQ(names.size(), fault_count);
  names.clear();
  for (std::size_t i = 0; i < situation_count; ++i) names.insert(name_of(static_cast<Situation>(i)));
  EXPECT_EQ(names.size(), situation_count);
}

TEST(SimulationChecker, SeesWhatIsPublishedOrToldBeforeItIsCommitted) {
  Context context(1, false);
  Checker checker(context);
  wire::ResultBatchBuilder builder(Partition{0}, Epoch{1}, Offset{0});
  issuance::Decision decision;
  decision.outcome = issuance::Outcome::sold_out;
  decision.campaign = CampaignId{1};
  builder.add(decision, 1, 0, nullptr);
  const std::string payload = builder.finish({}, Timestamp{1});
  context.broker.append(ports::Topic::results, Partition{0}, "0", payload);
  checker.told_past_the_log(payload);
  EXPECT_THAT(context.violations, ::testing::ElementsAre(::testing::HasSubstr("published before it was committed"),
                                                         ::testing::HasSubstr("told past the log before")));
}

TEST(SimulationChecker, SeesAnOutcomeThatIsToldBeforeItIsCommitted) {
  Context context(1, false);
  Checker checker(context);
  const std::string value = wire::encode_request(77, CampaignId{1}, "ann", "");
  context.broker.append(ports::Topic::requests, Partition{0}, "1", value);
  const std::string receipt = Keys::get().signer.sign({Partition{0}, Offset{0}, CampaignId{1}, 77});
  Told told;
  told.status = 200;
  told.state = "waiting";
  Asked asked;
  asked.kind = Asked::Kind::poll;
  asked.receipt = receipt;
  checker.told("gateway", Timestamp{1}, asked, told);
  EXPECT_THAT(context.violations, ::testing::IsEmpty());
  told.state = "issued";
  checker.told("gateway", Timestamp{1}, asked, told);
  ASSERT_EQ(context.violations.size(), 1U);
  EXPECT_THAT(context.violations.front(), ::testing::HasSubstr("before it was committed"));
}

TEST(SimulationChecker, SeesAnOutboxWithAGapAndACouponTooMany) {
  Context context(1, false);
  Checker checker(context);
  ports::CommitBatch batch;
  batch.partition = Partition{0};
  batch.epoch = context.database.take_over(Partition{0})->epoch;
  batch.next_offset = Offset{1};
  wire::ResultBatchBuilder builder(Partition{0}, batch.epoch, Offset{3});
  issuance::Decision decision;
  decision.offset = Offset{3};
  decision.outcome = issuance::Outcome::sold_out;
  decision.campaign = CampaignId{1};
  builder.add(decision, 1, 0, nullptr);
  batch.payload = builder.finish({}, Timestamp{1});
  ASSERT_FALSE(context.database.begin(1, batch).has_value());
  ASSERT_TRUE(context.database.end(1, false));
  ASSERT_FALSE(context.violations.empty());
  EXPECT_THAT(context.violations.front(), ::testing::HasSubstr("not dense"));
}

}  // namespace
}  // namespace openrun::simulation
