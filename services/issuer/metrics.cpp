#include "issuer/metrics.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <openrun/issuance/decision.hpp>

namespace openrun::issuer {
namespace {

using issuance::Outcome;

constexpr std::array<const char*, 6> results{"committed", "rolled_back", "in_doubt", "fenced", "refused", "conflict"};

const std::vector<double>& second_bounds() {
  static const std::vector<double> bounds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60};
  return bounds;
}

}  // namespace

WorkerMetrics::WorkerMetrics(ports::Metrics& metrics, Partition partition)
    : metrics_(metrics),
      partition_{{"partition", std::to_string(partition.value)}},
      commit_seconds_(metrics.histogram("openrun_commit_seconds", "One transaction of the issuer, until its answer.",
                                        second_bounds())),
      batch_records_(metrics.histogram("openrun_batch_records", "Records decided in one transaction.",
                                       {1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000})),
      decision_lag_seconds_(metrics.histogram("openrun_decision_lag_seconds",
                                              "From the time of a batch's oldest record in the log to its commit.",
                                              second_bounds())),
      takeover_seconds_(metrics.histogram(
          "openrun_takeover_seconds", "From the assignment of a partition to its first decision.", second_bounds())),
      takeovers_(metrics.counter("openrun_takeovers_total", "Partitions taken over.")),
      fenced_(metrics.counter("openrun_issuer_fenced_total", "Partitions lost to another writer's newer epoch.")),
      published_(metrics.counter("openrun_results_published_total",
                                 "Result batches given to the producer, or left to the relay.",
                                 {{"result", "queued"}})),
      not_published_(metrics.counter("openrun_results_published_total",
                                     "Result batches given to the producer, or left to the relay.",
                                     {{"result", "left"}})),
      owned_(metrics.gauge("openrun_issuer_owned", "1 while this process writes the partition.", partition_)),
      next_offset_(
          metrics.gauge("openrun_issuer_next_offset", "The first offset that is not decided durably.", partition_)),
      queue_length_(
          metrics.gauge("openrun_queue_length", "Records in the log that are not decided durably.", partition_)),
      clock_ahead_(metrics.gauge(
          "openrun_issuer_clock_ahead",
          "Milliseconds by which the next record's time is ahead of our clock while deciding pauses for it.",
          partition_)),
      dispatch_per_second_(metrics.gauge("openrun_issuer_dispatch_per_second",
                                         "Requests decided a second at most, as in force; 0: no limit.", partition_)),
      batch_limit_(metrics.gauge(
          "openrun_issuer_batch_limit",
          "Records in one transaction at most; below issuer.batch_max where the store was too slow for more.",
          partition_)),
      no_progress_(metrics.gauge("openrun_issuer_no_progress_seconds",
                                 "Since when nothing was decided though records wait, or nobody knows whether they do.",
                                 partition_)) {
  owned_.set(1);
  for (const Outcome outcome : issuance::all_outcomes) {
    decisions_.at(std::to_underlying(outcome)) = &metrics.counter("openrun_decisions_total", "Records decided durably.",
                                                                  {{"outcome", issuance::to_string(outcome)}});
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    commits_.at(i) =
        &metrics.counter("openrun_commits_total", "Transactions of the issuer.", {{"result", results.at(i)}});
  }
}

void WorkerMetrics::batch_committed(const BatchFacts& facts, double lag_seconds) {
  for (std::size_t i = 0; i < facts.outcomes.size(); ++i) {
    if (facts.outcomes[i] > 0 && decisions_[i] != nullptr) decisions_[i]->add(facts.outcomes[i]);
  }
  batch_records_.observe(static_cast<double>(facts.records));
  decision_lag_seconds_.observe(std::max(lag_seconds, 0.0));
}

void WorkerMetrics::commit_answered(ports::CommitOutcome outcome, double seconds) {
  commits_.at(std::to_underlying(outcome))->add();
  commit_seconds_.observe(seconds);
}

void WorkerMetrics::taken_over(double seconds) {
  takeovers_.add();
  takeover_seconds_.observe(seconds);
}

void WorkerMetrics::dropped(const std::string& reason) {
  metrics_
      .counter("openrun_rebuilds_total", "Times that decisions were dropped and the state was read again.",
               {{"reason", reason}})
      .add();
}

void WorkerMetrics::fenced() {
  fenced_.add();
}

void WorkerMetrics::published(bool queued) {
  (queued ? published_ : not_published_).add();
}

void WorkerMetrics::retire() {
  if (retired_) return;
  owned_.set(0);
  set_stopped("");
  set_progress(Offset{0}, Offset{0});
  set_clock_ahead(0);
  set_dispatch_rate(0);
  set_batch_limit(0);
  set_no_progress(0);
  retired_ = true;
}

void WorkerMetrics::set_stopped(const std::string& reason) {
  if (retired_ || reason == stopped_) return;
  const auto set = [&](const std::string& name, double value) {
    if (name.empty()) return;
    ports::Metrics::Labels labels = partition_;
    labels.emplace("reason", name);
    metrics_.gauge("openrun_issuer_stopped", "1 where deciding has ended or waits for an operator.", labels).set(value);
  };
  set(stopped_, 0);
  set(reason, 1);
  stopped_ = reason;
}

void WorkerMetrics::set_progress(Offset next_offset, Offset log_end) {
  if (retired_) return;
  next_offset_.set(static_cast<double>(next_offset.value));
  queue_length_.set(static_cast<double>(std::max<std::int64_t>(log_end - next_offset, 0)));
}

void WorkerMetrics::set_clock_ahead(std::int64_t milliseconds) {
  if (retired_) return;
  clock_ahead_.set(static_cast<double>(milliseconds));
}

void WorkerMetrics::set_dispatch_rate(std::uint32_t per_second) {
  if (retired_) return;
  dispatch_per_second_.set(per_second);
}

void WorkerMetrics::set_batch_limit(std::size_t records) {
  if (retired_) return;
  batch_limit_.set(static_cast<double>(records));
}

void WorkerMetrics::set_no_progress(double seconds) {
  if (retired_) return;
  no_progress_.set(seconds);
}

}  // namespace openrun::issuer
