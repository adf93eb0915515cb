#include "issuer/issuer.hpp"

#include <utility>

namespace openrun::issuer {

Issuer::Issuer(WorkerParts parts, StoreFactory make_store, const IssuerSettings& settings)

    : parts_(parts),
      make_store_(std::move(make_store)),
      settings_(settings),
      unanswered_since_us_(parts.clock.monotonic_us()) {}

Issuer::~Issuer() {
  stop();
}

ports::Membership::Callbacks Issuer::callbacks() {
  return {.assigned = [this](std::span<const Partition> partitions) { assigned(partitions); },
          .revoked = [this](std::span<const Partition> partitions) { revoked(partitions, false); },
          .lost = [this](std::span<const Partition> partitions) { revoked(partitions, true); }};
}

std::unique_ptr<PartitionWorker> Issuer::start_worker(Partition partition) {
  return std::make_unique<PartitionWorker>(partition, parts_, make_store_(), settings_.loop);
}

void Issuer::assigned(std::span<const Partition> partitions) {
  {
    const std::lock_guard lock(mutex_);
    was_answered_ = is_answered_ = true;
  }
  for (const Partition partition : partitions) {
    if (owned_.contains(partition)) continue;
    parts_.logger.info("partition assigned", {{"partition", std::int64_t{partition.value}}});
    Owned owned{start_worker(partition)};
    const std::lock_guard lock(mutex_);
    owned_.emplace(partition, std::move(owned));
  }
}

// All end at the same time, and nobody waits longer than the grace: what is still under way then is cancelled and
// buried later. Its epoch protects the partition meanwhile.
void Issuer::revoked(std::span<const Partition> partitions, bool lost) {
  std::vector<std::unique_ptr<PartitionWorker>> ending;
  {
    const std::lock_guard lock(mutex_);
    is_answered_ = false;
    unanswered_since_us_ = parts_.clock.monotonic_us();
  }
  for (const Partition partition : partitions) {
    parts_.logger.info(lost ? "partition lost" : "partition revoked", {{"partition", std::int64_t{partition.value}}});
    const std::lock_guard lock(mutex_);
    const auto found = owned_.find(partition);
    if (found == owned_.end()) continue;
    ending.push_back(std::move(found->second.worker));
    owned_.erase(found);
  }
  for (const auto& worker : ending) lost ? worker->abandon() : worker->revoke();
  const auto deadline =
      std::chrono::steady_clock::now() + (lost ? std::chrono::milliseconds(0) : settings_.revoke_grace);
  for (auto& worker : ending) {
    if (worker->wait_finished(deadline)) continue;
    worker->abandon();
    retired_.push_back(std::move(worker));
  }
}

void Issuer::tick() {
  std::erase_if(retired_, [](const auto& worker) { return worker->wait_finished({}); });
  look_for_stalls();
  for (auto& [partition, owned] : owned_) {
    const LoopStatus status = owned.worker->status();
    if (status.state != LoopStatus::State::stopped || status.reason != "FENCED") continue;
    const std::int64_t now_us = parts_.clock.monotonic_us();
    if (owned.fenced_since_us < 0) owned.fenced_since_us = now_us;
    if (now_us - owned.fenced_since_us < std::chrono::microseconds(settings_.fenced_retry).count()) continue;
    parts_.logger.warning("partition is still assigned to us, taking it over again",
                          {{"partition", std::int64_t{partition.value}}});
    std::unique_ptr<PartitionWorker> ended;
    {
      const std::lock_guard lock(mutex_);
      ended = std::exchange(owned.worker, nullptr);
    }
    ended.reset();  // before the next one registers: both set the same gauges
    auto started = start_worker(partition);
    const std::lock_guard lock(mutex_);
    owned = Owned{std::move(started)};
  }
}

void Issuer::stop() {
  std::vector<Partition> all;
  all.reserve(owned_.size());
  for (const auto& [partition, owned] : owned_) all.push_back(partition);
  revoked(all, false);
  retired_.clear();
}

void Issuer::look_for_stalls() {
  for (auto& [partition, owned] : owned_) {
    const std::int64_t without_us = owned.worker->show_progress();
    const bool stalled = without_us > std::chrono::microseconds(settings_.progress_wait).count();
    if (stalled == owned.stall_told) continue;
    owned.stall_told = stalled;
    const LoopStatus status = owned.worker->status();
    parts_.logger.log(stalled ? ports::LogLevel::error : ports::LogLevel::info,
                      stalled ? "nothing is decided though records may wait" : "records are decided again",
                      {{"partition", std::int64_t{partition.value}},
                       {"seconds", without_us / 1'000'000},
                       {"next_offset", status.next_offset.value},
                       {"log_end", status.log_end.value},
                       {"reason", status.reason}});
  }
}

std::string Issuer::membership_trouble() const {
  if (is_answered_) return {};
  const std::int64_t waited_us = parts_.clock.monotonic_us() - unanswered_since_us_;
  if (was_answered_ && waited_us <= std::chrono::microseconds(settings_.progress_wait).count()) return {};
  return "the consumer group has not said for " + std::to_string(waited_us / 1'000'000) +
         " s which partitions are this issuer's";
}

std::string Issuer::trouble_of(Partition partition, const Owned& owned) const {
  const LoopStatus status = owned.worker ? owned.worker->status() : LoopStatus{};
  std::string text = "partition " + std::to_string(partition.value) + ": ";
  switch (status.state) {
    case LoopStatus::State::running: {
      const std::int64_t without_us = parts_.clock.monotonic_us() - status.progress_us;
      if (without_us <= std::chrono::microseconds(settings_.progress_wait).count()) return {};
      const std::int64_t waiting = status.log_end - status.next_offset;
      return text + "nothing was decided for " + std::to_string(without_us / 1'000'000) + " s, " +
             (waiting > 0 ? "and " + std::to_string(waiting) + " records wait" : "and the log says nothing");
    }
    case LoopStatus::State::starting:
      text += "being taken over";
      break;
    case LoopStatus::State::rebuilding:
      text += "being rebuilt";
      break;
    case LoopStatus::State::waiting:
      text += "waiting for an operator";
      break;
    default:
      text += "stopped";
  }
  if (!status.reason.empty()) text += " (" + status.reason + ")";
  // The messages of the store and the log name hosts and statements; those of a stop are written for the operator.
  const bool for_operator = status.state == LoopStatus::State::stopped || status.state == LoopStatus::State::waiting;
  if (for_operator && !status.message.empty()) text += ": " + status.message;
  return text;
}

std::string Issuer::not_ready_reason() const {
  const std::lock_guard lock(mutex_);
  std::string text = membership_trouble();
  for (const auto& [partition, owned] : owned_) {
    const std::string trouble = trouble_of(partition, owned);
    if (trouble.empty()) continue;
    if (!text.empty()) text += "; ";
    text += trouble;
  }
  return text;
}

}  // namespace openrun::issuer
