#include "line.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/client.hpp"
#include "testing/fixture.hpp"

namespace openrun::http {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::get;
using ::testing::HasSubstr;
using testing::patience;
using testing::post;
using ::testing::StartsWith;

constexpr RequestStart submit{"POST", "/line/1"};
constexpr std::size_t a_turn = Line::come_in_a_turn_max;

class NoThread final : public ports::IoThread {
 public:
  [[nodiscard]] std::size_t index() const override { return 0; }
  [[nodiscard]] std::size_t awake_connections() const override { return 0; }
  void post(std::function<void()>) override {}
  void after(std::int64_t, std::function<void()>) override {}
};

class LineTest : public ::testing::Test {
 protected:
  LineTest() {
    line.open({.may_stand = [](std::string_view method,
                               std::string_view path) { return method == "POST" && path.starts_with("/line"); },
               .has_room = [this](const ports::IoThread&) { return room > 0; },
               .wait_max = milliseconds(100)});
  }

  struct Someone final : Standing {
    void come_in(bool is_overdue) override {
      told->push_back(name + (is_overdue ? " overdue" : ""));
      if (!is_overdue) --*room;
    }
    std::string name;
    std::vector<std::string>* told = nullptr;
    std::size_t* room = nullptr;
  };

  Line::Place join(const std::string& name) {
    people.push_back(std::make_unique<Someone>());
    people.back()->name = name;
    people.back()->told = &told;
    people.back()->room = &room;
    return line.join(*people.back(), now_us);
  }
  [[nodiscard]] std::size_t overdue() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(told, [](const std::string& each) { return each.ends_with("overdue"); }));
  }

  std::size_t room = 1'000'000;
  std::int64_t now_us = 1'000'000;
  std::vector<std::string> told;
  NoThread io;
  Line line{io};
  std::vector<std::unique_ptr<Someone>> people;
};

using Told = std::vector<std::string>;
using When = Line::Again::When;

TEST_F(LineTest, WhereThereIsRoomNobodyStands) {
  EXPECT_TRUE(line.lets_in(submit));
  EXPECT_EQ(line.end_turn(now_us).when, When::at_next_turn);
}

TEST_F(LineTest, WhoMayNotStandComesInWhateverHappens) {
  room = 0;
  (void)join("a");
  EXPECT_TRUE(line.lets_in({"GET", "/line/1"}));
  EXPECT_TRUE(line.lets_in({"POST", "/other"}));
  EXPECT_FALSE(line.lets_in(submit));
}

TEST_F(LineTest, ATurnLetsInSoManyAndNoMore) {
  for (std::size_t i = 0; i < a_turn; ++i) EXPECT_TRUE(line.lets_in(submit));
  EXPECT_FALSE(line.lets_in(submit));
  (void)join("a");
  EXPECT_EQ(line.end_turn(now_us).when, When::at_once);
  EXPECT_EQ(told, Told{}) << "those that came in at once have filled the turn";
  EXPECT_EQ(line.end_turn(now_us).when, When::at_next_turn);
  EXPECT_EQ(told, (Told{"a"}));
}

TEST_F(LineTest, NobodyPassesThoseWhoStand) {
  (void)join("a");
  EXPECT_FALSE(line.lets_in(submit));
}

TEST_F(LineTest, TheFirstComesInFirst) {
  room = 0;
  for (const char* name : {"a", "b", "c"}) (void)join(name);
  EXPECT_EQ(line.end_turn(now_us).when, When::at_time);
  room = 2;
  EXPECT_EQ(line.end_turn(now_us).when, When::at_time);
  EXPECT_EQ(told, (Told{"a", "b"}));
}

TEST_F(LineTest, WhoLeavesIsNotCalled) {
  (void)join("a");
  const Line::Place b = join("b");
  (void)join("c");
  line.leave(b);
  (void)line.end_turn(now_us);
  EXPECT_EQ(told, (Told{"a", "c"}));
}

TEST_F(LineTest, WithoutRoomTheOverdueAreRefusedAndTheOthersWait) {
  room = 0;
  (void)join("a");
  now_us += 60'000;
  (void)join("b");
  const Line::Again again = line.end_turn(now_us);
  EXPECT_EQ(again.when, When::at_time);
  EXPECT_EQ(again.at_us, 1'100'000) << "when the first is overdue";
  now_us = again.at_us;
  EXPECT_EQ(line.end_turn(now_us).at_us, 1'160'000);
  EXPECT_EQ(told, (Told{"a overdue"}));
}

TEST_F(LineTest, WhileThereIsRoomOneIsRefusedForTwoThatComeIn) {
  for (int i = 0; i < 300; ++i) (void)join("x");
  now_us += 1'000'000;
  while (line.size() > 0) (void)line.end_turn(now_us);
  EXPECT_EQ(overdue(), 100U);
  EXPECT_EQ(told.size(), 300U);
}

TEST_F(LineTest, OnlySoManyRefusalsAreSavedUp) {
  for (int i = 0; i < 10'000; ++i) {
    (void)join("x");
    (void)line.end_turn(now_us);
  }
  for (int i = 0; i < 60; ++i) (void)join("x");
  now_us += 1'000'000;
  told.clear();
  while (line.size() > 0) (void)line.end_turn(now_us);
  EXPECT_EQ(overdue(), Line::refusals_saved_max + (60 - Line::refusals_saved_max) / 3);
}

