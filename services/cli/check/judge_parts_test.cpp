// Verdicts about Kafka, partitions, gateway and campaigns.
#include "cli/testing/good_facts.hpp"

namespace openrun::cli::check {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class JudgeParts : public ::testing::Test {
 protected:
  std::string only() {
    const auto all = complaints(facts);
    return all.size() == 1 ? all.front() : std::to_string(all.size()) + " complaints: " + ::testing::PrintToString(all);
  }
  ports::GroupState& group(const char* name) { return facts.log->state.groups.at(name).value(); }
  std::vector<ports::LogPartitionState>& partitions(ports::Topic topic = ports::Topic::requests) {
    return facts.log->state.topics.at(topic).value();
  }
  ports::WatchedPartition& stored(std::size_t partition) { return facts.store->after->partitions.at(partition); }
  GatewayFacts& gateway() { return facts.gateways.front().told.value(); }
  issuance::Campaign& campaign() { return facts.store->campaigns->front().campaign; }
  Facts facts = good_facts();
};

// ---- Kafka ----

TEST_F(JudgeParts, WhereKafkaIsNotThereOneFindingSaysSoAndTheOthersAreLookedAt) {
  facts.log = std::unexpected(down("Kafka"));
  EXPECT_EQ(only(), "WRONG kafka answers: Kafka does not answer -> docs/runbooks/log-trouble.md");
  EXPECT_THAT(said(facts, "partitions", "issuer"), StartsWith("ok"));
  EXPECT_EQ(said(facts, "partitions", "queue"), "");
}

TEST_F(JudgeParts, ATopicsSettingIsWrongAndAWarningIsToBeLookedAt) {
  facts.log->settings->push_back({"openrun.results", false, "retention.bytes is 1", "kafka-configs.sh"});
  facts.log->settings->push_back({"openrun.results", true, "warning: retention.ms is 1", "kafka-configs.sh"});
  EXPECT_THAT(complaints(facts),
              ElementsAre("WRONG kafka settings: openrun.results: retention.bytes is 1 -> kafka-configs.sh",
                          "look kafka settings: openrun.results: warning: retention.ms is 1 -> kafka-configs.sh"));
  facts.log->settings = fail(Error::Kind::unavailable, "no answer");
  EXPECT_THAT(only(), StartsWith("WRONG kafka settings: no answer"));
}

TEST_F(JudgeParts, APartitionWithoutLeaderIsWrongAndOneOfFewerReplicasToBeLookedAt) {
  partitions(ports::Topic::results)[1].has_leader = false;
  EXPECT_THAT(only(), StartsWith("WRONG kafka replicas: results, partition 1 has no leader"));
  partitions(ports::Topic::results)[1] = {p1, true, 3, 2, {}};
  EXPECT_THAT(only(), StartsWith("look kafka replicas: results, partition 1 has 2 of 3 replicas in sync"));
  facts.log->state.topics[ports::Topic::dead_letters] = fail(Error::Kind::not_found, "there is no such topic");
  EXPECT_EQ(complaints(facts).size(), 2U);
}

TEST_F(JudgeParts, TooFewIssuersAreWrongOneAloneIsToBeLookedAt) {
  EXPECT_EQ(said(facts, "kafka", "issuers"), "ok: 2 issuers");
  facts.asked.issuers = 3;
  EXPECT_EQ(only(), "WRONG kafka issuers: 2 issuers; there should be 3 -> docs/runbooks/daemon-down.md");
  group(ports::issuers_group).members.push_back({"issuer-3", "/c", {}});
  EXPECT_EQ(said(facts, "kafka", "issuers"), "ok: 3 issuers, 1 of them without partitions");
  facts.asked.issuers.reset();
  group(ports::issuers_group).members = {{"issuer-1", "/a", {p0, p1}}};
  EXPECT_THAT(only(), StartsWith("look kafka issuers: 1 issuer: nobody takes over from it"));
  facts.asked.issuers = 1;
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST_F(JudgeParts, NoIssuerAtAllIsWrongInEachPartitionAndInItsCampaigns) {
  group(ports::issuers_group).members.clear();
  const auto all = complaints(facts);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0], "WRONG kafka issuers: there is none -> docs/runbooks/daemon-down.md");
  EXPECT_EQ(all[1], "WRONG partition 0 issuer: no issuer is responsible for it -> docs/runbooks/no-progress.md");
  EXPECT_THAT(all[3], StartsWith("WRONG campaign 7 partition: it lives in partition 1, which has no issuer"));
}

