// The instruments of one partition's writer. Registered at construction; updated from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <openrun/base/ids.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/metrics.hpp>

#include "issuer/actions.hpp"

namespace openrun::issuer {

class WorkerMetrics {
 public:
  WorkerMetrics(ports::Metrics& metrics, Partition partition);

  // A batch is durable. `lag_seconds`: from its oldest record's time until now.
  void batch_committed(const BatchFacts& facts, double lag_seconds);
  void commit_answered(ports::CommitOutcome outcome, double seconds);
  void taken_over(double seconds);
  void dropped(const std::string& reason);  // one of the loop's own names, so bounded
  void fenced();
  void published(bool queued);
  // The partition is no longer this writer's: its gauges are cleared once and left alone from then on, because a
  // successor in this process sets the same ones.
  void retire();
  // Empty: the partition is not stopped.
  void set_stopped(const std::string& reason);
  void set_progress(Offset next_offset, Offset log_end);
  void set_clock_ahead(std::int64_t milliseconds);
  void set_dispatch_rate(std::uint32_t per_second);
  void set_batch_limit(std::size_t records);
  void set_no_progress(double seconds);

 private:
  ports::Metrics& metrics_;
  const ports::Metrics::Labels partition_;
  std::array<ports::Counter*, 64> decisions_{};
  std::array<ports::Counter*, 6> commits_{};
  ports::Histogram& commit_seconds_;
  ports::Histogram& batch_records_;
  ports::Histogram& decision_lag_seconds_;
  ports::Histogram& takeover_seconds_;
  ports::Counter& takeovers_;
  ports::Counter& fenced_;
  ports::Counter& published_;
  ports::Counter& not_published_;
  ports::Gauge& owned_;
  ports::Gauge& next_offset_;
  ports::Gauge& queue_length_;
  ports::Gauge& clock_ahead_;
  ports::Gauge& dispatch_per_second_;
  ports::Gauge& batch_limit_;
  ports::Gauge& no_progress_;
  // Guarded by the worker's lock, like the calls of the gauges' setters.
  std::string stopped_;  // the reason whose gauge is 1
  bool retired_ = false;
};

}  // namespace openrun::issuer
