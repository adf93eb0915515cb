#include <limits>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/issuance/machine.hpp>

#include "src/test_world.hpp"

namespace openrun::issuance {
namespace {

using namespace testing;

constexpr std::int64_t second = 1'000;

World world_with(CampaignTerms terms) {
  World world;
  EXPECT_EQ(world.create(1, std::move(terms)).outcome, Outcome::command_applied);
  return world;
}

TEST(IssuanceMachine, GivesSequencesInTheOrderOfTheLog) {
  World world = world_with(terms_of(3));
  std::uint32_t sequence = 0;
  for (const char* user : {"kim", "lee", "park"}) {
    const Decision decision = world.request(1, user);
    EXPECT_EQ(decision.outcome, Outcome::issued);
    EXPECT_EQ(decision.sequence, Sequence{++sequence});
    EXPECT_EQ(decision.time, noon);
    EXPECT_EQ(decision.campaign, CampaignId{1});
  }
  EXPECT_EQ(world.request(1, "choi").outcome, Outcome::sold_out);
  EXPECT_EQ(world.campaign(1).issued, 3u);
}

TEST(IssuanceMachine, AskingTwiceReturnsTheFirstCoupon) {
  World world = world_with(terms_of(3));
  world.at(noon + 5);
  world.request(1, "kim", "some key");
  world.at(noon + 9 * second);
  const Decision again = world.request(1, "kim", "another key");
  EXPECT_EQ(again.outcome, Outcome::already_issued);
  EXPECT_EQ(again.sequence, Sequence{1});
  EXPECT_EQ(again.time, noon + 5) << "when the coupon was issued, not when it was asked for again";
}

// A producer that had no answer in time may send a record again, and then it stands in the log twice.
TEST(IssuanceMachine, ARequestThatStandsInTheLogTwiceIsDecidedOnce) {
  World world = world_with(terms_of(2));
  const auto request_with = [&](std::string_view user, std::uint32_t nonce) {
    return world.apply(IssueRequested{CampaignId{1}, user, {}, nonce});
  };
  world.at(noon + 5);
  EXPECT_EQ(request_with("kim", 0xFFFFFFFF).outcome, Outcome::issued);
  world.at(noon + 9 * second);
  const Decision copy = request_with("kim", 0xFFFFFFFF);
  EXPECT_EQ(copy.outcome, Outcome::issued_before);
  EXPECT_EQ(copy.sequence, Sequence{1});
  EXPECT_EQ(copy.time, noon + 5);
  EXPECT_EQ(request_with("kim", 7).outcome, Outcome::already_issued) << "another request of the same user";
  EXPECT_EQ(request_with("lee", 0xFFFFFFFF).outcome, Outcome::issued) << "another user";
  EXPECT_EQ(request_with("kim", 0xFFFFFFFF).outcome, Outcome::issued_before) << "whatever came between";
  EXPECT_EQ(world.campaign(1).issued, 2u);
}

TEST(IssuanceMachine, WithoutANonceNobodyKnowsWhetherItIsTheSameRequest) {
  World world = world_with(terms_of(2));
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::issued);
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::already_issued);
}

TEST(IssuanceMachine, KeysTellTheCouponsOfOneUserApart) {
  World world = world_with(terms_of(9, std::nullopt, 2));
  EXPECT_EQ(world.request(1, "kim", "a").sequence, Sequence{1});
  world.at(noon + second);
  EXPECT_EQ(world.request(1, "kim", "b").sequence, Sequence{2});
  const Decision again = world.request(1, "kim", "a");
  EXPECT_EQ(again.outcome, Outcome::issued_before);
  EXPECT_EQ(again.sequence, Sequence{1});
  EXPECT_EQ(again.time, noon);
  const Decision third = world.request(1, "kim", "c");
  EXPECT_EQ(third.outcome, Outcome::limit_reached);
  EXPECT_EQ(third.sequence, Sequence{0});
  EXPECT_EQ(world.request(1, "lee", "a").outcome, Outcome::issued);
}

