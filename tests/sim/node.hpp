// A process of the simulated world: it can crash, be started again, and stand still for a while (SIGSTOP). One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "context.hpp"

namespace openrun::simulation {

class Node {
 public:
  // Its clock is so far ahead of the true time, or behind it, at most.
  static constexpr std::int64_t clock_ahead_ms_max = 400;

  Node(Context& context, std::string name)
      : context_(context),
        name_(std::move(name)),
        clock_(context.scheduler, context.random.between(-clock_ahead_ms_max, clock_ahead_ms_max)) {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_up() const { return up_; }
  [[nodiscard]] bool is_frozen() const { return frozen_; }
  [[nodiscard]] std::int64_t frozen_since_us() const { return frozen_since_us_; }

  void start() {
    up_ = true;
    context_.trace(name_.c_str(), [] { return std::string("starts"); });
    started();
  }
  void crash() {
    if (!up_) return;
    context_.trace(name_.c_str(), [] { return std::string("crashes"); });
    up_ = false;
    frozen_ = false;
    ++incarnation_;
    crashed();
    // Only now: what waits may hold replies, and they ask whether the process still lives.
    waiting_.clear();
  }
  void freeze() {
    if (!up_ || frozen_) return;
    context_.trace(name_.c_str(), [] { return std::string("stands still"); });
    frozen_ = true;
    frozen_since_us_ = context_.scheduler.now_us();
  }
  void thaw() {
    if (!frozen_) return;
    context_.trace(name_.c_str(), [] { return std::string("goes on"); });
    frozen_ = false;
    auto waiting = std::exchange(waiting_, {});
    for (auto& work : waiting) context_.scheduler.after(0, guarded(std::move(work)));
  }

 protected:
  virtual void started() = 0;
  // Everything in memory is gone.
  virtual void crashed() = 0;

  // In this process after that time, unless it has crashed by then; while it stands still, when it goes on.
  void after(std::int64_t delay_us, std::function<void()> work) {
    context_.scheduler.after(delay_us, guarded(std::move(work)));
  }
  // The same for whoever calls back later.
  [[nodiscard]] std::function<void()> guarded(std::function<void()> work) {
    return [this, incarnation = incarnation_, work = std::move(work)] {
      if (incarnation != incarnation_) return;
      if (frozen_) {
        waiting_.push_back(work);
      } else {
        work();
      }
    };
  }

  Context& context_;
  const std::string name_;
  sim::Clock clock_;

 private:
  bool up_ = false;
  bool frozen_ = false;
  std::int64_t frozen_since_us_ = 0;
  std::uint64_t incarnation_ = 0;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace openrun::simulation
