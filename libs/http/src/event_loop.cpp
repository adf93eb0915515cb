#include "event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>

namespace openrun::http {
namespace {

constexpr std::size_t events_a_turn_max = 64;  // what a turn brings forth is done before more is taken up

}  // namespace

std::int64_t monotonic_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

EventLoop::~EventLoop() {
  if (epoll_ >= 0) close(epoll_);
  if (wake_ >= 0) close(wake_);
}

Result<void> EventLoop::open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || wake_ < 0) {
    return fail(Error::Kind::internal, std::string("cannot make an event loop: ") + std::strerror(errno));
  }
  // Edge-triggered, so that a wake-up needs no read: each write is an edge.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  OPENRUN_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0, "an eventfd can be watched");
  now_us_ = monotonic_now_us();
  return {};
}

void EventLoop::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (is_closed_) return;
    posted_.push_back(std::move(work));
  }
  // The loop says that it is asleep before it looks at the queue a last time under the lock: either it saw our work
  // there, or we see it asleep here.
  if (is_asleep_.load(std::memory_order_acquire) && is_asleep_.exchange(false, std::memory_order_acq_rel)) {
    const std::uint64_t one = 1;
    OPENRUN_ASSERT(write(wake_, &one, sizeof one) == sizeof one, "an eventfd takes a wake-up");
  }
}

bool EventLoop::later(const Timer& a, const Timer& b) {
  return a.due_us != b.due_us ? a.due_us > b.due_us : a.number > b.number;
}

void EventLoop::after(std::int64_t delay_ms, std::function<void()> work) {
  timers_.push_back({monotonic_now_us() + delay_ms * 1'000, timers_made_++, std::move(work)});
  std::push_heap(timers_.begin(), timers_.end(), later);
}

void EventLoop::watch(int descriptor, std::uint32_t epoll_events, Pollable& pollable) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &pollable;
  OPENRUN_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0, "an open socket can be watched");
}

void EventLoop::change(int descriptor, std::uint32_t epoll_events, Pollable& pollable) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &pollable;
  OPENRUN_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0, "a watched socket stays watched");
}

void EventLoop::forget(int descriptor) {
  OPENRUN_ASSERT(epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr) == 0, "what is forgotten was watched");
}

void EventLoop::run_posted() {
  {
    std::lock_guard lock(mutex_);
    running_.swap(posted_);
  }
  for (std::function<void()>& work : running_) {
    work();
    work = nullptr;  // what it holds goes before the next one runs
  }
  running_.clear();
}

void EventLoop::run_due() {
  while (!timers_.empty() && timers_.front().due_us <= now_us_) {
    std::pop_heap(timers_.begin(), timers_.end(), later);
    const std::function<void()> work = std::move(timers_.back().work);
    timers_.pop_back();
    work();
  }
}

int EventLoop::timeout_ms() const {
  if (timers_.empty()) return -1;
  const std::int64_t left_us = timers_.front().due_us - monotonic_now_us();
  constexpr std::int64_t hour_ms = 3'600'000;
  return static_cast<int>(std::clamp<std::int64_t>((left_us + 999) / 1'000, 0, hour_ms));
}

bool EventLoop::nothing_posted() {
  std::lock_guard lock(mutex_);
  return posted_.empty();
}

void EventLoop::run(const std::function<void()>& after_events, const std::function<void()>& end_of_turn,
                    const std::function<void()>& at_end) {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  std::array<epoll_event, events_a_turn_max> events;
  while (!is_stopping_.load(std::memory_order_acquire)) {
    run_posted();
    run_due();
    end_of_turn();
    const int timeout = timeout_ms();
    is_asleep_.store(true, std::memory_order_seq_cst);
    const bool may_sleep = nothing_posted() && !is_stopping_.load(std::memory_order_seq_cst);
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), may_sleep ? timeout : 0);
    is_asleep_.store(false, std::memory_order_relaxed);
    OPENRUN_ASSERT(count >= 0 || errno == EINTR, "an epoll descriptor can be waited for");
    now_us_ = monotonic_now_us();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr != nullptr) static_cast<Pollable*>(event.data.ptr)->ready(event.events);
    }
    after_events();
  }
  at_end();
  timers_.clear();
  std::vector<std::function<void()>> dropped;
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    dropped.swap(posted_);
  }
  dropped.clear();  // may drop replies, which look for connections that are gone
  has_ended_.store(true, std::memory_order_release);
}

void EventLoop::stop() {
  is_stopping_.store(true, std::memory_order_seq_cst);
  const std::uint64_t one = 1;
  if (wake_ >= 0) OPENRUN_ASSERT(write(wake_, &one, sizeof one) == sizeof one, "an eventfd takes a wake-up");
}

}  // namespace openrun::http
