#include "group.hpp"

namespace openrun::simulation {

Group::Group(Context& context, std::vector<Member> members) : context_(context), members_(std::move(members)) {}

bool Group::answers(const Member& member) const {
  if (!member.node->is_up()) return false;
  return !member.node->is_frozen() || context_.scheduler.now_us() - member.node->frozen_since_us() < session_us;
}

std::vector<std::size_t> Group::living() const {
  std::vector<std::size_t> living;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (answers(members_[i])) living.push_back(i);
  }
  return living;
}

void Group::begin() {
  for (std::int32_t p = 0; p < context_.plan.partitions; ++p) {
    give(Partition{p}, static_cast<std::size_t>(p) % members_.size(), context_.random.between(0, 200'000));
  }
  watch();
}

// Whoever stands still hears of it when it goes on, and one more moment later.
void Group::give(Partition partition, std::size_t member, std::int64_t delay_us) {
  owner_[partition] = member;
  context_.scheduler.after(delay_us, [this, partition, member] {
    if (owner_[partition] != member) return;
    if (members_[member].node->is_frozen()) return give(partition, member, watch_us);
    members_[member].assigned(partition);
  });
}

void Group::take(Partition partition, std::size_t member, std::int64_t delay_us) {
  context_.scheduler.after(delay_us, [this, partition, member] {
    if (owner_[partition] == member) return;
    if (members_[member].node->is_frozen()) return take(partition, member, watch_us);
    members_[member].revoked(partition);
  });
}

void Group::watch() {
  for (const auto& [partition, member] : std::map(owner_)) {
    if (answers(members_[member])) continue;
    const auto others = living();
    if (others.empty()) continue;
    take(partition, member, context_.random.between(0, 300'000));
    give(partition, others[context_.random.below(others.size())], context_.random.between(0, 100'000));
  }
  context_.scheduler.after(watch_us, [this] { watch(); });
}

void Group::move(Partition partition, bool overlap) {
  const auto others = living();
  const std::size_t old = owner_[partition];
  if (others.empty()) return;
  const std::size_t next = others[context_.random.below(others.size())];
  if (next == old) return;
  take(partition, old, overlap ? context_.random.between(100'000, 2'000'000) : 0);
  give(partition, next, overlap ? 0 : context_.random.between(1'000, 400'000));
}

void Group::rejoined(const Node& node) {
  for (const auto& [partition, member] : std::map(owner_)) {
    if (members_[member].node == &node) give(partition, member, context_.random.between(1'000, 200'000));
  }
}

}  // namespace openrun::simulation
