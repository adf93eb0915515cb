// One I/O thread: level-triggered epoll, posted work, timers. Asio's reactor asks the socket once more after each
// request (a speculative read that finds nothing); level-triggered readiness saves that call and all handler
// bookkeeping.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/ports/http.hpp>

namespace openrun::http {

// Whose file descriptor became ready. Called on the loop's thread.
class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void ready(std::uint32_t epoll_events) = 0;
};

class EventLoop final : public ports::IoThread {
 public:
  explicit EventLoop(std::size_t index) : index_(index) {}
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] Result<void> open();

  // ports::IoThread. Many posts cost at most one wake-up a turn; a loop that is awake is not woken at all. Work that is
  // posted after the loop has ended is dropped.
  [[nodiscard]] std::size_t index() const override { return index_; }
  [[nodiscard]] std::size_t awake_connections() const override { return awake_connections_; }
  void post(std::function<void()> work) override;
  void after(std::int64_t delay_ms, std::function<void()> work) override;

  // Runs turns on the calling thread until stop(): the sockets' events, then what is posted and timed. `after_events`
  // and `end_of_turn` are called after the one and the other, when nothing of it is on the stack; `at_end` once, after
  // the last turn. What is posted or timed and not yet run is then dropped unrun.
  void run(const std::function<void()>& after_events, const std::function<void()>& end_of_turn,
           const std::function<void()>& at_end);
  void stop();  // any thread
  [[nodiscard]] bool is_on_thread() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  [[nodiscard]] bool has_ended() const { return has_ended_.load(std::memory_order_acquire); }

  // On the loop's thread, or before run(). `pollable` must outlive the turn in which its descriptor is forgotten.
  void watch(int descriptor, std::uint32_t epoll_events, Pollable& pollable);
  void change(int descriptor, std::uint32_t epoll_events, Pollable& pollable);
  // Before the descriptor is closed: while a child process holds a copy of it, closing alone would leave it in the set.
  void forget(int descriptor);

  // For who asks how many there are: the worker says.
  void set_awake_connections(std::size_t connections) { awake_connections_ = connections; }

  // Monotonic, as of the beginning of the turn.
  [[nodiscard]] std::int64_t now_us() const { return now_us_; }

 private:
  struct Timer {
    std::int64_t due_us;
    std::uint64_t number;  // equal times keep their order
    std::function<void()> work;
  };
  static bool later(const Timer& a, const Timer& b);

  void run_posted();
  void run_due();
  [[nodiscard]] int timeout_ms() const;
  [[nodiscard]] bool nothing_posted();

  const std::size_t index_;
  int epoll_ = -1;
  int wake_ = -1;  // eventfd
  std::int64_t now_us_ = 0;
  std::size_t awake_connections_ = 0;
  std::atomic<std::thread::id> thread_;
  std::atomic<bool> is_asleep_{false};
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> has_ended_{false};

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_
  bool is_closed_ = false;                     // under mutex_

  std::vector<std::function<void()>> running_;
  std::vector<Timer> timers_;  // a heap
  std::uint64_t timers_made_ = 0;
};

[[nodiscard]] std::int64_t monotonic_now_us();

}  // namespace openrun::http
