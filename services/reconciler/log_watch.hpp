// What the reconciler reads of Kafka: that every coupon that was told stands in the store (acknowledged.hpp), and that
// every partition's records are decided by somebody (undecided.hpp). The shell around both: no rules. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/request_log.hpp>

#include "reconciler/acknowledged.hpp"
#include "reconciler/facts.hpp"
#include "reconciler/told_offsets.hpp"
#include "reconciler/undecided.hpp"

namespace openrun::reconciler {

class LogWatch {
 public:
  // All outlive it. `missing` grows with each coupon that is not there, `told` with each result. `lookback_ms`: how far
  // back results are checked after a start.
  LogWatch(ports::Log& log, Coupons& coupons, ports::Clock& clock, ports::Logger& logger, ports::Metrics& metrics,
           MissingCoupons& missing, ToldOffsets& told, std::int64_t lookback_ms);

  // A bounded piece of work for every partition. Returns the milliseconds to wait before the next one.
  [[nodiscard]] std::int64_t turn();

  static constexpr std::int64_t look_interval_us = 2'000'000;  // at partitions, ends and checkpoints
  static constexpr std::int64_t idle_wait_ms = 200;
  static constexpr int actions_a_turn = 16;  // of one partition

 private:
  struct Followed {
    explicit Followed(Partition partition) : watch(partition) {}
    Acknowledged watch;
    std::unique_ptr<ports::LogReader> reader;
    Offset position;
    Offset checked_end;  // one past the newest record that is checked, as all before it are
    std::uint64_t shown = 0;
    Offset told_end;  // one past the newest offset that was told
    bool is_store_behind = false;
    ports::Gauge* behind = nullptr;
    ports::Gauge* undecided = nullptr;
    ports::Gauge* store_behind = nullptr;
  };
  void look();
  void look_at(Partition partition, Followed& followed, const std::map<Partition, Offset>& checkpoints);
  void judge_store(Partition partition, Followed& followed, Offset next_offset, bool is_read);
  // Whether there may be more to do at once.
  [[nodiscard]] bool advance(Partition partition, Followed& followed);
  // False: nothing to do for now.
  [[nodiscard]] bool perform(Partition partition, Followed& followed, const WatchAction& action);
  [[nodiscard]] Result<Offset> checkpoint_of(Partition partition);
  [[nodiscard]] Result<void> open(Partition partition, Followed& followed);
  [[nodiscard]] Result<std::vector<wire::ResultBatch>> read(Partition partition, Followed& followed,
                                                            std::size_t records_max);
  void report(Partition partition, const ReportMissing& missing);
  void tell(const Error& error);

  ports::Log& log_;
  Coupons& coupons_;
  ports::Clock& clock_;
  ports::Logger& logger_;
  ports::Metrics& metrics_;
  MissingCoupons& missing_;
  ToldOffsets& told_;
  const std::int64_t lookback_ms_;
  std::map<Partition, Followed> followed_;
  Undecided undecided_;
  std::int64_t look_at_us_ = 0;
  bool trouble_told_ = false;
  ports::Counter& not_issued_;
  ports::Counter& checked_;
};

}  // namespace openrun::reconciler
