// The consumer groups: who is assigned which partition. Members that crash or stand still lose their partitions after
// the session's time-out; one that stood still learns of it only when it goes on. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "context.hpp"
#include "node.hpp"

namespace openrun::simulation {

class Group {
 public:
  struct Member {
    Node* node;
    std::function<void(Partition)> assigned;
    std::function<void(Partition)> revoked;
  };
  Group(Context& context, std::vector<Member> members);

  // Assigns everything, and watches from then on.
  void begin();
  // Moves a partition to another member. `overlap`: the new one begins before the old one has ended.
  void move(Partition partition, bool overlap);
  // A crashed member was started again: what is still its own is assigned again.
  void rejoined(const Node& node);

 private:
  static constexpr std::int64_t watch_us = 300'000;
  static constexpr std::int64_t session_us = 1'500'000;
  void watch();
  [[nodiscard]] bool answers(const Member& member) const;
  void give(Partition partition, std::size_t member, std::int64_t delay_us);
  void take(Partition partition, std::size_t member, std::int64_t delay_us);
  [[nodiscard]] std::vector<std::size_t> living() const;

  Context& context_;
  std::vector<Member> members_;
  std::map<Partition, std::size_t> owner_;
};

}  // namespace openrun::simulation