TEST_F(JudgeParts, WhilePartitionsAreDealtOutNobodyIsMissed) {
  group(ports::issuers_group) = {false, {{"issuer-1", "/a", {}}, {"issuer-2", "/b", {}}}};
  EXPECT_THAT(only(), AllOf(StartsWith("look kafka issuers: 2 issuers; partitions are being dealt out just now"),
                            HasSubstr("-> openrun check")));
  group(ports::relays_group).is_stable = false;
  EXPECT_EQ(complaints(facts).size(), 2U);
}

TEST_F(JudgeParts, AGroupThatMayNotBeSeenIsToBeLookedAt) {
  facts.log->state.groups[ports::issuers_group] = fail(Error::Kind::invalid, "not authorized");
  EXPECT_THAT(only(), StartsWith("look kafka issuers: not known: not authorized"));
  facts.log->state.groups[ports::issuers_group] = fail(Error::Kind::unavailable, "no answer");
  EXPECT_THAT(only(), StartsWith("WRONG kafka issuers: not known: no answer"));
}

TEST_F(JudgeParts, RelaysMustBeThereForEachPartition) {
  group(ports::relays_group).members.front().partitions = {p0};
  EXPECT_THAT(only(), StartsWith("look kafka relays: 1 relay; 1 partitions of results have none"));
  group(ports::relays_group).members.clear();
  EXPECT_THAT(only(), StartsWith("WRONG kafka relays: there is none"));
}

// ---- partitions ----

TEST_F(JudgeParts, AnIssuerThatIsResponsibleAndNotConnectedIsNamed) {
  facts.store->after->connections.erase(facts.store->after->connections.begin());
  EXPECT_EQ(only(), "WRONG partition 0 issuer: issuer-1 is not connected to Postgres -> docs/runbooks/no-progress.md");
  stored(1).epoch = Epoch{5};  // what is connected is the writer of before
  EXPECT_EQ(complaints(facts).size(), 3U) << "and the campaign in it";
}

TEST_F(JudgeParts, APartitionThatNobodyEverTookOverIsWrong) {
  facts.store->after->partitions.erase(facts.store->after->partitions.begin());
  facts.store->before->partitions.erase(facts.store->before->partitions.begin());
  EXPECT_THAT(only(), StartsWith("WRONG partition 0 issuer: no issuer has ever taken it over"));
}

TEST_F(JudgeParts, ALogThatLostWhatIsNotDecidedIsWrong) {
  partitions()[0].bounds->begin = Offset{101};
  EXPECT_EQ(only(), "WRONG partition 0 log: 1 undecided records are no longer kept -> docs/runbooks/log-lost.md");
  partitions()[0].bounds = ports::LogBounds{Offset{100}, Offset{100}};
  EXPECT_THAT(complaints(facts), IsEmpty()) << "all was decided before it expired";
  partitions()[0].bounds = ports::LogBounds{Offset{0}, Offset{99}};
  EXPECT_THAT(only(), HasSubstr("it ends 1 records before what is decided -> docs/runbooks/log-lost.md"));
}

TEST_F(JudgeParts, WhatIsDecidedWhileItIsLookedAtIsNoLoss) {
  stored(0).next_offset = Offset{120};  // the log's end was read before these came
  EXPECT_THAT(complaints(facts), IsEmpty());
}

