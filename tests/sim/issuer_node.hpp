// An issuer process: the production loop of each partition that it was assigned, and around it what PartitionWorker and
// Issuer do with threads, here as events. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "checker.hpp"
#include "issuer/loop.hpp"
#include "node.hpp"

namespace openrun::simulation {

class IssuerNode;

// One partition of one issuer, from its takeover to its end.
class IssuerWorker : public std::enable_shared_from_this<IssuerWorker> {
 public:
  IssuerWorker(IssuerNode& node, Partition partition);
  ~IssuerWorker();
  IssuerWorker(const IssuerWorker&) = delete;
  IssuerWorker& operator=(const IssuerWorker&) = delete;

  void begin() { turn(); }
  void revoke();
  [[nodiscard]] const issuer::LoopStatus& status() const { return loop_.status(); }
  [[nodiscard]] bool finished() const { return loop_.finished(); }
  [[nodiscard]] bool commit_in_flight() const { return commit_in_flight_; }
  [[nodiscard]] bool doubts() const { return doubtful_to_.has_value(); }
  [[nodiscard]] Partition partition() const { return partition_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }

  std::int64_t fenced_since_us = -1;

 private:
  using Now = issuer::Now;
  [[nodiscard]] Now now() const;
  // Decides, does what the loop asks for, and plans to be woken.
  void turn();
  void drain();
  void perform(const issuer::Action& action);
  void perform_store(const issuer::Action& action);
  void perform_log(const issuer::Action& action);
  void commit(const std::shared_ptr<const ports::CommitBatch>& batch, bool probe);
  void send_commit(const std::shared_ptr<const ports::CommitBatch>& batch, bool probe, sim::BackendId backend);
  void answer_commit(ports::CommitAnswer answer, std::int64_t delay_us);
  void committed_in_doubt(const ports::CommitBatch& batch);
  void read_log(const issuer::ReadLog& action);
  void finish_read(bool timed_out);
  void tell(const issuer::Notice& notice);
  void taken_over(Result<ports::TakenOver> answer);
  // After that time, while this worker is there.
  void later(std::int64_t delay_us, std::function<void()> work);

  IssuerNode& node_;
  Context& context_;
  const Partition partition_;
  const std::uint64_t number_;
  issuer::IssuerLoop loop_;
  std::unique_ptr<ports::LogReader> reader_;
  struct PendingRead {
    std::size_t records_max = 0;
    std::uint64_t number = 0;
  };
  std::optional<PendingRead> read_;
  std::uint64_t reads_ = 0;
  std::int64_t wake_planned_us_ = issuer::never_us;
  std::optional<sim::BackendId> backend_;  // of the open transaction whose COMMIT was not sent
  bool commit_in_flight_ = false;
  std::optional<Offset> doubtful_to_;  // next_offset of the batch whose answer was lost
  bool full_seen_ = false;
};

class IssuerNode final : public Node {
 public:
  IssuerNode(Context& context, Checker& checker, std::string name)
      : Node(context, std::move(name)), checker_(checker) {}

  // ---- from the group ----
  void assigned(Partition partition);
  void revoked(Partition partition);
  // Lost without notice: somebody else may already write.
  void lost(Partition partition) { revoked(partition); }
  [[nodiscard]] bool owns(Partition partition) const { return workers_.contains(partition); }
  [[nodiscard]] const IssuerWorker* worker(Partition partition) const;

  // More than half of a batch would be dead letters: what an operator reads about it.
  struct BulkStop {
    Partition partition;
    Offset first;
    Offset last;
  };
  std::vector<BulkStop> bulk_stops;

 private:
  friend class IssuerWorker;
  static constexpr std::int64_t tick_us = 500'000;
  static constexpr std::int64_t fenced_retry_us = 5'000'000;
  static constexpr std::int64_t revoke_grace_us = 3'000'000;
  static constexpr std::int64_t results_linger_us = 20'000;

  void started() override;
  void crashed() override;
  void tick();
  // Tells it at once, and collects it for the log.
  void publish(std::shared_ptr<const ports::CommitBatch> batch);
  void append_results();

  Checker& checker_;
  std::map<Partition, std::shared_ptr<IssuerWorker>> workers_;
  std::vector<std::shared_ptr<IssuerWorker>> retired_;
  std::unique_ptr<ports::Broadcaster> stream_;
  std::vector<std::shared_ptr<const ports::CommitBatch>> collected_;  // told, and not on the way to the log yet
  std::unique_ptr<sim::Producer> results_;
  bool result_lost_ = false;  // of the last append
};

}  // namespace openrun::simulation
