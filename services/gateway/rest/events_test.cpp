// GET /v1/requests/{receipt}/events.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/rest/events_handler.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using enum ports::HttpMethod;

class Events : public ::testing::Test {
 protected:
  struct Event {
    std::string name;
    std::string id;
    std::string data;
  };
  // Appended and acknowledged; returns the path of its receipt.
  std::string accept(std::uint32_t campaign, const std::string& user) {
    const Answer accepted = harness.request(campaign, user);
    harness.acknowledge();
    return "/v1/requests/" + accepted.field("receipt");
  }
  Answer open(const std::string& receipt, const HeaderList& headers = {}) {
    return harness.ask(get, receipt + "/events", "", headers);
  }
  // What a client would dispatch (WHATWG HTML, section 9.2.6), without comments and `retry`.
  static std::vector<Event> events(const Answer& answer) {
    std::vector<Event> found;
    const std::string text = answer.streamed();
    Event next;
    for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string line = text.substr(begin, end - begin);
      if (line.starts_with("event: ")) next.name = line.substr(7);
      if (line.starts_with("id: ")) next.id = line.substr(4);
      if (line.starts_with("data: ")) next.data = line.substr(6);
      if (!line.empty()) continue;
      if (!next.data.empty()) found.push_back(next);
      next = {};
    }
    return found;
  }
  // Decides all but the newest `left` of the requests that wait, of which `newest` is the last. No time passes.
  void decide_all_but(std::size_t left, const std::string& newest) {
    auto& records = harness.undecided[Partition{0}];
    const std::vector<FakeAppender::Appended> later(records.end() - static_cast<std::ptrdiff_t>(left), records.end());
    records.resize(records.size() - left);
    harness.decide();
    harness.undecided[Partition{0}] = later;
    ASSERT_TRUE(harness.until([&] { return harness.ask(get, newest).field("position") == std::to_string(left - 1); }));
  }

  Harness harness;
};

TEST_F(Events, AWaitingRequestShowsItsPositionAndThenItsOutcomeAtOnce) {
  const std::uint32_t campaign = harness.create_campaign(5);
  (void)accept(campaign, "a");
  const std::string receipt = accept(campaign, "b");
  const Answer answer = open(receipt);
  EXPECT_EQ(answer.status(), 200U);
  EXPECT_EQ(answer.reply->response->content_type, "text/event-stream");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_THAT(answer.streamed(), MatchesRegex("retry: 1[0-9][0-9][0-9]\n\nevent: position\nid: 1\ndata: [^\n]*\n\n"));
  ASSERT_EQ(events(answer).size(), 1U);
  EXPECT_THAT(events(answer)[0].data, HasSubstr(R"("status":"waiting","position":1,)"));
  harness.decide();
  ASSERT_TRUE(harness.until([&] { return answer.ended(); })) << "without any time passing";
  const Event outcome = events(answer).back();
  EXPECT_EQ(outcome.name, "outcome");
  EXPECT_EQ(outcome.id, "outcome");
  EXPECT_EQ(outcome.data, harness.ask(get, receipt).body());
  EXPECT_THAT(outcome.data, HasSubstr(R"("status":"issued")"));
}

TEST_F(Events, APositionIsToldWhenItHasChangedAndNotOftener) {
  const std::uint32_t campaign = harness.create_campaign(50);
  for (int i = 0; i < 9; ++i) (void)accept(campaign, "user-" + std::to_string(i));
  const std::string receipt = accept(campaign, "me");
  const Answer answer = open(receipt);
  for (int i = 0; i < 20; ++i) harness.advance_ms(250);
  ASSERT_EQ(events(answer).size(), 1U) << "nothing has changed";
  EXPECT_EQ(events(answer)[0].id, "9");
  decide_all_but(6, receipt);
  decide_all_but(4, receipt);
  for (int i = 0; i < 40; ++i) harness.advance_ms(250);
  ASSERT_EQ(events(answer).size(), 2U) << "the newest only";
  EXPECT_EQ(events(answer)[1].id, "3");
  EXPECT_FALSE(answer.ended());
}

TEST_F(Events, ASlowReaderGetsTheNewestPositionOnly) {
  const std::uint32_t campaign = harness.create_campaign(50);
  for (int i = 0; i < 9; ++i) (void)accept(campaign, "user-" + std::to_string(i));
  const std::string receipt = accept(campaign, "me");
  const Answer answer = open(receipt);
  answer.reply->written->set_unsent(EventsHandler::unsent_bytes_max);
  for (const std::size_t left : {8U, 6U, 4U}) {
    decide_all_but(left, receipt);
    for (int i = 0; i < 40; ++i) harness.advance_ms(250);
  }
  EXPECT_EQ(events(answer).size(), 1U);
  answer.reply->written->set_unsent(0);
  for (int i = 0; i < 40; ++i) harness.advance_ms(250);
  ASSERT_EQ(events(answer).size(), 2U);
  EXPECT_EQ(events(answer)[1].id, "3");
  answer.reply->written->set_unsent(EventsHandler::unsent_bytes_max);
  harness.decide();
  ASSERT_TRUE(harness.until([&] { return answer.ended(); })) << "an outcome is never left out";
}

