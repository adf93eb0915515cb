// The shell around the loop of one partition: two threads and no rules. The log thread reads the log and decides, the
// store thread makes the store's blocking calls; both hold one lock while they talk to the loop, never while they wait
// or block. So deciding goes on while a commit is under way, and the answer's thread publishes and starts the next
// commit itself: on the way from the record to its answer there is one hand-over between threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/ports/stream.hpp>

#include "issuer/issuer_spans.hpp"
#include "issuer/loop.hpp"
#include "issuer/metrics.hpp"

namespace openrun::issuer {

// What all workers of a process share; outlives them. `results` and `log` are used from any thread.
struct WorkerParts {
  ports::Log& log;
  ports::LogAppender& results;
  ports::Clock& clock;
  ports::Logger& logger;
  ports::Metrics& metrics;
  const crypto::CouponCodes& codes;
  const crypto::UserHash& user_hash;
  IssuerSpans* spans = nullptr;          // null: tracing is off
  ports::Broadcaster* stream = nullptr;  // null: outcomes are told through the log alone
};

// Every member may be called from any thread.
class PartitionWorker {
 public:
  // Starts the threads.
  PartitionWorker(Partition partition, WorkerParts parts, std::unique_ptr<ports::CouponStore> store,
                  const LoopSettings& settings);
  // Cancels what is under way and joins the threads.
  ~PartitionWorker();
  PartitionWorker(const PartitionWorker&) = delete;
  PartitionWorker& operator=(const PartitionWorker&) = delete;

  // Finishes the commit in flight and its publication, drops the rest. Returns at once.
  void revoke();
  // The same, and ends the store's running call.
  void abandon();
  // Whether both threads are done by then.
  [[nodiscard]] bool wait_finished(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] LoopStatus status() const;
  // Shows how long nothing has been decided though something may wait, and returns it in microseconds. It does not
  // depend on the worker's own threads, which may be what is stuck.
  std::int64_t show_progress();

 private:
  void run_log();
  void run_store();
  void pump(Now now);
  void thread_ended();
  [[nodiscard]] Now now() const;

  // Each makes one blocking call without the lock and gives the answer to the loop with it.
  void perform_store(std::unique_lock<std::mutex>& lock, const Action& action);
  void perform_log(std::unique_lock<std::mutex>& lock, const Action& action);
  [[nodiscard]] ports::CommitAnswer commit(const ports::CommitBatch& batch, bool probe,
                                           IssuerSpans::CommitTimes& times);
  [[nodiscard]] Result<void> open(std::unique_lock<std::mutex>& lock, Offset from);

  // With the lock.
  void perform_now(const Action& action);
  void publish(const Publish& action);
  void log_decided(const ports::CommitBatch& batch);
  void tell(const Notice& notice);
  void tell_stop(const Stop& stop);
  void show_status();

  const Partition partition_;
  const WorkerParts parts_;
  const std::unique_ptr<ports::CouponStore> store_;
  const std::uint64_t hash_seed_;
  const ports::Headers invitation_;  // beside each batch of outcomes
  const std::int64_t started_us_;
  WorkerMetrics metrics_;

  mutable std::mutex mutex_;
  std::condition_variable log_wakes_;
  std::condition_variable store_wakes_;
  std::condition_variable ended_;
  IssuerLoop loop_;
  IssuerSpans::CommitTimes commit_times_;  // of the last one
  std::optional<Action> store_slot_;
  std::optional<Action> log_slot_;
  std::unique_ptr<ports::LogReader> reader_;  // replaced by the log thread only, with the lock
  int threads_running_ = 2;
  std::thread log_thread_;
  std::thread store_thread_;
};

}  // namespace openrun::issuer
