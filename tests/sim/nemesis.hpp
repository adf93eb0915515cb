// Brings about the faults that are acts, not mishaps of single calls: crashes, freezes, rebalances, outages, poison. One
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
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
  // The users whose coupons the store refuses.
  [[nodiscard]] std::set<std::string>& refused_users() { return refused_users_; }
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
  void poison();
  void refuse_a_user();
  [[nodiscard]] Partition any_partition();

  Context& context_;
  Checker& checker_;
  Cast& cast_;
  Workload& workload_;
  std::vector<Fault> choices_;  // each as often as it weighs
  std::set<std::string> refused_users_;
};

}  // namespace openrun::simulation
