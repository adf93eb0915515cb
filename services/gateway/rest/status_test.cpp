// GET /v1/requests/{receipt}.
#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using enum ports::HttpMethod;

class Status : public ::testing::Test {
 protected:
  // Appended and acknowledged; returns the path of its receipt.
  std::string accept(std::uint32_t campaign, const std::string& user) {
    const Answer accepted = harness.request(campaign, user);
    harness.acknowledge();
    return "/v1/requests/" + accepted.field("receipt");
  }
  bool shows(const std::string& receipt, const std::string& status) {
    return harness.until([&] {
      answer = harness.ask(get, receipt);
      return answer.field("status") == status;
    });
  }
  void lose_database(bool down = true) {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = down;
  }

  Harness harness;
  Answer answer;
};

TEST_F(Status, AWaitingRequestShowsPositionAndAdvice) {
  const std::uint32_t campaign = harness.create_campaign(5);
  (void)accept(campaign, "a");
  const std::string receipt = accept(campaign, "b");
  answer = harness.ask(get, receipt);
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.field("status"), "waiting");
  EXPECT_EQ(answer.field("position"), "1");
  EXPECT_FALSE(answer.field("poll_after_ms").empty());
  EXPECT_FALSE(answer.header("Retry-After").empty());
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
}

TEST_F(Status, ADecidedRequestShowsItsOutcomeFromMemory) {
  const std::uint32_t campaign = harness.create_campaign(1);
  const std::string issued = accept(campaign, "a");
  const std::string rejected = accept(campaign, "b");
  const std::string twice = accept(campaign, "a");
  harness.decide();
  ASSERT_TRUE(shows(issued, "issued"));
  EXPECT_EQ(answer.field("coupon.sequence"), "1");
  ASSERT_TRUE(shows(rejected, "rejected"));
  EXPECT_EQ(answer.field("reason"), "SOLD_OUT");
  ASSERT_TRUE(shows(twice, "rejected"));
  EXPECT_EQ(answer.field("reason"), "ALREADY_ISSUED");
  EXPECT_EQ(answer.field("coupon.sequence"), "1");
  lose_database();
  EXPECT_TRUE(shows(issued, "issued")) << "also with the database down";
}

TEST_F(Status, AWaitedPollIsAnsweredWhenTheOutcomeComes) {
  const std::uint32_t campaign = harness.create_campaign(1);
  const std::string receipt = accept(campaign, "a");
  const Answer held = harness.send(get, receipt, "", {{"Prefer", "wait=20"}});
  EXPECT_FALSE(held.arrived());
  harness.decide();
  ASSERT_TRUE(harness.until([&] { return held.arrived(); }));
  EXPECT_EQ(held.status(), 200U);
  EXPECT_EQ(held.field("status"), "issued");
  EXPECT_EQ(held.header("Preference-Applied"), "wait=20");
}

TEST_F(Status, AWaitedPollThatIsOverShowsThePosition) {
  const std::uint32_t campaign = harness.create_campaign(1);
  const std::string receipt = accept(campaign, "a");
  const Answer held = harness.send(get, receipt, "", {{"Prefer", "wait=2"}});
  harness.advance_ms(1'900);
  EXPECT_FALSE(held.arrived());
  harness.advance_ms(200);
  EXPECT_EQ(held.status(), 200U);
  EXPECT_EQ(held.field("status"), "waiting");
}

TEST_F(Status, WhatIsNoReceiptIs404) {
  for (const char* text : {"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00"}) {
    EXPECT_EQ(harness.ask(get, std::string("/v1/requests/") + text).field("code"), "NOT_FOUND");
  }
}

TEST_F(Status, AReceiptWhoseOffsetHoldsAnotherRecordIsGone) {
  const std::uint32_t campaign = harness.create_campaign(1);
  (void)accept(campaign, "a");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  const std::string foreign = test_signer().sign({Partition{0}, Offset{1}, CampaignId{campaign}, 424242});
  answer = harness.ask(get, "/v1/requests/" + foreign);
  EXPECT_EQ(answer.status(), 410U);
  EXPECT_EQ(answer.field("code"), "GONE");
}

TEST_F(Status, ALostResultIsReadFromTheStoreAfterItsTime) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string lost = accept(campaign, "a");
  harness.decide(false);
  const std::string later = accept(campaign, "b");
  harness.decide();
  ASSERT_TRUE(shows(later, "issued"));
  answer = harness.ask(get, lost);
  EXPECT_EQ(answer.field("status"), "waiting") << "it may still come";
  harness.advance_ms(250);
  answer = harness.ask(get, lost);
  EXPECT_EQ(answer.field("status"), "issued");
  lose_database();
  EXPECT_EQ(harness.ask(get, lost).field("status"), "issued") << "the batch that was read repaired the window";
}

// The store may be of an earlier moment, which only the results tell.
TEST_F(Status, BeforeTheResultsAreReadNobodyIsAnswered) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string decided = accept(campaign, "a");
  harness.decide();
  const std::string undecided = accept(campaign, "b");
  harness.log.set_down(true);
  harness.begin_again();
  for (const std::string& path : {decided, undecided}) {
    answer = harness.ask(get, path);
    EXPECT_EQ(answer.status(), 503U);
    EXPECT_EQ(answer.header("Retry-After"), "1");
  }
  harness.log.set_down(false);
  ASSERT_TRUE(harness.until([&] { return harness.ask(get, "/readyz").status() == 200; }));
  EXPECT_EQ(harness.ask(get, decided).field("status"), "issued");
  answer = harness.ask(get, undecided);
  EXPECT_EQ(answer.field("status"), "waiting");
  EXPECT_EQ(answer.field("position"), "0");
  lose_database();
  EXPECT_EQ(harness.ask(get, undecided).field("status"), "waiting");
}

