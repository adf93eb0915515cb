#include "issuer_node.hpp"

namespace openrun::simulation {

void IssuerNode::started() {
  results_ = std::make_unique<sim::Producer>(
      context_.scheduler, context_.broker, ports::Topic::results,
      [this] {
        sim::ProduceFate fate = context_.produce();
        // Best effort: what does not get there is published by the relay.
        if (context_.strikes(Fault::results_lost)) fate.dropped = true;
        result_lost_ = fate.dropped || fate.refused;
        return fate;
      },
      [](const ports::Delivery&) {});
  stream_ = context_.stream.make_broadcaster();
  after(tick_us, [this] { tick(); });
}

void IssuerNode::crashed() {
  for (const auto& [partition, worker] : workers_) {
    if (worker->doubts()) context_.trace(name_.c_str(), [] { return std::string("dies in doubt"); });
  }
  workers_.clear();
  retired_.clear();
  if (!collected_.empty()) context_.coverage.count(Situation::issuer_crash_between_telling_and_publishing);
  collected_.clear();
  stream_.reset();
  results_.reset();
  bulk_stops.clear();
}

void IssuerNode::assigned(Partition partition) {
  if (!is_up() || workers_.contains(partition)) return;
  context_.trace(name_.c_str(), [&] { return "is assigned partition " + std::to_string(partition.value); });
  auto worker = std::make_shared<IssuerWorker>(*this, partition);
  workers_.emplace(partition, worker);
  worker->begin();
}

void IssuerNode::revoked(Partition partition) {
  const auto found = workers_.find(partition);
  if (!is_up() || found == workers_.end()) return;
  context_.trace(name_.c_str(), [&] { return "gives up partition " + std::to_string(partition.value); });
  auto worker = std::move(found->second);
  workers_.erase(found);
  if (worker->commit_in_flight()) context_.coverage.count(Situation::rebalance_while_commit_in_flight);
  worker->revoke();
  retired_.push_back(worker);
  after(revoke_grace_us, [this, worker] { std::erase(retired_, worker); });
}

const IssuerWorker* IssuerNode::worker(Partition partition) const {
  const auto found = workers_.find(partition);
  return found == workers_.end() ? nullptr : found->second.get();
}

void IssuerNode::tick() {
  std::erase_if(retired_, [](const auto& worker) { return worker->finished(); });
  const std::int64_t now_us = context_.scheduler.now_us();
  std::vector<Partition> again;
  for (auto& [partition, worker] : workers_) {
    const issuer::LoopStatus& status = worker->status();
    if (status.state != issuer::LoopStatus::State::stopped || status.reason != "FENCED") continue;
    if (worker->fenced_since_us < 0) worker->fenced_since_us = now_us;
    if (now_us - worker->fenced_since_us >= fenced_retry_us) again.push_back(partition);
  }
  for (const Partition partition : again) {
    workers_.erase(partition);
    assigned(partition);
  }
  after(tick_us, [this] { tick(); });
}

void IssuerNode::publish(std::shared_ptr<const ports::CommitBatch> batch) {
  checker_.told_past_the_log(batch->payload);
  stream_->send(batch->payload);
  collected_.push_back(std::move(batch));
  if (collected_.size() == 1) after(results_linger_us, [this] { append_results(); });
}

void IssuerNode::append_results() {
  const ports::Headers headers{{std::string(ports::invitation_name), stream_->invitation()}};
  for (const auto& batch : std::exchange(collected_, {})) {
    (void)results_->append(batch->partition, std::to_string(batch->partition.value), batch->payload, headers,
                           static_cast<std::uint64_t>(batch->expected_next_offset.value));
    if (result_lost_ && checker_.restocked_in(batch->partition, batch->expected_next_offset)) {
      context_.coverage.count(Situation::restock_lost_in_results);
    }
  }
}

}  // namespace openrun::simulation
