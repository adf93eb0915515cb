#include "gateway/store_pool.hpp"

#include <chrono>

namespace openrun::gateway {

StorePool::StorePool(std::size_t threads, std::size_t queue_max, const Factory& factory) : queue_(queue_max) {
  for (std::size_t i = 0; i < threads; ++i) stores_.push_back(factory());
  for (auto& store : stores_) {
    threads_.emplace_back([this, raw = store.get()] { run(*raw); });
  }
}

StorePool::~StorePool() {
  stop();
}

void StorePool::stop() {
  stopping_ = true;
  queue_.close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void StorePool::run(ports::GatewayStore& store) {
  for (;;) {
    std::optional<Job> job = queue_.pop_for(std::chrono::milliseconds(1'000));
    if (job) {
      busy_.fetch_add(1, std::memory_order_relaxed);
      (*job)(store);
      busy_.fetch_sub(1, std::memory_order_relaxed);
    } else if (stopping_) {
      return;
    }
  }
}

}  // namespace openrun::gateway
