#include "relay/relay.hpp"

#include <utility>
#include <vector>

namespace openrun::relay {

Relay::Relay(OutboxFactory make_outbox, const LoopSettings& settings)
    : make_outbox_(std::move(make_outbox)), settings_(settings) {}

void Relay::begin(RelayParts parts) {
  parts_ = std::make_unique<RelayParts>(std::move(parts));
}

ports::LogAppender::OnDeliveries Relay::on_deliveries() {
  return [this](std::span<const ports::Delivery> deliveries) {
    const std::lock_guard lock(mutex_);
    for (const ports::Delivery& delivery : deliveries) {
      if (const auto found = owned_.find(delivery.partition); found != owned_.end()) found->second->deliver(delivery);
    }
  };
}

ports::Membership::Callbacks Relay::callbacks() {
  return {.assigned = [this](std::span<const Partition> partitions) { assigned(partitions); },
          .revoked = [this](std::span<const Partition> partitions) { ended(partitions); },
          .lost = [this](std::span<const Partition> partitions) { ended(partitions); }};
}

void Relay::assigned(std::span<const Partition> partitions) {
  const std::lock_guard lock(mutex_);
  for (const Partition partition : partitions) {
    if (owned_.contains(partition)) continue;
    parts_->logger.info("partition assigned", {{"partition", std::int64_t{partition.value}}});
    const std::uint64_t first_token = (++generation_ << 40) + 1;
    owned_.emplace(partition,
                   std::make_unique<PartitionRelay>(partition, *parts_, make_outbox_(), settings_, first_token));
  }
}

void Relay::ended(std::span<const Partition> partitions) {
  std::vector<std::unique_ptr<PartitionRelay>> ending;
  {
    const std::lock_guard lock(mutex_);
    for (const Partition partition : partitions) {
      const auto found = owned_.find(partition);
      if (found == owned_.end()) continue;
      ending.push_back(std::move(found->second));
      owned_.erase(found);
    }
  }
  for (const auto& relay : ending) {
    parts_->logger.info("partition given up", {{"cursor", relay->status().cursor.value}});
  }
}

void Relay::stop() {
  std::vector<Partition> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, relay] : owned_) all.push_back(partition);
  }
  ended(all);
}

std::string Relay::not_ready_reason() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [partition, relay] : owned_) {
    const LoopStatus status = relay->status();
    if (status.caught_up && status.trouble.empty()) continue;
    if (!text.empty()) text += "; ";
    // What failed names hosts and statements: it is in the log, not here.
    text += "partition " + std::to_string(partition.value) +
            (status.trouble.empty() ? ": reading the results topic" : ": waiting for Kafka or Postgres");
  }
  return text;
}

}  // namespace openrun::relay
