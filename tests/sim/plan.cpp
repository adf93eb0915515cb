#include "plan.hpp"

#include <algorithm>
#include <initializer_list>

namespace openrun::simulation {
namespace {

// Of the faults that happen to single calls, with the most of a thousand that one seed may choose.
struct Rate {
  Fault fault;
  std::uint32_t per_mille_max;
};
constexpr Rate rates[] = {
    {Fault::commit_lost, 80},
    {Fault::commit_doubt_applied, 80},
    {Fault::commit_doubt_dropped, 80},
    {Fault::commit_doubt_late, 80},
    {Fault::commit_conflict, 30},
    {Fault::store_call_failed, 60},
    {Fault::store_answer_lost, 60},
    {Fault::produce_refused, 50},
    {Fault::produce_lost, 60},
    {Fault::produce_unknown, 60},
    {Fault::produce_delayed, 80},
    {Fault::delivery_twice, 100},
    {Fault::results_lost, 300},
    {Fault::http_lost, 40},
    {Fault::commit_timed_out, 40},
    {Fault::told_lost, 60},
    {Fault::told_late, 60},
    {Fault::told_twice, 100},
    {Fault::stored_twice, 60},
};
constexpr Fault acts[] = {
    Fault::gateway_crash,   Fault::issuer_crash,     Fault::relay_crash,   Fault::gateway_freeze,
    Fault::issuer_freeze,   Fault::relay_freeze,     Fault::store_slow,    Fault::store_down,
    Fault::store_full,      Fault::broker_down,      Fault::rebalance,     Fault::broker_clock_back,
    Fault::two_owners,      Fault::results_repeated, Fault::poison_record, Fault::broker_clock_ahead,
    Fault::results_expired, Fault::poison_burst,     Fault::refused_user,
};

std::int64_t one_of(sim::Random& random, std::initializer_list<std::int64_t> choices) {
  return choices.begin()[random.below(choices.size())];
}

}  // namespace

Plan::Plan(sim::Random& random)
    : partitions(static_cast<std::int32_t>(random.between(1, 3))),
      gateways(static_cast<std::int32_t>(random.between(1, 3))),
      issuers(static_cast<std::int32_t>(random.between(1, 3))),
      relays(static_cast<std::int32_t>(random.between(1, 2))),
      campaigns(static_cast<std::int32_t>(random.between(1, 4))),
      users(static_cast<std::int32_t>(one_of(random, {4, 12, 40, 100}))),
      requests(static_cast<std::int32_t>(random.between(40, 240))),
      commands(static_cast<std::int32_t>(random.between(0, 14))),
      workload_us(random.between(4'000'000, 14'000'000)),
      batch_max(static_cast<std::uint32_t>(one_of(random, {1, 2, 5, 20, 100, 500}))),
      window_records(one_of(random, {16, 64, 1'024})),
      winners_max(static_cast<std::uint32_t>(one_of(random, {4, 1'000}))) {
  if (random.chance(200)) dispatch_per_second = static_cast<std::uint32_t>(random.between(4, 80));
  for (const Rate& one : rates) {
    if (random.chance(500)) per_mille[std::to_underlying(one.fault)] = 1 + random.below(one.per_mille_max);
  }
  for (const Fault act : acts) {
    if (random.chance(500)) weight[std::to_underlying(act)] = 1 + random.below(4);
  }
  // Nobody can listen: outcomes come through the log alone, and what that brings gets its turn.
  if (random.chance(250)) per_mille[std::to_underlying(Fault::told_lost)] = 1'000;
  // A burst is more than a hundred records.
  std::uint32_t& burst = weight[std::to_underlying(Fault::poison_burst)];
  burst = random.chance(80) ? 1 : 0;
  nemesis_interval_us = one_of(random, {40'000, 80'000, 150'000, 400'000});
  network_us = one_of(random, {200, 500, 3'000});
  store_us = one_of(random, {300, 1'000, 8'000});
}

}  // namespace openrun::simulation
