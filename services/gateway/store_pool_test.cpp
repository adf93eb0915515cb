#include "gateway/store_pool.hpp"

#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;

TEST(StorePool, EachThreadHasAStoreOfItsOwn) {
  FakeDatabase database;
  std::atomic<int> made{0};
  // What jobs use stands before the pool, whose end waits for them.
  std::mutex mutex;
  std::set<const void*> stores;
  std::latch all(3);
  StorePool pool(3, 10, [&] {
    ++made;
    return std::make_unique<FakeGatewayStore>(database);
  });
  EXPECT_EQ(made, 3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.submit([&](ports::GatewayStore& store) {
      {
        std::lock_guard lock(mutex);
        stores.insert(&store);
      }
      all.arrive_and_wait();
    }));
  }
  all.wait();
  std::lock_guard lock(mutex);
  EXPECT_EQ(stores.size(), 3U);
}

TEST(StorePool, AFullQueueRefuses) {
  FakeDatabase database;
  std::promise<void> begun;
  std::promise<void> end;
  StorePool pool(1, 1, [&] { return std::make_unique<FakeGatewayStore>(database); });
  ASSERT_TRUE(pool.submit([&](ports::GatewayStore&) {
    begun.set_value();
    end.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(pool.submit([](ports::GatewayStore&) {}));
  EXPECT_FALSE(pool.submit([](ports::GatewayStore&) {}));
  EXPECT_EQ(pool.queued(), 1U);
  end.set_value();
}

TEST(StorePool, StoppingFinishesWhatWasSubmitted) {
  FakeDatabase database;
  std::atomic<int> done{0};
  StorePool pool(1, 100, [&] { return std::make_unique<FakeGatewayStore>(database); });
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.submit([&](ports::GatewayStore&) { ++done; }));
  pool.stop();
  EXPECT_EQ(done, 50);
  EXPECT_FALSE(pool.submit([](ports::GatewayStore&) {}));
}

TEST(StorePool, WithoutThreadsJobsWaitToBeTakenInTheirOrder) {
  FakeDatabase database;
  FakeGatewayStore store(database);
  std::vector<int> done;
  StorePool pool(0, 2, [&] { return std::make_unique<FakeGatewayStore>(database); });
  EXPECT_FALSE(pool.take().has_value());
  ASSERT_TRUE(pool.submit([&](ports::GatewayStore&) { done.push_back(1); }));
  ASSERT_TRUE(pool.submit([&](ports::GatewayStore&) { done.push_back(2); }));
  EXPECT_FALSE(pool.submit([](ports::GatewayStore&) {}));
  while (const auto job = pool.take()) (*job)(store);
  EXPECT_EQ(done, (std::vector{1, 2}));
}

}  // namespace
}  // namespace openrun::gateway
