#include "relay/relay.hpp"

#include <utility>
#include <vector>

namespace openrun::relay {
namespace {

constexpr std::int64_t look_interval_us = 5'000'000;

}  // namespace

Relay::Relay(OutboxFactory make_outbox, const LoopSettings& settings)
    : make_outbox_(std::move(make_outbox)), settings_(settings) {}

void Relay::begin(RelayParts parts) {
  parts_ = std::make_unique<RelayParts>(std::move(parts));
}

ports::LogAppender::OnDeliveries Relay::on_deliveries() {
  return [this](std::span<const ports::Delivery> deliveries) {
    const std::lock_guard lock(mutex_);
    for (const ports::Delivery& delivery : deliveries) {
      if (const auto found = relays_.find(delivery.partition); found != relays_.end()) found->second->deliver(delivery);
    }
  };
}

ports::Membership::Callbacks Relay::callbacks() {
  return {.assigned = [this](std::span<const Partition> partitions) { assigned(partitions); },
          .revoked = [this](std::span<const Partition> partitions) { given_up(partitions); },
          .lost = [this](std::span<const Partition> partitions) { given_up(partitions); }};
}

PartitionRelay& Relay::relay_of(Partition partition) {
  auto& relay = relays_[partition];
  if (!relay) {
    const std::uint64_t first_token = (++generation_ << 40) + 1;
    relay = std::make_unique<PartitionRelay>(partition, *parts_, make_outbox_(), settings_, first_token);
  }
  return *relay;
}

void Relay::assigned(std::span<const Partition> partitions) {
  const std::lock_guard lock(mutex_);
  for (const Partition partition : partitions) {
    parts_->logger.info("partition assigned", {{"partition", std::int64_t{partition.value}}});
    relay_of(partition).set_owner(true);
  }
}

void Relay::given_up(std::span<const Partition> partitions) {
  const std::lock_guard lock(mutex_);
  for (const Partition partition : partitions) {
    parts_->logger.info("partition given up, standing by", {{"partition", std::int64_t{partition.value}}});
    relay_of(partition).set_owner(false);
  }
}

void Relay::tick() {
  const std::int64_t now_us = parts_->clock.monotonic_us();
  if (now_us < look_at_us_) return;
  look_at_us_ = now_us + look_interval_us;
  const auto partitions = parts_->log.partitions(ports::Topic::results, std::chrono::milliseconds(500));
  if (!partitions) return;
  const std::lock_guard lock(mutex_);
  for (std::int32_t partition = 0; partition < *partitions; ++partition) relay_of(Partition{partition});
}

void Relay::stop() {
  std::map<Partition, std::unique_ptr<PartitionRelay>> ending;
  {
    const std::lock_guard lock(mutex_);
    ending.swap(relays_);
  }
}

std::string Relay::not_ready_reason() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [partition, relay] : relays_) {
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