TEST_F(JudgeParts, AMissingPartitionIsALostLog) {
  partitions().pop_back();
  const auto all = complaints(facts);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0], StartsWith("WRONG partition 1 log: Postgres knows it, and the topic of requests has no such"));
  EXPECT_THAT(all[1], StartsWith("WRONG campaign 7 partition: there is no partition 1 any more"));
}

TEST_F(JudgeParts, ALeaderThatDoesNotTellItsBoundsIsWrong) {
  partitions()[0].bounds.reset();
  EXPECT_THAT(only(), StartsWith("WRONG partition 0 log: its leader does not answer"));
  partitions()[0].has_leader = false;
  EXPECT_THAT(only(), StartsWith("WRONG kafka replicas: requests, partition 0 has no leader")) << "told once";
}

TEST_F(JudgeParts, AQueueIsWrongWhereNothingIsCommittedAndToBeLookedAtWhereItIsLong) {
  stored(0).next_offset = Offset{99};
  EXPECT_THAT(only(), AllOf(StartsWith("WRONG partition 0 queue: 1 records are not decided, and nothing was committed "
                                       "for 1 h"),
                            HasSubstr("-> docs/runbooks/no-progress.md")));
  stored(0).committed_at.reset();
  EXPECT_THAT(only(), HasSubstr("nothing was committed yet"));
  stored(0).committed_at = Timestamp{now.value - progress_ms_max};
  EXPECT_EQ(said(facts, "partitions", "queue"), "ok: 1 records are being decided");
  partitions()[0].bounds->end = Offset{99 + undecided_max};
  EXPECT_THAT(complaints(facts), IsEmpty());
  partitions()[0].bounds->end = Offset{100 + undecided_max};
  EXPECT_THAT(only(), StartsWith("look partition 0 queue: 10,001 records are not decided: something is sending them"));
}

TEST_F(JudgeParts, OutcomesThatWaitToBePublishedAreWrong) {
  stored(1).outbox_backlog = 3;
  stored(1).unpublished_since = Timestamp{now.value - progress_ms_max};
  EXPECT_THAT(complaints(facts), IsEmpty());
  stored(1).unpublished_since = Timestamp{now.value - progress_ms_max - 1};
  EXPECT_EQ(only(),
            "WRONG partition 1 outbox: 3 batches are not known to be published, the oldest for 10 s -> "
            "docs/runbooks/outbox-backlog.md");
}

TEST_F(JudgeParts, OpenDeadLettersAreToBeLookedAt) {
  stored(1).open_dead_letters = 1;
  EXPECT_EQ(only(), "look partition 1 dead letters: 1 is open -> openrun dlq list --state open --partition 1");
  stored(1).open_dead_letters = ports::watched_count_max;
  EXPECT_THAT(only(), HasSubstr("at least 10,000 are open"));
}

TEST_F(JudgeParts, ALimitOfDispatchThatIsStillSetIsToBeLookedAt) {
  facts.store->dispatch = std::vector<ports::DispatchRate>{{std::nullopt, 500}, {p0, 0}, {p1, 100}};
  EXPECT_THAT(complaints(facts),
              ElementsAre("look partitions dispatch: at most 500 decisions a second in each -> openrun dispatch 0",
                          "look partition 1 dispatch: at most 100 decisions a second -> "
                          "openrun dispatch 0 --partition 1"));
}

