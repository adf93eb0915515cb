#include "nemesis.hpp"

#include <algorithm>

#include <openrun/wire/log_record.hpp>

namespace openrun::simulation {
namespace {

constexpr Fault no_act = Fault::count_;

template <class T>
T& any(Context& context, std::vector<std::unique_ptr<T>>& nodes) {
  return *nodes[context.random.below(nodes.size())];
}

}  // namespace

Nemesis::Nemesis(Context& context, Checker& checker, Cast& cast, Workload& workload)
    : context_(context), checker_(checker), cast_(cast), workload_(workload) {
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto fault = static_cast<Fault>(i);
    choices_.insert(choices_.end(), context.plan.weight[i], fault);
  }
  context.database.refuses = [this](const ports::CouponRow& row) {
    const auto home = home_partition(row.campaign, context_.plan.partitions);
    const auto from = refused_from_.find({row.user, home});
    return from != refused_from_.end() && row.request_offset >= from->second;
  };
}

Partition Nemesis::any_partition() {
  return Partition{
      static_cast<std::int32_t>(context_.random.below(static_cast<std::uint64_t>(context_.plan.partitions)))};
}

void Nemesis::begin() {
  if (choices_.empty()) choices_.push_back(no_act);
  context_.scheduler.after(context_.plan.nemesis_interval_us, [this] { act(); });
}

void Nemesis::act() {
  if (!context_.faults_on) return;
  const Fault fault = choices_[context_.random.below(choices_.size())];
  if (fault != no_act) perform(fault);
  const std::int64_t interval_us = context_.plan.nemesis_interval_us;
  context_.scheduler.after(context_.random.between(interval_us / 4, interval_us * 2), [this] { act(); });
}

