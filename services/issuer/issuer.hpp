// All partitions of one issuer process: starts and ends their workers as the group's membership says. It says who
// should write; the epoch in Postgres decides who may.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/request_log.hpp>

#include "issuer/partition_worker.hpp"

namespace openrun::issuer {

struct IssuerSettings {
  LoopSettings loop;
  // How long a revocation waits for commits in flight; then their calls are cancelled. Below the group's session
  // time-out.
  std::chrono::milliseconds revoke_grace{3'000};
  // A partition that was fenced but never revoked is taken over again after this time. It is longer than the group's
  // session time-out: by then every other process that was assigned the partition knows whether it still is. Without
  // that, a slow takeover by a former owner could fence the rightful one for ever.
  std::chrono::milliseconds fenced_retry{15'000};
  // So long nothing may be decided while records wait, and so long may the group think about whose the partitions are,
  // before the process says that it is not ready: longer than a rebalance and a takeover take.
  std::chrono::milliseconds progress_wait{10'000};
};

class Issuer {
 public:
  // One store a worker; called on the membership's thread.
  using StoreFactory = std::function<std::unique_ptr<ports::CouponStore>()>;

  Issuer(WorkerParts parts, StoreFactory make_store, const IssuerSettings& settings);
  ~Issuer();
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;

  // For make_membership. They and tick() run on the thread that polls the membership.
  [[nodiscard]] ports::Membership::Callbacks callbacks();
  // At least once a second: buries workers that have ended, and retries fenced partitions.
  void tick();
  // Ends all workers in good order, bounded by revoke_grace.
  void stop();

  // Empty where every assigned partition is being decided. Also where the group has assigned none: a standby is ready,
  // but one that the group has never answered is not. Any thread.
  [[nodiscard]] std::string not_ready_reason() const;

 private:
  struct Owned {
    std::unique_ptr<PartitionWorker> worker;
    std::int64_t fenced_since_us = -1;
    bool stall_told = false;
  };
  void assigned(std::span<const Partition> partitions);
  void revoked(std::span<const Partition> partitions, bool lost);
  [[nodiscard]] std::unique_ptr<PartitionWorker> start_worker(Partition partition);
  void look_for_stalls();
  [[nodiscard]] std::string membership_trouble() const;                                 // with the mutex
  [[nodiscard]] std::string trouble_of(Partition partition, const Owned& owned) const;  // with the mutex

  const WorkerParts parts_;
  const StoreFactory make_store_;
  const IssuerSettings settings_;
  mutable std::mutex mutex_;  // for not_ready_reason(); the rest is one thread's
  std::map<Partition, Owned> owned_;
  std::vector<std::unique_ptr<PartitionWorker>> retired_;  // still ending
  // The group's answer, be it that nothing is ours.
  bool was_answered_ = false;
  bool is_answered_ = false;
  std::int64_t unanswered_since_us_ = 0;
};

}  // namespace openrun::issuer