TEST(IssuanceMachine, StartIsInclusiveAndEndIsExclusive) {
  const struct {
    std::int64_t ms;
    Outcome outcome;
  } cases[] = {{-1, Outcome::not_started}, {0, Outcome::issued}, {9'999, Outcome::issued}, {10'000, Outcome::ended}};
  World world;
  world.at(noon + -second);
  world.create(1, terms_of(9, noon + 10'000));
  for (const auto& c : cases) {
    world.at(noon + c.ms);
    const std::string user = "user at " + std::to_string(c.ms);
    EXPECT_EQ(world.request(1, user).outcome, c.outcome) << c.ms;
  }
}

TEST(IssuanceMachine, TheLogsTimeNeverRunsBack) {
  World world = world_with(terms_of(9, noon + 10 * second));
  world.at(noon + 10 * second);
  EXPECT_EQ(world.request(7, "kim").outcome, Outcome::campaign_not_found) << "refused, and yet time has passed";
  world.at(noon + second);
  const Decision late = world.request(1, "kim");
  EXPECT_EQ(late.outcome, Outcome::ended);
  EXPECT_EQ(late.time, noon + 10 * second);
}

TEST(IssuanceMachine, ARecordThatCannotBeDecidedMovesTimeToo) {
  World world = world_with(terms_of(9, noon + 10 * second));
  world.at(noon + 10 * second);
  world.dead_letter();
  world.at(noon);
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::ended);
}

TEST(IssuanceMachine, OffsetsMayHaveGaps) {
  World world = world_with(terms_of(9));
  EXPECT_EQ(world.apply(Input{Offset{1'000}, noon, request_of(1, "kim")}).outcome, Outcome::issued);
  EXPECT_EQ(world.next_offset(), Offset{1'001});
}

TEST(IssuanceMachine, CampaignsDoNotKnowEachOther) {
  World world = world_with(terms_of(1));
  world.create(2, terms_of(1));
  EXPECT_EQ(world.request(1, "kim").sequence, Sequence{1});
  EXPECT_EQ(world.request(2, "kim").sequence, Sequence{1});
  world.command(1, PauseCampaign{});
  EXPECT_EQ(world.request(1, "lee").outcome, Outcome::paused);
  EXPECT_EQ(world.request(2, "lee").outcome, Outcome::sold_out);
}

TEST(IssuanceMachine, AReplayIsJudgedByItsFirstArrivalAndTheStockOfNow) {
  World world = world_with(terms_of(1, noon + 10 * second));
  const Offset origin = world.dead_letter();
  world.at(noon + 20 * second);
  const Decision decision = world.replay(origin, noon, request_of(1, "kim"));
  EXPECT_EQ(decision.outcome, Outcome::issued) << "the end had not come when it first arrived";
  EXPECT_EQ(decision.origin, origin);
  EXPECT_EQ(decision.time, noon + 20 * second) << "issued now";
  EXPECT_EQ(world.request(1, "lee").outcome, Outcome::ended) << "the log's time stays";

  const Offset second_origin = world.dead_letter();
  EXPECT_EQ(world.replay(second_origin, noon, request_of(1, "lee")).outcome, Outcome::sold_out);
}

TEST(IssuanceMachine, AReplaysFirstArrivalNeverMovesTheLogsTime) {
  World world = world_with(terms_of(9, noon + 10 * second));
  const Offset origin = world.dead_letter();
  EXPECT_EQ(world.replay(origin, noon + 60 * second, request_of(1, "kim")).outcome, Outcome::ended);
  EXPECT_EQ(world.machine().log_time(), noon);
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::issued);
}

TEST(IssuanceMachine, AnOriginIsResolvedOnce) {
  World world = world_with(terms_of(9));
  const Offset origin = world.dead_letter();
  EXPECT_TRUE(world.machine().is_open_dead_letter(origin));
  world.command(1, PauseCampaign{});
  const Decision first = world.replay(origin, noon, request_of(1, "kim"));
  EXPECT_EQ(first.outcome, Outcome::paused) << "a refusal resolves it too";
  EXPECT_EQ(first.origin, origin);
  EXPECT_FALSE(world.machine().is_open_dead_letter(origin));
  world.command(1, ResumeCampaign{});
  const Decision second_copy = world.replay(origin, noon, request_of(1, "kim"));
  EXPECT_EQ(second_copy.outcome, Outcome::replay_ignored);
  EXPECT_EQ(second_copy.origin, std::nullopt);
  EXPECT_EQ(second_copy.campaign, CampaignId{1});
  EXPECT_EQ(world.campaign(1).issued, 0u);
}

TEST(IssuanceMachine, OnlyADeadLetterCanBeReplayed) {
  World world = world_with(terms_of(9));
  const Decision issued = world.request(1, "kim");
  EXPECT_EQ(world.replay(issued.offset, noon, request_of(1, "kim")).outcome, Outcome::replay_ignored);
  EXPECT_EQ(world.replay(Offset{999}, noon, request_of(1, "lee")).outcome, Outcome::replay_ignored);
}

TEST(IssuanceMachine, AReplayThatCannotBeDecidedEitherLeavesItsOriginOpen) {
  World world = world_with(terms_of(9));
  const Offset origin = world.dead_letter();
  const Decision failed = world.replay(origin, noon, Undecidable{"UNDECODABLE"});
  EXPECT_EQ(failed.outcome, Outcome::dead_lettered);
  EXPECT_EQ(failed.origin, std::nullopt);
  EXPECT_TRUE(world.machine().is_open_dead_letter(origin));
  EXPECT_FALSE(world.machine().is_open_dead_letter(failed.offset)) << "no dead letter of its own";
  world.restart();
  const Decision repaired = world.replay(origin, noon, request_of(1, "kim"));
  EXPECT_EQ(repaired.outcome, Outcome::issued);
  EXPECT_EQ(repaired.origin, origin);
}

TEST(IssuanceMachine, ACommandCanBeADeadLetterToo) {
  World world = world_with(terms_of(0));
  const Offset origin = world.dead_letter();
  const CampaignCommand restock = command_of(1, "restock", AddStock{5});
  const Decision decision = world.replay(origin, noon, restock);
  EXPECT_EQ(decision.outcome, Outcome::command_applied);
  EXPECT_EQ(decision.origin, origin);
  const Decision again = world.apply(restock);
  EXPECT_EQ(again.outcome, Outcome::command_repeated);
  EXPECT_EQ(again.first_offset, decision.offset);
  EXPECT_EQ(world.campaign(1).terms.stock, 5u);
}

TEST(IssuanceMachine, AVersionIsRecorded) {
  PartitionSnapshot older;
  older.decision_version = 0;
  Machine machine(older, 1);
  EXPECT_EQ(machine.decision_version(), 0u);
  EXPECT_EQ(machine.apply({Offset{0}, noon, DecisionVersion{1}}).outcome, Outcome::version_changed);
  EXPECT_EQ(machine.decision_version(), 1u);
  EXPECT_EQ(machine.snapshot().decision_version, 1u);
}

TEST(IssuanceMachine, NamesTheCampaignThatMustBeRestoredFirst) {
  World world = world_with(terms_of(9));
  Machine machine(world.machine().snapshot(), 5);
  EXPECT_EQ(machine.missing(request_of(1, "kim")), CampaignId{1});
  EXPECT_EQ(machine.missing(command_of(1, "k", PauseCampaign{})), CampaignId{1});
  EXPECT_EQ(machine.missing(command_of(1, "k", CreateCampaign{})), CampaignId{1});
  EXPECT_EQ(machine.missing(Replay{Offset{0}, noon, request_of(1, "kim")}), CampaignId{1});
  EXPECT_EQ(machine.missing(Replay{Offset{0}, noon, Undecidable{}}), std::nullopt);
  EXPECT_EQ(machine.missing(request_of(2, "kim")), std::nullopt) << "not there: nothing to restore";
  EXPECT_EQ(machine.missing(DecisionVersion{1}), std::nullopt);
  EXPECT_EQ(machine.missing(Undecidable{}), std::nullopt);
  EXPECT_EQ(machine.detail(CampaignId{1}), nullptr);
  machine.restore(CampaignId{1}, CampaignDetail{});
  EXPECT_EQ(machine.missing(request_of(1, "kim")), std::nullopt);
}

TEST(IssuanceMachine, ACopyGoesItsOwnWay) {
  World world = world_with(terms_of(1));
  Machine original = world.machine();
  Machine copy = original;
  const Input input{original.next_offset(), noon, request_of(1, "kim")};
  EXPECT_EQ(copy.apply(input).outcome, Outcome::issued);
  EXPECT_EQ(original.find(CampaignId{1})->issued, 0u);
  EXPECT_EQ(original.apply(input).sequence, Sequence{1});
  copy = original;
  EXPECT_EQ(copy.apply({copy.next_offset(), noon, request_of(1, "lee")}).outcome, Outcome::sold_out);
}

TEST(IssuanceMachine, SnapshotsOfEqualStatesAreEqual) {
  World world;
  for (const std::uint32_t id : {9, 2, 5}) world.create(id, terms_of(1));
  world.dead_letter();
  const Offset resolved = world.dead_letter();
  world.dead_letter();
  world.replay(resolved, noon, request_of(2, "kim"));
  const PartitionSnapshot snapshot = world.machine().snapshot();
  ASSERT_EQ(snapshot.campaigns.size(), 3u);
  EXPECT_EQ(snapshot.campaigns[0].id, CampaignId{2});
  EXPECT_EQ(snapshot.campaigns[2].id, CampaignId{9});
  EXPECT_EQ(snapshot.open_dead_letters, (std::vector{Offset{3}, Offset{5}}));
  EXPECT_EQ(snapshot.partition, Partition{3});
  PartitionSnapshot shuffled = snapshot;
  std::swap(shuffled.campaigns[0], shuffled.campaigns[2]);
  std::swap(shuffled.open_dead_letters[0], shuffled.open_dead_letters[1]);
  EXPECT_EQ(Machine(shuffled, 4).snapshot(), snapshot);
}

TEST(IssuanceMachineDeathTest, BreaksOffWhereItNoLongerKnowsWhatItHolds) {
  World world = world_with(terms_of(9));
  world.request(1, "kim");
  const PartitionSnapshot snapshot = world.machine().snapshot();
  Machine machine(snapshot, 1);
  EXPECT_DEATH(machine.apply({Offset{1}, noon, DecisionVersion{1}}), "decided twice, or out of order");
  EXPECT_DEATH(machine.apply({Offset{9}, noon, DecisionVersion{decision_version_supported + 1}}),
               "version that is not known");
  EXPECT_DEATH(machine.apply({Offset{9}, noon, request_of(1, "lee")}), "not restored");
  EXPECT_DEATH(machine.restore(CampaignId{1}, CampaignDetail{}), "its counter differ");
  EXPECT_DEATH(machine.restore(CampaignId{2}, CampaignDetail{}), "not there");
  PartitionSnapshot doubled = snapshot;
  doubled.campaigns.push_back(doubled.campaigns.front());
  EXPECT_DEATH(Machine(doubled, 1), "twice");
  PartitionSnapshot newer = snapshot;
  newer.decision_version = decision_version_supported + 1;
  EXPECT_DEATH(Machine(newer, 1), "not known here");
}

}  // namespace
}  // namespace openrun::issuance
