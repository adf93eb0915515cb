// What an I/O thread does in a turn, and in which order.
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/http/server.hpp>

#include "testing/client.hpp"
#include "testing/fixture.hpp"

namespace openrun::http {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::get;
using ::testing::StartsWith;

using HttpTurns = testing::ServerTest;

TEST_F(HttpTurns, TheAnswersOfATurnAreSentTogetherAtItsEnd) {
  start();
  Client first(port());
  Client second(port());
  ASSERT_TRUE(first.send(get("/hold")));
  auto one = held_.take();
  ASSERT_TRUE(second.send(get("/hold")));
  auto two = held_.take();
  bool is_early = false;
  testing::on_thread(server_->thread(0), [&] {
    one.reply->send(testing::text_response("one"));
    two.reply->send(testing::text_response("two"));
    is_early = !first.is_quiet_for(milliseconds{0}) || !second.is_quiet_for(milliseconds{0});
  });
  EXPECT_FALSE(is_early);
  EXPECT_EQ(first.read().body, "one");
  EXPECT_EQ(second.read().body, "two");
  EXPECT_THAT(first.ask(get("/on")).body, StartsWith("0 /on?"));
}

TEST_F(HttpTurns, WhoIsAnsweredAtOnceIsToldBeforeWhatIsPostedRuns) {
  start();
  Client client(port());
  std::promise<bool> is_told;
  posted_ = [&] { is_told.set_value(!client.is_quiet_for(milliseconds{0})); };
  ASSERT_TRUE(client.send(get("/post")));
  auto told = is_told.get_future();
  ASSERT_EQ(told.wait_for(testing::patience), std::future_status::ready);
  EXPECT_TRUE(told.get());
  EXPECT_EQ(client.read().body, "posted");
}

TEST_F(HttpTurns, PostedWorkRunsOnItsThreadInOrder) {
  start({.threads = 2});
  for (std::size_t index = 0; index < server_->threads(); ++index) {
    ports::IoThread& thread = server_->thread(index);
    EXPECT_EQ(thread.index(), index);
    std::vector<std::thread::id> ids(1);
    std::atomic<int> count{0};
    std::vector<int> order;
    std::vector<std::thread> posters;
    for (int i = 0; i < 1'000; ++i) thread.post([&, i] { order.push_back(i); });
    for (int t = 0; t < 4; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) thread.post([&] { ++count; });
      });
    }
    for (std::thread& poster : posters) poster.join();
    testing::on_thread(thread, [&] { ids[0] = std::this_thread::get_id(); });
    EXPECT_NE(ids[0], std::this_thread::get_id());
    EXPECT_EQ(count, 20'000);
    EXPECT_TRUE(order.size() == 1'000 && std::is_sorted(order.begin(), order.end()));
  }
}

TEST_F(HttpTurns, EachPostWakesASleepingThread) {
  start();
  for (int i = 0; i < 2'000; ++i) testing::on_thread(server_->thread(0), [] {});
}

TEST_F(HttpTurns, DelayedWorkRunsInTheOrderOfItsTimes) {
  start();
  std::vector<int> order;
  std::mutex mutex;
  std::condition_variable done;
  const auto begin = std::chrono::steady_clock::now();
  testing::on_thread(server_->thread(0), [&] {
    for (const int delay : {30, 10, 20, 10, 0}) {
      server_->thread(0).after(delay, [&, delay] {
        std::lock_guard lock(mutex);
        EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(delay));
        order.push_back(delay);
        done.notify_all();
      });
    }
  });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(done.wait_for(lock, testing::patience, [&] { return order.size() == 5; }));
  EXPECT_THAT(order, ::testing::ElementsAre(0, 10, 10, 20, 30));
}

}  // namespace
}  // namespace openrun::http
