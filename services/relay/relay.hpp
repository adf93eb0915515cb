// All partitions of one relay process: starts and ends them as the group's membership says. Two relays on one partition
// only publish twice.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include <openrun/ports/outbox.hpp>
#include <openrun/ports/request_log.hpp>

#include "relay/partition_relay.hpp"

namespace openrun::relay {

class Relay {
 public:
  using OutboxFactory = std::function<std::unique_ptr<ports::Outbox>()>;
  Relay(OutboxFactory make_outbox, const LoopSettings& settings);

  // Before the membership is polled for the first time.
  void begin(RelayParts parts);
  // For make_appender: any thread.
  [[nodiscard]] ports::LogAppender::OnDeliveries on_deliveries();
  // For make_membership: the thread that polls it.
  [[nodiscard]] ports::Membership::Callbacks callbacks();
  // At least once a second, on the thread that polls the membership: finds partitions to stand by for.
  void tick();
  // Ends all partitions in good order.
  void stop();
  // Empty where the group has answered, every partition's tail is read, nothing fails and what is missing is published.
  // Any thread.
  [[nodiscard]] std::string not_ready_reason() const;

  // So long no row may be published while some wait, and so long may the group think about whose the partitions are,
  // before the process says that it is not ready.
  static constexpr std::int64_t progress_wait_us = 10'000'000;

 private:
  void look_for_stalls();
  [[nodiscard]] std::string membership_trouble() const;
  void assigned(std::span<const Partition> partitions);
  void given_up(std::span<const Partition> partitions);
  PartitionRelay& relay_of(Partition partition);

  const OutboxFactory make_outbox_;
  const LoopSettings settings_;
  std::unique_ptr<RelayParts> parts_;
  std::uint64_t generation_ = 0;
  mutable std::mutex mutex_;
  std::map<Partition, std::unique_ptr<PartitionRelay>> relays_;
  std::int64_t look_at_us_ = 0;
  std::set<Partition> stalled_;  // of which it was told
  // The group's answer, be it that nothing is ours.
  bool was_answered_ = false;
  bool is_answered_ = false;
  std::int64_t unanswered_since_us_ = 0;
};

}  // namespace openrun::relay