TEST_F(LineTest, ATurnRefusesNoMoreThanItLetsIn) {
  room = 0;
  for (std::size_t i = 0; i < 3 * a_turn; ++i) (void)join("x");
  now_us += 1'000'000;
  EXPECT_EQ(line.end_turn(now_us).when, When::at_once);
  EXPECT_EQ(overdue(), a_turn);
}

// The same through sockets.
class HttpLine : public testing::ServerTest {
 protected:
  void start_with_line(milliseconds wait_max = patience) {
    start({}, {.may_stand =
                   [this](std::string_view method, std::string_view path) {
                     const bool may = method == "POST" && path.starts_with("/line");
                     if (may) ++came_;
                     return may;
                   },
               .has_room = [this](const ports::IoThread&) { return is_room_.load(); },
               .wait_max = wait_max});
  }
  // Waits until so many have asked to come in.
  [[nodiscard]] bool have_come(int count) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (came_ < count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  void make_room() {
    testing::on_thread(server_->thread(0), [this] { is_room_ = true; });
  }

  std::atomic<bool> is_room_{false};
  std::atomic<int> came_{0};
};

TEST_F(HttpLine, PollsAreAnsweredWhileSubmitsStandInLine) {
  start_with_line();
  Client standing(port());
  ASSERT_TRUE(standing.send(post("/line/1", "body")));
  ASSERT_TRUE(have_come(1));
  Client polling(port());
  EXPECT_THAT(polling.ask(get("/line/1")).body, StartsWith("0 /line/1?"));
  EXPECT_THAT(polling.ask(post("/other", "b")).body, HasSubstr("/other"));
  EXPECT_TRUE(standing.is_quiet_for(milliseconds(0)));
  make_room();
  EXPECT_THAT(standing.read().body, ::testing::AllOf(HasSubstr("[body]"), ::testing::Not(HasSubstr("overdue"))));
  is_room_ = true;
  EXPECT_THAT(standing.ask(post("/line/2", "again")).body, HasSubstr("[again]")) << "the connection goes on";
}

TEST_F(HttpLine, WhoStandsTooLongIsHandedOverAsOverdueAndTheConnectionGoesOn) {
  start_with_line(milliseconds(1));
  Client client(port());
  ASSERT_TRUE(client.send(post("/line/1", "body") + get("/behind")));
  EXPECT_THAT(client.read().body, HasSubstr("overdue"));
  EXPECT_THAT(client.read().body, ::testing::AllOf(StartsWith("0 /behind?"), ::testing::Not(HasSubstr("overdue"))))
      << "what is pipelined behind it was not in line";
}

TEST_F(HttpLine, WhatIsPipelinedBehindWaitsForItsTurn) {
  start_with_line();
  Client client(port());
  ASSERT_TRUE(client.send(get("/before") + post("/line/1", "body") + get("/behind")));
  EXPECT_THAT(client.read().body, StartsWith("0 /before?"));
  ASSERT_TRUE(have_come(1));
  ASSERT_TRUE(client.send(get("/later")));
  EXPECT_TRUE(client.is_quiet_for(milliseconds(0)));
  make_room();
  EXPECT_THAT(client.read().body, HasSubstr("[body]"));
  EXPECT_THAT(client.read().body, StartsWith("0 /behind?"));
  EXPECT_THAT(client.read().body, StartsWith("0 /later?"));
}

TEST_F(HttpLine, ABodyThatComesLaterDoesNotStandAgain) {
  start_with_line();
  Client client(port());
  const std::string request = post("/line/1", "0123456789");
  ASSERT_TRUE(client.send(request.substr(0, request.size() - 5)));
  ASSERT_TRUE(have_come(1));
  make_room();
  Client other(port());
  EXPECT_EQ(other.ask(get("/")).status, 200U);
  is_room_ = false;
  ASSERT_TRUE(client.send(request.substr(request.size() - 5)));
  EXPECT_THAT(client.read().body, HasSubstr("[0123456789]"));
  EXPECT_EQ(came_, 1);
}

TEST_F(HttpLine, ARequestThatComesByteByByteStandsOnceItsTargetIsThere) {
  start_with_line();
  Client client(port());
  for (const char byte : post("/line/1", "0123456789")) ASSERT_TRUE(client.send({&byte, 1}));
  ASSERT_TRUE(have_come(1));
  EXPECT_TRUE(client.is_quiet_for(milliseconds(0)));
  make_room();
  EXPECT_THAT(client.read().body, HasSubstr("[0123456789]"));
}

TEST_F(HttpLine, AClientThatSendsNoMoreIsAnsweredAndOneThatIsGoneLeaves) {
  start_with_line();
  {
    Client gone(port());
    ASSERT_TRUE(gone.send(post("/line/1", "body")));
    ASSERT_TRUE(have_come(1));
    gone.reset();
  }
  EXPECT_TRUE(has_connections(0));
  Client client(port());
  ASSERT_TRUE(client.send(post("/line/2", "body")));
  ASSERT_TRUE(have_come(2));
  client.finish_sending();
  make_room();
  EXPECT_THAT(client.read().body, HasSubstr("/line/2"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpLine, WhoStandsWhenTheServerDrainsIsAnswered) {
  start_with_line(milliseconds(50));
  Client client(port());
  ASSERT_TRUE(client.send(post("/line/1", "body")));
  ASSERT_TRUE(have_come(1));
  server_->drain(patience);
  const testing::Answer answer = client.read();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.header("connection"), "close");
}

}  // namespace
}  // namespace openrun::http
