// One process' way of writing to one topic: records arrive in order per partition, and what becomes of each is decided
// by `fate`. While the broker is away a record is tried again, up to delivery_timeout_us; then nobody knows. What was
// sent arrives also when the process is gone. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <openrun/ports/request_log.hpp>
#include <openrun/sim/broker.hpp>
#include <openrun/sim/scheduler.hpp>

namespace openrun::sim {

// What happens to one append.
struct ProduceFate {
  std::int64_t arrives_after_us = 500;
  std::int64_t acknowledged_after_us = 500;  // counted from its arrival
  bool refused = false;                      // append() itself fails: the queue is full, or the log is known to be down
  bool dropped = false;                      // never arrives
  bool told = true;                          // false: the delivery says `unknown`
  bool told_twice = false;                   // the delivery comes twice
  bool stored_twice = false;  // its first acknowledgement is lost, and it is sent again as if it had never arrived
};

class Producer final : public ports::LogAppender {
 public:
  static constexpr std::int64_t retry_us = 100'000;
  static constexpr std::int64_t delivery_timeout_us = 3'000'000;

  // Deliveries are handed to `deliver`, one at a time.
  using Deliver = std::function<void(const ports::Delivery&)>;
  Producer(Scheduler& scheduler, Broker& broker, ports::Topic topic, std::function<ProduceFate()> fate,
           Deliver deliver);
  ~Producer() override;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  [[nodiscard]] Result<void> append(Partition partition, std::string_view key, std::string_view value,
                                    const ports::Headers& headers, std::uint64_t token) override;
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override { return {}; }
  bool flush(std::chrono::milliseconds /*timeout*/) override { return false; }

 private:
  struct Sending;
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::function<ProduceFate()> fate_;
};

}  // namespace openrun::sim