TEST_F(JudgeParts, ABrokersClockAheadOfOursIsWrong) {
  facts.store->checkpoints->at(p0).log_time = Timestamp{now.value + 1'000};
  EXPECT_THAT(complaints(facts), IsEmpty());
  facts.store->checkpoints->at(p0).log_time = Timestamp{now.value + 1'001};
  EXPECT_THAT(only(), StartsWith("WRONG partition 0 log time: its broker's clock was 1 s ahead of ours"));
}

TEST_F(JudgeParts, WhatPostgresDoesNotTellOfPartitionsIsToBeLookedAt) {
  facts.store->dispatch = std::unexpected(down("Postgres"));
  facts.store->checkpoints = std::unexpected(down("Postgres"));
  EXPECT_THAT(complaints(facts), ElementsAre(StartsWith("look partitions dispatch: not known: Postgres does not"),
                                             StartsWith("look partitions log time: not known: Postgres does not")));
}

// ---- the gateway ----

TEST_F(JudgeParts, AGatewayThatDoesNotAnswerIsWrong) {
  facts.gateways.front().told = std::unexpected(down("the gateway"));
  EXPECT_EQ(only(), "WRONG gateway answers: the gateway does not answer -> docs/runbooks/daemon-down.md");
}

TEST_F(JudgeParts, AGatewayThatIsNotReadyTellsItsReasons) {
  gateway().ready_status = 503;
  gateway().reasons = {"results are behind", "draining"};
  EXPECT_EQ(only(),
            "WRONG gateway ready: /readyz answers 503: results are behind; draining -> docs/operations.md#health");
  gateway().ready_status = 200;
  gateway().reasons.clear();
  gateway().trouble = {"Postgres is read-only"};
  EXPECT_THAT(only(), StartsWith("look gateway ready: /readyz answers 200, but: Postgres is read-only"));
  gateway().trouble.clear();
  gateway().live_status = 502;
  EXPECT_THAT(only(), StartsWith("WRONG gateway live: /livez answers 502"));
}

TEST_F(JudgeParts, AnotherVersionIsToBeLookedAt) {
  gateway().version = "1.2.2";
  EXPECT_EQ(only(), "look gateway version: it is 1.2.2, this program is 1.2.3 -> docs/operations.md#upgrading");
  gateway().version.clear();
  EXPECT_THAT(only(), HasSubstr("it does not tell its version"));
}

TEST_F(JudgeParts, AGatewaysClockIsWrongBeyondTheSkew) {
  gateway().clock = ClockReading{-1'000, 0};
  EXPECT_THAT(complaints(facts), IsEmpty());
  gateway().clock = ClockReading{1'001, 0};
  EXPECT_THAT(only(), StartsWith("WRONG gateway clock: 1,001 ms ahead of ours"));
  gateway().clock = fail(Error::Kind::invalid, "it answers 401");
  EXPECT_THAT(only(), StartsWith("look gateway clock: not known: it answers 401"));
}

TEST_F(JudgeParts, OfSeveralGatewaysEachIsJudgedAndNamed) {
  facts.gateways.push_back({"http://b:8080", gateway()});
  EXPECT_THAT(complaints(facts), IsEmpty());
  EXPECT_EQ(said(facts, "gateway http://a:8080", "live"), "ok: /livez answers 200");
  EXPECT_EQ(said(facts, "gateway http://b:8080", "live"), "ok: /livez answers 200");
  EXPECT_EQ(said(facts, "campaign 7", "gateway"), "ok: shown by 2 of 2 gateways");
  facts.gateways.back().told->version = "1.2.2";
  EXPECT_THAT(only(), StartsWith("look gateway http://b:8080 version: it is 1.2.2, this program is 1.2.3"));
  gateway().clock = ClockReading{-1'001, 0};
  EXPECT_EQ(complaints(facts).size(), 2U);
  EXPECT_THAT(complaints(facts).front(), StartsWith("WRONG gateway http://a:8080 clock: 1,001 ms behind ours"));
  gateway().clock = ClockReading{};
  facts.gateways.back().told = std::unexpected(down("the gateway"));
  EXPECT_EQ(only(), "WRONG gateway http://b:8080 answers: the gateway does not answer -> docs/runbooks/daemon-down.md");
  EXPECT_EQ(said(facts, "campaign 7", "gateway"), "ok: shown by 1 of 2 gateways");
}

// ---- campaigns ----

TEST_F(JudgeParts, ACampaignThatIsNotThereIsWrong) {
  facts.asked.campaigns.emplace_back(8);
  EXPECT_EQ(only(), "WRONG campaign 8 exists: there is none -> openrun campaign list");
}

TEST_F(JudgeParts, ACampaignIsToldWhenItOpens) {
  EXPECT_EQ(said(facts, "campaign 7", "state"), "ok: scheduled: opens in 1 h, 2027-01-15T09:00:00.000Z");
  campaign().terms.starts_at = now;
  EXPECT_EQ(said(facts, "campaign 7", "state"), "ok: open since 2027-01-15T08:00:00.000Z");
}

TEST_F(JudgeParts, ACampaignThatGivesNothingIsWrongWithTheCommandThatMendsIt) {
  campaign().paused = true;
  EXPECT_THAT(only(), AllOf(StartsWith("WRONG campaign 7 state: paused"), HasSubstr("-> openrun campaign resume 7")));
  campaign().paused = false;
  campaign().closed = true;
  EXPECT_THAT(only(), StartsWith("WRONG campaign 7 state: closed"));
  campaign() = good_campaign().campaign;
  campaign().terms.starts_at = Timestamp{now.value - 2 * hour_ms};
  campaign().terms.ends_at = now;
  EXPECT_EQ(only(), "WRONG campaign 7 state: it has ended -> openrun campaign update 7 --ends-at never");
  campaign().terms.ends_at.reset();
  campaign().issued = 1'000;
  EXPECT_EQ(only(), "WRONG campaign 7 state: sold out -> openrun campaign add-stock 7 1");
}

TEST_F(JudgeParts, ACampaignWithoutStockIsWrongBeforeItOpens) {
  campaign().issued = 999;
  EXPECT_EQ(said(facts, "campaign 7", "stock"), "ok: 1 of 1,000 coupons are left");
  campaign().issued = 1'000;
  EXPECT_THAT(only(), StartsWith("WRONG campaign 7 stock: 0 of 1,000 coupons are left"));
}

TEST_F(JudgeParts, AnEndThatIsNotAfterTheStartIsWrong) {
  campaign().terms.ends_at = campaign().terms.starts_at;
  EXPECT_THAT(only(), AllOf(StartsWith("WRONG campaign 7 times: it ends at 2027-01-15T09:00:00.000Z"),
                            HasSubstr("-> openrun campaign update 7 --ends-at never")));
}

TEST_F(JudgeParts, CouponsThatExpireBeforeTheEndAreWrong) {
  auto& policy = campaign().terms.policy;
  policy.valid_until = campaign().terms.ends_at;
  EXPECT_THAT(complaints(facts), IsEmpty());
  policy.valid_until = Timestamp{campaign().terms.ends_at->value - 1'000};
  EXPECT_THAT(only(), AllOf(StartsWith("WRONG campaign 7 validity: coupons expire at 2027-01-15T09:59:59.000Z, before"),
                            HasSubstr("-> openrun campaign update 7 --ends-at 2027-01-15T09:59:59.000Z")));
  campaign().terms.ends_at.reset();
  EXPECT_THAT(only(), StartsWith("look campaign 7 validity: "));
  policy.valid_until = campaign().terms.starts_at;
  EXPECT_THAT(only(), StartsWith("WRONG campaign 7 validity: every coupon has expired when it is given"));
  policy.valid_until.reset();
  policy.valid_for_seconds = 60;
  EXPECT_EQ(said(facts, "campaign 7", "validity"), "ok: 1 min from the issue on");
}

TEST_F(JudgeParts, ACampaignThatTheGatewayDoesNotShowIsWrong) {
  gateway().campaigns[CampaignId{7}] = 404;
  EXPECT_THAT(only(), StartsWith("WRONG campaign 7 gateway: the gateway answers 404"));
  gateway().campaigns[CampaignId{7}] = 0;
  EXPECT_THAT(only(), StartsWith("WRONG campaign 7 gateway: the gateway does not answer when"));
  facts.gateways.push_back({"http://b:8080", good_facts().gateways.front().told});
  EXPECT_EQ(only(),
            "WRONG campaign 7 gateway: the gateway http://a:8080 does not answer when it is asked for it -> "
            "docs/operations.md#health");
}

}  // namespace
}  // namespace openrun::cli::check