TEST_F(Events, SomethingIsWrittenAtLeastEveryFifteenSeconds) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const Answer answer = open(accept(campaign, "a"));
  const auto beats = [&] {
    int count = 0;
    const std::string text = answer.streamed();
    for (std::size_t at = text.find("\n:\n"); at != std::string::npos; at = text.find("\n:\n", at + 1)) ++count;
    return count;
  };
  for (int i = 0; i < 56; ++i) harness.advance_ms(250);
  EXPECT_EQ(beats(), 0);
  for (int i = 0; i < 8; ++i) harness.advance_ms(250);
  EXPECT_EQ(beats(), 1);
  for (int i = 0; i < 64; ++i) harness.advance_ms(250);
  EXPECT_EQ(beats(), 2);
}

TEST_F(Events, ADecidedRequestIsItsOutcomeAndTheEnd) {
  const std::uint32_t campaign = harness.create_campaign(1);
  const std::string issued = accept(campaign, "a");
  const std::string rejected = accept(campaign, "b");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  for (const std::string& receipt : {issued, rejected}) {
    const Answer answer = open(receipt);
    ASSERT_TRUE(harness.until([&] { return answer.ended(); }));
    ASSERT_EQ(events(answer).size(), 1U);
    EXPECT_EQ(events(answer)[0].data, harness.ask(get, receipt).body());
  }
}

TEST_F(Events, AClientThatHasTheOutcomeIsToldToStopAsking) {
  const std::uint32_t campaign = harness.create_campaign(1);
  const std::string receipt = accept(campaign, "a");
  EXPECT_EQ(open(receipt, {{"Last-Event-ID", "outcome"}}).status(), 204U);
  // One that has a position is told newer ones only.
  EXPECT_EQ(events(open(receipt, {{"Last-Event-ID", "0"}})).size(), 0U);
  EXPECT_EQ(events(open(receipt, {{"Last-Event-ID", "1"}})).size(), 1U);
  EXPECT_EQ(events(open(receipt, {{"Last-Event-ID", "99999999999999999999"}})).size(), 1U);
}

TEST_F(Events, WhatIsNoReceiptIs404AndWhatIsNoLongerKeptIs410) {
  EXPECT_EQ(open("/v1/requests/x").field("code"), "NOT_FOUND");
  (void)accept(harness.create_campaign(5), "a");
  harness.decide();
  ASSERT_TRUE(harness.settled());
  const std::string foreign = test_signer().sign({Partition{0}, Offset{1}, CampaignId{1}, 424242});
  EXPECT_EQ(open("/v1/requests/" + foreign).field("code"), "GONE");
}

TEST_F(Events, AboveTheBoundItIs503UntilOneEnds) {
  Settings settings = Harness::test_settings();
  settings.streams_max = 1;
  Harness bounded(settings);
  const std::uint32_t campaign = bounded.create_campaign(5);
  const Answer accepted = bounded.request(campaign, "a");
  bounded.acknowledge();
  const std::string target = "/v1/requests/" + accepted.field("receipt") + "/events";
  const Answer first = bounded.ask(get, target);
  EXPECT_EQ(first.status(), 200U);
  const Answer second = bounded.ask(get, target);
  EXPECT_EQ(second.status(), 503U);
  EXPECT_FALSE(second.header("Retry-After").empty());
  first.reply->written->abandon();
  ASSERT_TRUE(bounded.until([&] {
    bounded.advance_ms(250);
    return first.broken();
  }));
  EXPECT_EQ(bounded.ask(get, target).status(), 200U);
}

TEST_F(Events, WithoutASeatToWaitItLooksByTheClock) {
  Settings settings = Harness::test_settings();
  settings.waits_max = 0;
  Harness seatless(settings);
  const std::uint32_t campaign = seatless.create_campaign(5);
  const Answer accepted = seatless.request(campaign, "a");
  seatless.acknowledge();
  const Answer answer = seatless.ask(get, "/v1/requests/" + accepted.field("receipt") + "/events");
  EXPECT_EQ(events(answer).size(), 1U);
  seatless.decide();
  ASSERT_TRUE(seatless.settled());
  ASSERT_TRUE(seatless.until([&] {
    seatless.advance_ms(250);
    return answer.ended();
  }));
  EXPECT_EQ(events(answer).back().name, "outcome");
}

TEST_F(Events, DrainingEndsThemSoThatTheyConnectElsewhere) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string receipt = accept(campaign, "a");
  const Answer before = open(receipt);
  harness.gateway->begin_drain();
  ASSERT_TRUE(harness.until([&] { return before.ended(); }));
  EXPECT_THAT(before.streamed(), StartsWith("retry: "));
  EXPECT_THAT(before.streamed(), Not(HasSubstr("outcome")));
  const Answer after = open(receipt);
  EXPECT_EQ(events(after).size(), 1U);
  EXPECT_TRUE(after.ended());
}

TEST_F(Events, AStoreThatIsDownForAWhileDoesNotEndIt) {
  const std::uint32_t campaign = harness.create_campaign(5);
  const std::string lost = accept(campaign, "a");
  const Answer answer = open(lost);
  const auto down = [&](bool is_down) {
    std::lock_guard lock(harness.database.mutex);
    harness.database.down = is_down;
  };
  harness.decide(false);
  (void)accept(campaign, "b");
  harness.decide();
  down(true);
  ASSERT_TRUE(harness.settled());
  for (int i = 0; i < 40; ++i) {
    harness.advance_ms(250);
    std::this_thread::yield();
  }
  EXPECT_FALSE(answer.ended());
  EXPECT_FALSE(answer.broken());
  down(false);
  ASSERT_TRUE(harness.until([&] {
    harness.advance_ms(250);
    return answer.ended();
  }));
  EXPECT_EQ(events(answer).back().name, "outcome");
}

}  // namespace
}  // namespace openrun::gateway
