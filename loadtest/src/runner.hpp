// The state of one run: users, their requests, connections and timers. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include <openrun/load/load.hpp>

#include "connection.hpp"

namespace openrun::load {

class Runner {
 public:
  Runner(const Options& options, std::vector<std::uint32_t> addresses);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  Report run();

 private:
  enum class Phase : std::uint8_t { submit, status, reread };
  // One request of one user, until its outcome is known.
  struct Task {
    std::uint64_t user = 0;
    std::int64_t intended_us = 0;
    std::int64_t phase_us = 0;
    Phase phase = Phase::submit;
    unsigned retries = 0;
    std::uint32_t campaign = 0;
    std::string receipt;
    std::string outcome;  // as first seen
  };
  struct Link {
    Connection connection;
    std::uint32_t task = none;
    std::size_t endpoint = 0;
    bool registered_write = false;
  };
  struct Timer {
    std::int64_t at_us;
    std::uint32_t task;
    bool operator>(const Timer& other) const { return at_us > other.at_us; }
  };
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  [[nodiscard]] bool all_sent(std::int64_t now) const;
  bool finished(std::int64_t now) const;
  void admit(std::int64_t now);
  void begin_user(std::int64_t intended_us);
  void dispatch(std::int64_t now);
  bool is_impatient(const Task& task, std::int64_t now) const;
  bool start_on(std::size_t link, std::uint32_t task);
  std::uint32_t source_of(std::uint32_t address);
  std::string request_of(const Task& task) const;
  void on_ready(std::size_t link);
  void on_answer(std::size_t link);
  void on_broken(std::size_t link);
  void decide(std::uint32_t task, std::string outcome, const Answer& answer, std::int64_t now);
  void on_receipt(std::uint32_t task, const Answer& answer, std::int64_t now);
  void retry_or_give_up(std::uint32_t task, std::int64_t delay_us);
  void requeue(std::uint32_t task, std::int64_t at_us);
  void release(std::size_t link, bool keep);
  void watch(std::size_t link, bool write);
  std::int64_t next_wake(std::int64_t now) const;
  [[nodiscard]] bool is_measured(const Task& task) const;
  Second& second_of(std::int64_t at_us);
  void report_progress(std::int64_t now, bool last);
  void begin_reread();

  const Options& options_;
  std::vector<std::uint32_t> addresses_;
  int poll_ = -1;
  std::vector<Link> links_;
  std::vector<std::size_t> idle_;
  std::vector<Task> tasks_;
  std::deque<std::uint32_t> ready_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t users_begun_ = 0;
  std::uint32_t connections_made_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t issued_ = 0;
  std::int64_t started_us_ = 0;
  std::int64_t last_answer_us_ = 0;
  std::int64_t next_arrival_us_ = 0;
  std::int64_t next_progress_us_ = 0;
  std::uint64_t decided_ = 0;
  bool rereading_ = false;
  std::mt19937_64 random_{20261121};
  CpuMeter cpu_;
  Report report_;
};

}  // namespace openrun::load
