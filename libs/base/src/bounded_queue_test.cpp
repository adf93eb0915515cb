#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include <openrun/base/bounded_queue.hpp>

namespace openrun {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, RefusesWhatDoesNotFitAndLeavesItWithTheCaller) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.try_push(std::move(second)));
  ASSERT_NE(second, nullptr);
}

TEST(BoundedQueue, AClosedQueueIsDrainedThenEmpty) {
  BoundedQueue<int> queue(4);
  EXPECT_TRUE(queue.try_push(7));
  queue.close();
  EXPECT_FALSE(queue.try_push(8));
  EXPECT_EQ(queue.pop_for(0ms), 7);
  EXPECT_EQ(queue.pop_for(10s), std::nullopt);
}

TEST(BoundedQueue, WakesAWaitingReader) {
  BoundedQueue<int> queue(4);
  std::optional<int> got;
  std::thread reader([&] { got = queue.pop_for(10s); });
  EXPECT_TRUE(queue.try_push(3));
  reader.join();
  EXPECT_EQ(got, 3);
}

}  // namespace
}  // namespace openrun
