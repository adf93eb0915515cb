#include "upload_queue.hpp"

#include <atomic>
#include <future>
#include <string>

#include <gtest/gtest.h>

namespace openrun::telemetry {
namespace {

using std::chrono::milliseconds;
using Fate = Verdict::Fate;

// What stays after the queue has gone: what was posted, and the answers to give.
struct Receiver {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> bodies;
  bool is_held = false;
  std::function<PostAnswer(std::size_t posts)> answer = [](std::size_t) { return PostAnswer{200, {}, {}, {}}; };

  bool until_posts(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [&] { return bodies.size() >= count; });
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    is_held = false;
    changed.notify_all();
  }
};

class FakePoster final : public HttpPoster {
 public:
  explicit FakePoster(Receiver& receiver) : receiver_(receiver) {}
  PostAnswer post(const PostRequest& request, milliseconds) override {
    std::unique_lock lock(receiver_.mutex);
    receiver_.bodies.push_back(request.body);
    receiver_.changed.notify_all();
    receiver_.changed.wait(lock, [&] { return !receiver_.is_held || is_ended_; });
    if (is_ended_ && receiver_.is_held) return {};
    return receiver_.answer(receiver_.bodies.size());
  }
  void end_by(std::chrono::steady_clock::time_point) override {
    const std::lock_guard lock(receiver_.mutex);
    is_ended_ = true;
    receiver_.changed.notify_all();
  }

 private:
  Receiver& receiver_;
  bool is_ended_ = false;
};

class Uploads : public ::testing::Test {
 protected:
  using Queue = UploadQueue<std::string>;

  void begin(UploadSettings settings, RetrySettings retry = {milliseconds(1), milliseconds(1)}) {
    queue_ = std::make_unique<Queue>(
        settings, std::make_unique<FakePoster>(receiver_),
        Queue::Hooks{
            .encode =
                [](const std::vector<std::string>& items) {
                  PostRequest request;
                  for (const std::string& item : items) request.body += item;
                  return request;
                },
            .judge = [this, retry](const PostAnswer& answer, int attempt) { return judge_(answer, attempt, 0, retry); },
            .count = [this](Fate fate, std::size_t n) { counts_[static_cast<std::size_t>(fate)] += n; }});
  }
  [[nodiscard]] std::size_t count(Fate fate) const { return counts_[static_cast<std::size_t>(fate)]; }

  Receiver receiver_;
  std::function<Verdict(const PostAnswer&, int, double, const RetrySettings&)> judge_ = judge_otlp;
  std::array<std::atomic<std::size_t>, 3> counts_{};
  std::unique_ptr<Queue> queue_;
};

TEST_F(Uploads, WhatIsQueuedIsSentInBatchesAtTheEndToo) {
  begin({.queue_max = 10, .batch_max = 2, .collect = std::chrono::hours(1)});
  for (const char* item : {"a", "b", "c"}) queue_->add(item);
  ASSERT_TRUE(receiver_.until_posts(1));
  queue_.reset();
  EXPECT_EQ(receiver_.bodies, (std::vector<std::string>{"ab", "c"}));
  EXPECT_EQ(count(Fate::again), 3U) << "added";
  EXPECT_EQ(count(Fate::sent), 3U);
  EXPECT_EQ(count(Fate::dropped), 0U);
}

TEST_F(Uploads, NobodyWaitsForASlowReceiverAndTheNewestIsDropped) {
  receiver_.is_held = true;
  begin({.queue_max = 2, .batch_max = 1});
  queue_->add("a");
  ASSERT_TRUE(receiver_.until_posts(1));  // on its way, no longer queued
  for (const char* item : {"b", "c", "d", "e"}) queue_->add(item);
  EXPECT_EQ(count(Fate::dropped), 2U);
  receiver_.let_go();
  ASSERT_TRUE(receiver_.until_posts(3));
  queue_.reset();
  EXPECT_EQ(receiver_.bodies, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(count(Fate::sent), 3U);
}

TEST_F(Uploads, AFailedPostIsRepeatedUntilItArrives) {
  receiver_.answer = [](std::size_t posts) { return PostAnswer{posts < 3 ? 503 : 200, {}, {}, {}}; };
  begin({.queue_max = 10, .batch_max = 1});
  queue_->add("a");
  ASSERT_TRUE(receiver_.until_posts(3));
  queue_.reset();
  EXPECT_EQ(receiver_.bodies, (std::vector<std::string>{"a", "a", "a"}));
  EXPECT_EQ(count(Fate::sent), 1U);
}

TEST_F(Uploads, AfterTheLastAttemptItIsDroppedAndTheNextOneHasItsTurn) {
  receiver_.answer = [](std::size_t posts) { return PostAnswer{posts < 6 ? 0 : 200, {}, {}, {}}; };
  begin({.queue_max = 10, .batch_max = 1});
  queue_->add("a");
  queue_->add("b");
  ASSERT_TRUE(receiver_.until_posts(6));
  queue_.reset();
  EXPECT_EQ(receiver_.bodies.back(), "b");
  EXPECT_EQ(count(Fate::dropped), 1U);
  EXPECT_EQ(count(Fate::sent), 1U);
}

TEST_F(Uploads, TheEndDoesNotWaitForAReceiverThatNeverAnswers) {
  receiver_.is_held = true;
  begin({.queue_max = 10, .batch_max = 1, .flush_max = milliseconds(1)},
        {std::chrono::hours(1), std::chrono::hours(1)});
  for (const char* item : {"a", "b", "c"}) queue_->add(item);
  ASSERT_TRUE(receiver_.until_posts(1));
  queue_.reset();
  EXPECT_EQ(count(Fate::sent), 0U);
  EXPECT_EQ(count(Fate::dropped), 3U);
}

TEST_F(Uploads, AReceiverThatWantsNothingGetsNothingForThatLong) {
  judge_ = judge_sentry;
  receiver_.is_held = true;
  receiver_.answer = [](std::size_t) { return PostAnswer{429, 3'600, {}, {}}; };
  begin({.queue_max = 10, .batch_max = 1});
  queue_->add("a");
  ASSERT_TRUE(receiver_.until_posts(1));
  queue_->add("b");
  receiver_.let_go();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (count(Fate::dropped) < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  queue_->add("c");
  EXPECT_EQ(count(Fate::dropped), 3U);
  queue_.reset();
  EXPECT_EQ(receiver_.bodies, (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace openrun::telemetry