void Nemesis::perform(Fault fault) {
  context_.coverage.count(fault);
  context_.fingerprint.mix(static_cast<std::uint64_t>(fault));
  context_.trace("nemesis", [&] { return std::string(name_of(fault)); });
  switch (fault) {
    case Fault::gateway_crash:
      return crash(any(context_, cast_.gateways), nullptr);
    case Fault::issuer_crash:
      return crash_an_issuer();
    case Fault::relay_crash:
      return crash(any(context_, cast_.relays), cast_.relay_group.get());
    case Fault::gateway_freeze:
      return freeze(any(context_, cast_.gateways));
    case Fault::issuer_freeze:
      return freeze(any(context_, cast_.issuers));
    case Fault::relay_freeze:
      return freeze(any(context_, cast_.relays));
    case Fault::store_slow:
      context_.store_slow_until_us = context_.scheduler.now_us() + context_.random.between(200'000, 1'500'000);
      return;
    case Fault::store_down:
    case Fault::store_full:
    case Fault::broker_down:
      return down_for(fault);
    case Fault::rebalance:
    case Fault::two_owners:
      cast_.issuer_group->move(any_partition(), fault == Fault::two_owners);
      if (context_.random.chance(300)) cast_.relay_group->move(any_partition(), fault == Fault::two_owners);
      return;
    case Fault::broker_clock_back:
      return step_clock(-context_.random.between(1, 3'000));
    case Fault::broker_clock_ahead:
      return step_clock(context_.random.between(1, 2'500));
    case Fault::results_repeated:
      return repeat_results();
    case Fault::results_expired:
      return expire_results();
    case Fault::poison_record:
      return poison(any_partition());
    case Fault::poison_burst:
      return poison_much();
    case Fault::refused_user:
      return refuse_a_user();
    default:
      return;
  }
}

// ---- processes ----

void Nemesis::crash(Node& node, Group* group) {
  if (!node.is_up()) return;
  node.crash();
  context_.scheduler.after(context_.random.between(1'000, 1'500'000), [&node, group] {
    if (node.is_up()) return;
    node.start();
    if (group != nullptr) group->rejoined(node);
  });
}

void Nemesis::crash_an_issuer() {
  crash(any(context_, cast_.issuers), cast_.issuer_group.get());
}

void Nemesis::freeze(Node& node) {
  if (!node.is_up() || node.is_frozen()) return;
  const auto* issuer = dynamic_cast<const IssuerNode*>(&node);
  if (issuer != nullptr) {
    for (std::int32_t p = 0; p < context_.plan.partitions; ++p) {
      const IssuerWorker* worker = issuer->worker(Partition{p});
      if (worker != nullptr && worker->doubts()) context_.coverage.count(Situation::doubt_and_zombie);
    }
  }
  node.freeze();
  context_.scheduler.after(context_.random.between(50'000, 4'000'000), [&node] { node.thaw(); });
}

void Nemesis::heal() {
  context_.faults_on = false;
  context_.database.set_down(false);
  context_.database.set_full(false);
  context_.broker.set_available(true);
  context_.broker.clock().set_ahead_ms(0);
  context_.store_slow_until_us = 0;
  const auto revive = [&](auto& nodes, Group* group) {
    for (auto& node : nodes) {
      node->thaw();
      if (node->is_up()) continue;
      node->start();
      if (group != nullptr) group->rejoined(*node);
    }
  };
  revive(cast_.gateways, nullptr);
  revive(cast_.issuers, cast_.issuer_group.get());
  revive(cast_.relays, cast_.relay_group.get());
}

// ---- store and broker ----

void Nemesis::down_for(Fault fault) {
  const std::int64_t until_us = context_.random.between(20'000, 1'500'000);
  const auto set = [this, fault](bool broken) {
    if (fault == Fault::store_down) context_.database.set_down(broken);
    if (fault == Fault::store_full) context_.database.set_full(broken);
    if (fault == Fault::broker_down) context_.broker.set_available(!broken);
  };
  set(true);
  context_.scheduler.after(until_us, [set] { set(false); });
}

void Nemesis::step_clock(std::int64_t by_ms) {
  sim::Clock& clock = context_.broker.clock();
  const std::int64_t before_ms = clock.now().value;
  clock.set_ahead_ms(std::clamp<std::int64_t>(clock.ahead_ms() + by_ms, -6'000, 4'000));
  for (const Workload::Campaign& campaign : workload_.campaigns()) {
    const std::int64_t opening_ms = sim::epoch_ms + campaign.starts_ms;
    if (before_ms >= opening_ms && clock.now().value < opening_ms) {
      context_.coverage.count(Situation::clock_step_at_the_opening);
    }
  }
}

// ---- the topics ----

// As a relay does that was away for long, or two that both think they are responsible.
void Nemesis::repeat_results() {
  const Partition partition = any_partition();
  const auto& outbox = context_.database.partition(partition).outbox;
  if (outbox.empty() || !context_.broker.available()) return;
  for (std::int64_t i = context_.random.between(1, 4); i > 0; --i) {
    const auto row = std::next(outbox.begin(), static_cast<std::ptrdiff_t>(context_.random.below(outbox.size())));
    context_.broker.append(ports::Topic::results, partition, std::to_string(partition.value), row->second.payload);
  }
}

// Now, or when a gateway that stood still for a while is about to go on: what it has not read is gone then.
void Nemesis::expire_results() {
  const Partition partition = any_partition();
  GatewayNode& gateway = any(context_, cast_.gateways);
  if (!gateway.is_up() || gateway.is_frozen() || context_.random.chance(400)) return expire_results_of(partition);
  const Offset end = context_.broker.bounds(ports::Topic::results, partition).end;
  gateway.freeze();
  // Who does not read is cut off, and does not hear it instead.
  if (context_.random.chance(500)) context_.stream.cut();
  context_.scheduler.after(context_.random.between(500'000, 3'000'000), [this, partition, &gateway, end] {
    if (gateway.is_frozen() && context_.broker.bounds(ports::Topic::results, partition).end > end) {
      context_.coverage.count(Situation::gateway_fell_behind_the_retention);
    }
    expire_results_of(partition);
    gateway.thaw();
  });
}

void Nemesis::expire_results_of(Partition partition) {
  const auto bounds = context_.broker.bounds(ports::Topic::results, partition);
  const std::int64_t kept = context_.random.chance(500) ? 0 : context_.random.between(0, 4);
  context_.broker.expire(ports::Topic::results, partition,
                         Offset{std::max(bounds.begin.value, bounds.end.value - kept)});
}

// Once in a run: somebody has to look through all that.
void Nemesis::poison_much() {
  const Partition partition = any_partition();
  for (int i = 0; i < 130; ++i) poison(partition);
  std::erase(choices_, Fault::poison_burst);
  if (choices_.empty()) choices_.push_back(no_act);
}

void Nemesis::poison(Partition partition) {
  if (!context_.broker.available()) return;
  std::string value = "\xff\xfe no record " + std::to_string(context_.random.below(1'000'000));
  // One that can be read and names nobody.
  if (context_.random.chance(300)) value = wire::encode_request(context_.random.next_u32(), CampaignId{1}, "a\nb", "");
  context_.broker.append(ports::Topic::requests, partition, "poison", value, {{"from", "a stranger"}});
}

void Nemesis::refuse_a_user() {
  const std::string user = workload_.any_user();
  for (std::int32_t p = 0; p < context_.plan.partitions; ++p) {
    const Offset end = context_.broker.bounds(ports::Topic::requests, Partition{p}).end;
    refused_from_.try_emplace({user, Partition{p}}, end);
  }
}

}  // namespace openrun::simulation
