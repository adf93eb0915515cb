// What is to be told to a receiver elsewhere, in a bounded queue, and the one thread that tells it. Nobody else ever
// waits for the receiver.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>

#include "http_post.hpp"
#include "retry.hpp"

namespace openrun::telemetry {

struct UploadSettings {
  std::size_t queue_max = 0;
  std::size_t batch_max = 0;                      // items of one post
  std::chrono::milliseconds collect{0};           // how long a batch that is not full waits for more
  std::chrono::milliseconds post_timeout{5'000};  // of one attempt
  std::chrono::milliseconds flush_max{2'000};     // how long the end waits for what is queued
};

template <class Item>
class UploadQueue {
 public:
  struct Hooks {
    std::function<PostRequest(const std::vector<Item>&)> encode;   // the thread's own
    std::function<Verdict(const PostAnswer&, int attempt)> judge;  // the thread's own
    std::function<void(Verdict::Fate, std::size_t)> count;         // any thread: `again` stands for "added"
  };

  UploadQueue(const UploadSettings& settings, std::unique_ptr<HttpPoster> poster, Hooks hooks)
      : settings_(settings), poster_(std::move(poster)), hooks_(std::move(hooks)), thread_(begin()) {}

  // Tries to send what is queued, for flush_max and at most a second more; drops the rest.
  ~UploadQueue() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      flush_until_ = Clock::now() + settings_.flush_max;
      poster_->end_by(flush_until_);
    }
    wakes_.notify_all();
    thread_.join();
  }
  UploadQueue(const UploadQueue&) = delete;
  UploadQueue& operator=(const UploadQueue&) = delete;

  // Any thread; never blocks for the receiver. An item that does not fit is the one that is dropped.
  void add(Item item) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || items_.size() >= settings_.queue_max || Clock::now() < closed_until_) {
        hooks_.count(Verdict::Fate::dropped, 1);
        return;
      }
      items_.push_back(std::move(item));
      wake = items_.size() == 1 || items_.size() == settings_.batch_max;
    }
    hooks_.count(Verdict::Fate::again, 1);
    if (wake) wakes_.notify_one();
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Signals are for the threads that wait for them; this one may begin before those have blocked theirs.
  std::thread begin() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  }

  void run() {
    for (std::vector<Item> batch; take(batch); batch.clear()) send(batch);
  }

  // False at the end.
  bool take(std::vector<Item>& batch) {
    std::unique_lock lock(mutex_);
    wakes_.wait(lock, [&] { return stopping_ || !items_.empty(); });
    if (items_.size() < settings_.batch_max) {
      wakes_.wait_for(lock, settings_.collect, [&] { return stopping_ || items_.size() >= settings_.batch_max; });
    }
    if (stopping_ && Clock::now() >= flush_until_) drop_all();
    if (items_.empty()) return !stopping_;
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(std::min(items_.size(), settings_.batch_max));
    batch.assign(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
    items_.erase(items_.begin(), end);
    return true;
  }

  void send(const std::vector<Item>& batch) {
    if (batch.empty()) return;
    const PostRequest request = hooks_.encode(batch);
    for (int attempt = 1;; ++attempt) {
      const Verdict verdict = hooks_.judge(poster_->post(request, settings_.post_timeout), attempt);
      if (verdict.closed_for.count() > 0) close_for(verdict.closed_for);
      if (verdict.fate == Verdict::Fate::again && pause(verdict.wait)) continue;
      const bool is_sent = verdict.fate == Verdict::Fate::sent;
      return hooks_.count(is_sent ? Verdict::Fate::sent : Verdict::Fate::dropped, batch.size());
    }
  }

  // False where no time is left for another attempt.
  bool pause(std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    const bool was_stopping = stopping_;
    auto until = Clock::now() + wait;
    if (was_stopping) until = std::min(until, flush_until_);
    wakes_.wait_until(lock, until, [&] { return stopping_ && !was_stopping; });
    return !stopping_ || Clock::now() < flush_until_;
  }

  void close_for(std::chrono::milliseconds duration) {
    const std::lock_guard lock(mutex_);
    closed_until_ = Clock::now() + duration;
    drop_all();
  }

  // With the lock.
  void drop_all() {
    if (!items_.empty()) hooks_.count(Verdict::Fate::dropped, items_.size());
    items_.clear();
  }

  const UploadSettings settings_;
  const std::unique_ptr<HttpPoster> poster_;
  const Hooks hooks_;
  std::mutex mutex_;
  std::condition_variable wakes_;
  std::deque<Item> items_;
  Clock::time_point closed_until_{};
  Clock::time_point flush_until_{};
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace openrun::telemetry
