// A relay process: the production loop of every partition, and around it what PartitionRelay does with a thread, here
// as events. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "checker.hpp"
#include "node.hpp"
#include "relay/loop.hpp"

namespace openrun::simulation {

class RelayNode;

class RelayWorker {
 public:
  RelayWorker(RelayNode& node, Partition partition, std::uint64_t first_token);

  void begin() { turn(); }
  void set_owner(bool owner) { loop_.set_owner(owner_ = owner); }
  void deliver(const ports::Delivery& delivery);
  [[nodiscard]] const relay::LoopStatus& status() const { return loop_.status(); }

 private:
  [[nodiscard]] relay::Now now() const;
  void turn();
  void perform(const relay::Action& action);
  void open_tail(const relay::OpenTail& action);
  void wait_for_tail(const relay::ReadTail& action);
  void read_tail();
  void publish_dead_letter(const relay::PublishDeadLetter& action);
  // A call to the store with its answer, then the next turn.
  template <class Call>
  void ask(Call call);
  void resume_after(std::int64_t delay_us);
  void resume(std::uint64_t number);

  RelayNode& node_;
  Context& context_;
  const Partition partition_;
  relay::RelayLoop loop_;
  bool owner_ = false;
  std::unique_ptr<ports::LogReader> reader_;
  Offset position_;
  std::vector<ports::Delivery> deliveries_;
  // What it waits for, so that only the first to come wakes it.
  enum class Waits : std::uint8_t { no, for_tail, for_time } waits_ = Waits::no;
  std::uint64_t wait_number_ = 0;
};

class RelayNode final : public Node {
 public:
  RelayNode(Context& context, Checker& checker, std::string name);

  void assigned(Partition partition);
  void revoked(Partition partition);
  [[nodiscard]] const RelayWorker& worker(Partition partition) const { return *workers_.at(partition); }

 private:
  friend class RelayWorker;
  void started() override;
  void crashed() override;
  [[nodiscard]] std::unique_ptr<sim::Producer> producer(ports::Topic topic);

  sim::SimulatedOutbox outbox_;
  std::map<Partition, std::unique_ptr<RelayWorker>> workers_;
  std::unique_ptr<sim::Producer> results_;
  std::unique_ptr<sim::Producer> dead_letters_;
  std::uint64_t generation_ = 0;
};

}  // namespace openrun::simulation
