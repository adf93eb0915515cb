#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/http/server.hpp>

#include "testing/client.hpp"
#include "testing/fixture.hpp"

namespace openrun::http {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::Client;
using testing::get;

using DrainingServer = testing::ServerTest;

TEST_F(DrainingServer, ClosesIdleConnectionsAndAnswersWhatHasArrived) {
  start();
  Client idle(port());
  ASSERT_EQ(idle.ask(get("/")).status, 200U);
  Client busy(port());
  ASSERT_TRUE(busy.send(get("/hold")));
  auto held = held_.take();
  std::thread drainer([&] { server_->drain(testing::patience); });
  EXPECT_TRUE(idle.is_closed());
  answer(std::move(held), "last");
  const Answer last = busy.read();
  EXPECT_EQ(last.body, "last");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(busy.is_closed());
  drainer.join();
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_EQ(Client(port()).ask(get("/")).status, 0U);  // nobody listens any more
}

TEST_F(DrainingServer, AnAnswerOfTheTurnInWhichDrainingBeginsIsSentAndItsConnectionClosed) {
  start({.threads = 2});
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<testing::HeldReplies::Held> held(2);  // one of each thread
  std::vector<Client*> waits(2, nullptr);
  while (waits[0] == nullptr || waits[1] == nullptr) {
    ASSERT_LT(clients.size(), 1'000U);
    clients.push_back(std::make_unique<Client>(port()));
    ASSERT_TRUE(clients.back()->send(get("/hold")));
    auto taken = held_.take();
    const std::size_t index = taken.thread->index();
    if (waits[index] != nullptr) {
      answer(std::move(taken), "not needed");
      EXPECT_EQ(clients.back()->read().status, 200U);
      continue;
    }
    waits[index] = clients.back().get();
    held[index] = std::move(taken);
  }
  answer(std::move(held[1]), "idle from here on");
  EXPECT_EQ(waits[1]->read().status, 200U);

  std::promise<void> may_go_on;
  server_->thread(0).post([&] { may_go_on.get_future().wait(); });
  server_->thread(0).post([&] { held[0].reply->send(testing::text_response("the last")); });
  std::thread drainer([&] { server_->drain(2 * testing::patience); });  // so that no force closes it in time
  EXPECT_TRUE(waits[1]->is_closed());  // so thread 0 has been asked to drain too: in the turn in which it answers
  may_go_on.set_value();
  EXPECT_EQ(waits[0]->read().body, "the last");
  EXPECT_TRUE(waits[0]->is_closed());
  drainer.join();
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(DrainingServer, StopsWaitingAfterItsGrace) {
  start();
  Client busy(port());
  ASSERT_TRUE(busy.send(get("/hold")));
  auto held = held_.take();
  server_->drain(milliseconds{20});
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_TRUE(busy.is_closed());
  answer(std::move(held), "too late");  // reaches nobody and harms nobody
}

TEST_F(DrainingServer, AReplyMayOutliveTheServer) {
  start();
  Client client(port());
  ASSERT_TRUE(client.send(get("/hold/1")));
  auto answered = held_.take();
  Client other(port());
  ASSERT_TRUE(other.send(get("/hold/2")));
  auto dropped = held_.take();
  server_.reset();
  EXPECT_TRUE(answered.reply->abandoned());
  answered.reply->send(testing::text_response("late"));
  dropped.reply.reset();
}

}  // namespace
}  // namespace openrun::http
