// Brings about the faults that are acts, not mishaps of single calls: crashes, freezes, rebalances, outages, poison.
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway_node.hpp"
#include "group.hpp"
#include "issuer_node.hpp"
#include "relay_node.hpp"
#include "workload.hpp"

namespace openrun::simulation {

// Everybody, in the order of their start.
struct Cast {
  std::vector<std::unique_ptr<GatewayNode>> gateways;
  std::vector<std::unique_ptr<IssuerNode>> issuers;
  std::vector<std::unique_ptr<RelayNode>> relays;
  std::unique_ptr<Group> issuer_group;
  std::unique_ptr<Group> relay_group;
};

class Nemesis {
 public:
  Nemesis(Context& context, Checker& checker, Cast& cast, Workload& workload);

  void begin();
  // Ends all that is broken, for good.
  void heal();
  // The store refuses nobody's coupons any more.
  void forgive_users() { refused_from_.clear(); }
  // One issuer, at a moment that hurts.
  void crash_an_issuer();

 private:
  void act();
  void perform(Fault fault);
  void crash(Node& node, Group* group);
  void freeze(Node& node);
  void down_for(Fault fault);
  void step_clock(std::int64_t by_ms);
  void repeat_results();
  void expire_results();
  void expire_results_of(Partition partition);
  void poison(Partition partition);
  void poison_much();
  void refuse_a_user();
  [[nodiscard]] Partition any_partition();

  Context& context_;
  Checker& checker_;
  Cast& cast_;
  Workload& workload_;
  std::vector<Fault> choices_;  // each as often as it weighs
  // By user and partition: the offset from which on a coupon is refused. What the store accepted once it does not
  // refuse later.
  std::map<std::pair<std::string, Partition>, Offset> refused_from_;
};

}  // namespace openrun::simulation
