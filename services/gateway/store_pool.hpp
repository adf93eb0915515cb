// Blocking calls to the store on a bounded pool of threads, each with a store of its own. Jobs carry their answers back
// by IoThread::post. Any thread may submit.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <openrun/base/bounded_queue.hpp>
#include <openrun/ports/gateway_store.hpp>

namespace openrun::gateway {

class StorePool {
 public:
  using Job = std::function<void(ports::GatewayStore&)>;
  using Factory = std::function<std::unique_ptr<ports::GatewayStore>()>;

  // `queue_max` jobs may wait. Without threads nothing is done until somebody takes the jobs.
  StorePool(std::size_t threads, std::size_t queue_max, const Factory& factory);
  ~StorePool();
  StorePool(const StorePool&) = delete;
  StorePool& operator=(const StorePool&) = delete;

  // False when the queue is full or stopped: the caller answers OVERLOADED, with `full` as the reason.
  [[nodiscard]] bool submit(Job job) { return queue_.try_push(std::move(job)); }
  static constexpr std::string_view full = "Too many questions wait for the store.";
  // The job that waits longest, for who drives a pool without threads; empty where none waits.
  [[nodiscard]] std::optional<Job> take() { return queue_.pop_for(std::chrono::milliseconds(0)); }
  // Finishes what was submitted and ends the threads.
  void stop();
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  // Threads that wait for the store at the moment.
  [[nodiscard]] std::size_t busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  void run(ports::GatewayStore& store);

  BoundedQueue<Job> queue_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> busy_{0};
  std::vector<std::unique_ptr<ports::GatewayStore>> stores_;
  std::vector<std::thread> threads_;
};

}  // namespace openrun::gateway
