#include "reconciler/partition_checks.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::reconciler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PartitionFacts sound() {
  PartitionFacts facts;
  facts.partition = Partition{3};
  facts.epoch = Epoch{5};
  facts.next_offset = Offset{100};
  facts.outbox_first = Offset{40};
  facts.outbox_next = Offset{100};
  facts.published_through = Offset{90};
  facts.outbox_backlog = 2;
  return facts;
}

std::vector<std::string> violated(const std::function<void(PartitionFacts&)>& change,
                                  const std::optional<PartitionFacts>& before = std::nullopt) {
  PartitionFacts facts = sound();
  change(facts);
  std::vector<std::string> names;
  for (const Finding& finding : check_partition(facts, before)) names.push_back(finding.invariant);
  return names;
}

TEST(PartitionChecks, ASoundPartitionHasNoFindings) {
  EXPECT_THAT(check_partition(sound(), std::nullopt), IsEmpty());
  EXPECT_THAT(check_partition(sound(), sound()), IsEmpty());
}

TEST(PartitionChecks, ANewPartitionAndAFullyPrunedOneAreSound) {
  EXPECT_THAT(check_partition(PartitionFacts{}, std::nullopt), IsEmpty());
  EXPECT_THAT(violated([](PartitionFacts& facts) {
                facts.outbox_first = facts.outbox_next = Offset{-1};
                facts.published_through = Offset{100};
              }),
              IsEmpty());
}

TEST(PartitionChecks, EachInvariantIsReportedByItsName) {
  EXPECT_THAT(violated([](PartitionFacts& facts) { facts.outbox_gaps = 1; }), ElementsAre("outbox_without_gap"));
  EXPECT_THAT(violated([](PartitionFacts& facts) { facts.outbox_next = Offset{99}; }),
              ElementsAre("outbox_ends_at_checkpoint"));
  EXPECT_THAT(violated([](PartitionFacts& facts) { facts.published_through = Offset{101}; }),
              ElementsAre("published_within_log"));
  EXPECT_THAT(violated([](PartitionFacts& facts) { facts.published_through = Offset{39}; }),
              ElementsAre("pruned_only_published"));
  EXPECT_THAT(violated([](PartitionFacts& facts) { facts.outbox_first = facts.outbox_next = Offset{-1}; }),
              ElementsAre("pruned_only_published"));
}

TEST(PartitionChecks, ACheckpointThatRanBackIsReported) {
  PartitionFacts further = sound();
  further.next_offset = Offset{101};
  EXPECT_THAT(violated([](PartitionFacts&) {}, further), ElementsAre("checkpoint_never_runs_back"));
  PartitionFacts newer = sound();
  newer.epoch = Epoch{6};
  EXPECT_THAT(violated([](PartitionFacts&) {}, newer), ElementsAre("checkpoint_never_runs_back"));
}

TEST(PartitionChecks, EveryNameThatIsReportedIsListed) {
  PartitionFacts worst = sound();
  worst.outbox_gaps = 1;
  worst.outbox_next = Offset{7};
  worst.outbox_first = Offset{200};
  worst.published_through = Offset{101};
  PartitionFacts further = sound();
  further.next_offset = Offset{101};
  std::vector<std::string> names;
  for (const Finding& finding : check_partition(worst, further)) names.push_back(finding.invariant);
  EXPECT_THAT(names, ::testing::ElementsAreArray(partition_invariants));
}

}  // namespace
}  // namespace openrun::reconciler
