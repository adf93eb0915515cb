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
  const std::lock_guard lock(mutex_);
  parts_ = std::make_unique<RelayParts>(std::move(parts));
  unanswered_since_us_ = parts_->clock.monotonic_us();
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
  was_answered_ = is_answered_ = true;
  for (const Partition partition : partitions) {
    parts_->logger.info("partition assigned", {{"partition", std::int64_t{partition.value}}});
    relay_of(partition).set_owner(true);
  }
}

void Relay::given_up(std::span<const Partition> partitions) {
  const std::lock_guard lock(mutex_);
  is_answered_ = false;
  unanswered_since_us_ = parts_->clock.monotonic_us();
  for (const Partition partition : partitions) {
    parts_->logger.info("partition given up, standing by", {{"partition", std::int64_t{partition.value}}});
    relay_of(partition).set_owner(false);
  }
}

void Relay::tick() {
  const std::int64_t now_us = parts_->clock.monotonic_us();
  look_for_stalls();
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

void Relay::look_for_stalls() {
  const std::lock_guard lock(mutex_);
  for (const auto& [partition, relay] : relays_) {
    const std::int64_t without_us = relay->show_progress();
    const bool stalled = without_us > progress_wait_us;
    if (stalled == stalled_.contains(partition)) continue;
    stalled ? (void)stalled_.insert(partition) : (void)stalled_.erase(partition);
    parts_->logger.log(stalled ? ports::LogLevel::error : ports::LogLevel::info,
                       stalled ? "no row is published though some may wait" : "rows are published again",
                       {{"partition", std::int64_t{partition.value}},
                        {"seconds", without_us / 1'000'000},
                        {"backlog", static_cast<std::int64_t>(relay->status().backlog)}});
  }
}

std::string Relay::membership_trouble() const {
  if (!parts_ || is_answered_) return {};
  const std::int64_t waited_us = parts_->clock.monotonic_us() - unanswered_since_us_;
  if (was_answered_ && waited_us <= progress_wait_us) return {};
  return "the consumer group has not said for " + std::to_string(waited_us / 1'000'000) +
         " s which partitions are this relay's";
}

std::string Relay::not_ready_reason() const {
  const std::lock_guard lock(mutex_);
  std::string text = membership_trouble();
  for (const auto& [partition, relay] : relays_) {
    const LoopStatus status = relay->status();
    const std::int64_t without_us = parts_->clock.monotonic_us() - status.progress_us;
    const bool stalled = status.progress_us > 0 && without_us > progress_wait_us;
    if (status.caught_up && status.trouble.empty() && !stalled) continue;
    if (!text.empty()) text += "; ";
    text += "partition " + std::to_string(partition.value);
    // What failed names hosts and statements: it is in the log, not here.
    if (!status.trouble.empty()) {
      text += ": waiting for Kafka or Postgres";
    } else if (!status.caught_up) {
      text += ": reading the results topic";
    } else {
      text += ": no row was published for " + std::to_string(without_us / 1'000'000) + " s, and " +
              std::to_string(status.backlog) + " may wait";
    }
  }
  return text;
}

}  // namespace openrun::relay