TEST_F(Status, AHeldPollIsEndedByTheStoreWhenItsResultIsLost) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string lost = accept(campaign, "a");
  const Answer held = harness.send(get, lost, "", {{"Prefer", "wait=20"}});
  harness.decide(false);
  (void)accept(campaign, "b");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  harness.advance_ms(250);
  ASSERT_TRUE(harness.until([&] { return held.arrived(); }));
  EXPECT_EQ(held.field("status"), "issued");
}

TEST_F(Status, OutcomesThatAreNoLongerKeptAreGone) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string lost = accept(campaign, "a");
  harness.decide(false);
  (void)accept(campaign, "b");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  harness.advance_ms(250);
  {
    std::lock_guard lock(harness.database.mutex);
    harness.database.outbox.clear();
  }
  EXPECT_EQ(harness.ask(get, lost).status(), 410U);
}

TEST_F(Status, WithTheStoreDownWhatOnlyItKnowsIs503AndWaitingIsStillShown) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string lost = accept(campaign, "a");
  harness.decide(false);
  (void)accept(campaign, "b");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  harness.advance_ms(250);
  lose_database();
  EXPECT_EQ(harness.ask(get, lost).status(), 503U);
  EXPECT_EQ(harness.ask(get, accept(campaign, "c")).field("status"), "waiting");
}

TEST_F(Status, AReplayedDeadLetterShowsItsNewOutcome) {
  const std::uint32_t campaign = harness.create_campaign(5);
  harness.issuer.poison("a");
  const std::string receipt = accept(campaign, "a");
  const FakeAppender::Appended origin = harness.undecided[Partition{0}].back();
  harness.decide();
  ASSERT_TRUE(shows(receipt, "failed"));
  EXPECT_EQ(answer.field("reason"), "DEAD_LETTERED");
  // Results are lost: only the store knows.
  const std::string payload = harness.issuer.replay(origin, origin.offset + 1, harness.clock.now());
  ASSERT_TRUE(shows(receipt, "issued"));
  harness.publish(Partition{0}, payload);
  ASSERT_TRUE(harness.settled());
  lose_database();
  EXPECT_TRUE(shows(receipt, "issued"));
}

TEST_F(Status, AReplayThatWasDecidedBeforeTheGatewayStartedIsShownFromTheStore) {
  const std::uint32_t campaign = harness.create_campaign(5);
  harness.issuer.poison("a");
  const std::string receipt = accept(campaign, "a");
  const FakeAppender::Appended origin = harness.undecided[Partition{0}].back();
  harness.decide();
  ASSERT_TRUE(shows(receipt, "failed"));
  (void)harness.issuer.replay(origin, origin.offset + 1, harness.clock.now());
  harness.restart();
  EXPECT_TRUE(shows(receipt, "issued"));
  EXPECT_EQ(answer.field("coupon.sequence"), "1");
}

TEST_F(Status, ACommandsReceiptShowsWhatBecameOfIt) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string path = "/v1/campaigns/" + std::to_string(campaign) + "/stock";
  const Answer undecided = harness.send(post, path, R"({"add":2})", admin);
  harness.acknowledge();
  harness.advance_ms(10'100);
  ASSERT_EQ(undecided.status(), 202U);
  const std::string receipt = undecided.header("Location");
  EXPECT_EQ(harness.ask(get, receipt).field("status"), "waiting");
  harness.decide();
  EXPECT_TRUE(shows(receipt, "applied"));
}

TEST_F(Status, WhatTheRetentionTookBeforeItWasReadIsToldByTheStore) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string read = accept(campaign, "a");
  harness.decide();
  ASSERT_TRUE(shows(read, "issued"));
  harness.log.set_down(true);
  const std::string missed = accept(campaign, "b");
  harness.decide();
  lose_database();
  // Nothing is left that could tell the gateway where the issuer stands.
  const auto everything = harness.log.end(ports::Topic::results, Partition{0});
  harness.log.expire(ports::Topic::results, Partition{0}, everything);
  harness.log.set_down(false);
  ASSERT_TRUE(harness.until([&] { return harness.log.opened() > 1; }));
  EXPECT_EQ(harness.ask(get, missed).field("status"), "waiting");
  lose_database(false);
  harness.advance_ms(1'100);
  ASSERT_TRUE(harness.until([&] {
    harness.clock.advance_ms(250);
    answer = harness.ask(get, missed);
    return answer.field("status") == "issued";
  }));
  EXPECT_EQ(answer.field("coupon.sequence"), "2");
}

TEST_F(Status, TheStoresOutcomeOfAnotherRecordIsNeverShown) {
  const std::uint32_t campaign = harness.create_campaign(5);
  (void)accept(campaign, "a");
  harness.decide(false);
  (void)accept(campaign, "b");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  harness.advance_ms(250);
  const std::string foreign = test_signer().sign({Partition{0}, Offset{1}, CampaignId{campaign}, 424242});
  EXPECT_EQ(harness.ask(get, "/v1/requests/" + foreign).status(), 410U);
}

}  // namespace
}  // namespace openrun::gateway
