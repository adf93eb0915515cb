#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using enum ports::HttpMethod;
using openrun::testing::a_letter;
using openrun::testing::a_request;

TEST(DeadLetters, AreListedPageByPageAndByState) {
  Harness harness;
  for (int offset = 0; offset < 5; ++offset) harness.dead_letters.add(a_letter(offset, a_request("kim")));
  harness.dead_letters.rows.at(1'003).discarded_at = Timestamp{1};
  const Answer page = harness.ask(get, "/v1/dead-letters?limit=2", "", admin);
  EXPECT_EQ(page.field("dead_letters"), "array of 2");
  EXPECT_EQ(page.field("next_after"), "0:1");
  EXPECT_EQ(page.field("dead_letters.0.state"), "open");
  const Answer rest = harness.ask(get, "/v1/dead-letters?limit=3&after=0:1", "", admin);
  EXPECT_EQ(rest.field("dead_letters.0.offset"), "2");
  const Answer discarded = harness.ask(get, "/v1/dead-letters?state=discarded", "", admin);
  EXPECT_EQ(discarded.field("dead_letters"), "array of 1");
  EXPECT_EQ(discarded.field("dead_letters.0.offset"), "3");
  EXPECT_EQ(discarded.field("next_after"), "null");
}

TEST(DeadLetters, AFaultyFilterIsExplained) {
  Harness harness;
  for (const char* query :
       {"partition=x", "state=OPEN", "reason=", "reason=a", "campaign_id=0", "after=5", "limit=0", "limit=201"}) {
    const Answer answer = harness.ask(get, std::string("/v1/dead-letters?") + query, "", admin);
    EXPECT_EQ(answer.status(), 400U) << query;
    EXPECT_TRUE(std::string_view(query).starts_with(answer.field("errors.0.field"))) << query;
  }
}

TEST(DeadLetters, OneIsShownWithItsBytes) {
  Harness harness;
  harness.dead_letters.add(a_letter(7, "garbage", "MALFORMED"));
  const Answer answer = harness.ask(get, "/v1/dead-letters/0:7", "", admin);
  EXPECT_EQ(answer.field("reason"), "MALFORMED");
  EXPECT_EQ(answer.field("readable"), "garbage");
  EXPECT_EQ(answer.field("value_base64"), "Z2FyYmFnZQ==");
  EXPECT_EQ(answer.field("replay_records"), "array of 0");
  EXPECT_EQ(harness.ask(get, "/v1/dead-letters/0%3A7", "", admin).status(), 200U);
  EXPECT_EQ(harness.ask(get, "/v1/dead-letters/0:8", "", admin).status(), 404U);
  EXPECT_EQ(harness.ask(get, "/v1/dead-letters/seven", "", admin).status(), 404U);
}

TEST(DeadLetters, AReplayIsAPlanUntilItIsToldToExecute) {
  Harness harness;
  for (int offset = 0; offset < 3; ++offset) harness.dead_letters.add(a_letter(offset, a_request("kim")));
  harness.dead_letters.add(a_letter(3, "garbage", "MALFORMED"));
  const Answer plan = harness.ask(post, "/v1/dead-letter-replays", "{}", admin);
  EXPECT_EQ(plan.field("executed"), "false");
  EXPECT_EQ(plan.field("planned"), "3");
  EXPECT_EQ(plan.field("skipped.NOT_READABLE"), "1");
  EXPECT_TRUE(harness.replayed.empty());
  const Answer done = harness.ask(post, "/v1/dead-letter-replays",
                                  R"({"partition":0,"first_offset":1,"last_offset":2,"execute":true})", admin);
  EXPECT_EQ(done.field("executed"), "true");
  EXPECT_EQ(done.field("done"), "2");
  EXPECT_EQ(done.field("complete"), "true");
  EXPECT_EQ(harness.replayed.size(), 2U);
  ASSERT_EQ(harness.dead_letters.actions.size(), 1U);
  EXPECT_EQ(harness.dead_letters.actions[0].done_by, "ops");
  EXPECT_EQ(harness.dead_letters.finished, 1U);
}

TEST(DeadLetters, WhoHasHisAnswerMayOrderTheNextActionAtOnce) {
  Harness harness;
  harness.dead_letters.add(a_letter(0, a_request("kim")));
  std::promise<void> ordered;
  // The thread that has answered gets no further before the next order is there.
  harness.io[0]->set_after_post([is_ordered = ordered.get_future().share()] { is_ordered.wait_for(10s); });
  EXPECT_EQ(harness.ask(post, "/v1/dead-letter-replays", "{}", admin).status(), 200U);
  const Answer next = harness.send(post, "/v1/dead-letter-replays", "{}", admin);
  ordered.set_value();
  EXPECT_TRUE(harness.until([&] { return next.arrived(); }));
  EXPECT_EQ(next.status(), 200U) << next.body();
}

TEST(DeadLetters, ADiscardGivesUpWhatIsOpen) {
  Harness harness;
  harness.dead_letters.add(a_letter(3, "garbage", "MALFORMED"));
  const Answer done = harness.ask(post, "/v1/dead-letter-discards", R"({"reason":"MALFORMED","execute":true})", admin);
  EXPECT_EQ(done.field("action"), "discard");
  EXPECT_EQ(done.field("done"), "1");
  EXPECT_TRUE(harness.dead_letters.rows.at(1'003).discarded_at.has_value());
}

TEST(DeadLetters, WhileAnotherActionIsAtWorkNothingIsDone) {
  Harness harness;
  harness.dead_letters.add(a_letter(0, a_request("kim")));
  harness.dead_letters.fault = [](const std::string& call) -> std::optional<Error> {
    if (call != "begin_action") return std::nullopt;
    return Error{Error::Kind::conflict, "another one is at work"};
  };
  const Answer answer = harness.ask(post, "/v1/dead-letter-replays", R"({"execute":true})", admin);
  EXPECT_EQ(answer.status(), 503U);
  EXPECT_EQ(answer.field("code"), "OVERLOADED");
  EXPECT_TRUE(harness.replayed.empty());
}

TEST(DeadLetters, AFaultyOrderIsExplainedAndDoesNothing) {
  Harness harness;
  harness.dead_letters.add(a_letter(0, a_request("kim")));
  for (const char* body :
       {R"({"reason":""})", R"({"reason":"a b"})", R"({"execute":"true"})", R"({"max":1001,"execute":true})",
        R"({"max":0})", R"({"everything":true})", R"({"since":"yesterday"})"}) {
    EXPECT_EQ(harness.ask(post, "/v1/dead-letter-replays", body, admin).status(), 400U) << body;
  }
  EXPECT_EQ(harness.ask(post, "/v1/dead-letter-discards", R"({"max_replays":1})", admin).status(), 400U);
  for (const char* body : {R"({"first_offset":1})", R"({"partition":0,"first_offset":2,"last_offset":1})"}) {
    EXPECT_EQ(harness.ask(post, "/v1/dead-letter-replays", body, admin).field("code"), "WRONG_RANGE") << body;
  }
  EXPECT_EQ(harness.ask(post, "/v1/dead-letter-replays", "{}", json).status(), 401U);
  EXPECT_TRUE(harness.dead_letters.actions.empty());
}

}  // namespace
}  // namespace openrun::gateway
