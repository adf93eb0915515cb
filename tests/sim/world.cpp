#include "world.hpp"

#include <memory>
#include <string>

#include "aftermath.hpp"
#include "dead_letter_desk.hpp"
#include "nemesis.hpp"
#include "oracle.hpp"
#include "workload.hpp"

namespace openrun::simulation {
namespace {

// So long it takes at most until everybody has heard what happened, while nothing is broken.
constexpr std::int64_t moment_us = 3'000'000;

class World {
 public:
  World(std::uint64_t seed, const Options& options);

  Report play();

 private:
  [[nodiscard]] Cast make_cast();
  // Runs until then, or until `done`, or until something is wrong.
  template <class Done>
  bool run_until(std::int64_t time_us, Done done);
  [[nodiscard]] std::string unsettled() const;
  void settle();
  // What may happen to a system that is settled; some seeds only.
  void play_missed_restock();
  void play_aftermath();
  void run_for(std::int64_t duration_us) {
    run_until(context_.scheduler.now_us() + duration_us, [] { return false; });
  }

  const std::uint64_t seed_;
  const Options options_;
  Context context_;
  Checker checker_;
  Cast cast_;
  Workload workload_;
  Nemesis nemesis_;
  DeadLetterDesk desk_;
  Aftermath aftermath_;
};

World::World(std::uint64_t seed, const Options& options)
    : seed_(seed),
      options_(options),
      context_(seed, options.verbose),
      checker_(context_),
      cast_(make_cast()),
      workload_(context_, checker_, cast_.gateways),
      nemesis_(context_, checker_, cast_, workload_),
      desk_(context_, cast_, workload_, nemesis_),
      aftermath_(context_, checker_, cast_, workload_) {}

Cast World::make_cast() {
  Cast cast;
  const auto name = [](const char* kind, std::int32_t number) { return std::string(kind) + std::to_string(number); };
  for (std::int32_t i = 0; i < context_.plan.gateways; ++i) {
    cast.gateways.push_back(std::make_unique<GatewayNode>(context_, checker_, name("gateway-", i)));
  }
  std::vector<Group::Member> issuers;
  for (std::int32_t i = 0; i < context_.plan.issuers; ++i) {
    IssuerNode& node = *cast.issuers.emplace_back(std::make_unique<IssuerNode>(context_, checker_, name("issuer-", i)));
    issuers.push_back({&node, [&node](Partition p) { node.assigned(p); }, [&node](Partition p) { node.revoked(p); }});
  }
  std::vector<Group::Member> relays;
  for (std::int32_t i = 0; i < context_.plan.relays; ++i) {
    RelayNode& node = *cast.relays.emplace_back(std::make_unique<RelayNode>(context_, checker_, name("relay-", i)));
    relays.push_back({&node, [&node](Partition p) { node.assigned(p); }, [&node](Partition p) { node.revoked(p); }});
  }
  cast.issuer_group = std::make_unique<Group>(context_, std::move(issuers));
  cast.relay_group = std::make_unique<Group>(context_, std::move(relays));
  return cast;
}

template <class Done>
bool World::run_until(std::int64_t time_us, Done done) {
  while (context_.violations.empty() && context_.scheduler.now_us() < time_us) {
    if (done()) return true;
    // Looking whether it is done costs more than an event.
    for (int i = 0; i < 50 && context_.violations.empty(); ++i) {
      if (!context_.scheduler.step()) return done();
      context_.fingerprint.mix(static_cast<std::uint64_t>(context_.scheduler.now_us()));
    }
    if (context_.scheduler.events() > options_.events_max) {
      context_.violate("more than " + std::to_string(options_.events_max) + " events: something goes round in circles");
    }
  }
  return done();
}

// What is still to be done, empty where nothing is.
std::string World::unsettled() const {
  const auto& broker = context_.broker;
  for (std::int32_t p = 0; p < context_.plan.partitions; ++p) {
    const Partition partition{p};
    const auto name = " in partition " + std::to_string(p);
    const auto found = context_.database.partitions().find(partition);
    const Offset end = broker.bounds(ports::Topic::requests, partition).end;
    if (found == context_.database.partitions().end()) return "nothing taken over" + name;
    const sim::PartitionRows& rows = found->second;
    if (rows.next_offset != end) {
      return "undecided records from " + std::to_string(rows.next_offset.value) + " to " + std::to_string(end.value) +
             name;
    }
    for (const auto& [first, row] : rows.outbox) {
      if (!checker_.is_published(partition, first)) return "an unpublished row" + name;
    }
    if (rows.published_through < rows.next_offset) return "a relay's cursor that stays behind" + name;
    for (const auto& [offset, letter] : rows.dead_letters) {
      if (!letter.exported) return "a dead letter that is not exported" + name;
    }
  }
  return {};
}

void World::settle() {
  nemesis_.heal();
  const std::int64_t until_us = context_.scheduler.now_us() + Plan::settle_us;
  // What is on its way needs a moment to arrive.
  run_until(context_.scheduler.now_us() + 6'000'000, [] { return false; });
  if (!run_until(until_us, [this] { return unsettled().empty(); }) && context_.violations.empty()) {
    context_.violate("not settled in time: " + unsettled());
  }
  if (!context_.violations.empty()) return;
  context_.trace("world", [] { return std::string("is settled; every gateway is asked for everything"); });
  workload_.verify(context_.scheduler.now_us() + Plan::settle_us);
  run_until(context_.scheduler.now_us() + 2 * Plan::settle_us, [this] { return workload_.verified(); });
  if (!workload_.verified() && context_.violations.empty()) {
    context_.violate(std::to_string(workload_.open_checks()) + " questions were never answered");
  }
  run_until(context_.scheduler.now_us() + Plan::settle_us, [this] { return unsettled().empty(); });
}

// Before the last checks: what is done here is decided like everything else.
void World::play_missed_restock() {
  if (!context_.random.chance(200) || !aftermath_.begin_missed_restock()) return;
  run_for(moment_us);
  aftermath_.end_missed_restock();
  run_for(moment_us);
  aftermath_.ask_for_missed_restock(false);
  run_for(moment_us);
  aftermath_.ask_for_missed_restock(true);
  run_for(2 * moment_us);
  run_until(context_.scheduler.now_us() + Plan::settle_us, [this] { return unsettled().empty(); });
}

void World::play_aftermath() {
  if (context_.random.chance(250)) {
    run_for(moment_us);
    aftermath_.ask_without_store();
    run_for(2 * moment_us);
    aftermath_.give_store_back();
    aftermath_.repeat_results();
    run_for(moment_us);
    aftermath_.ask_without_store();
    run_for(2 * moment_us);
    aftermath_.give_store_back();
  }
  if (!context_.violations.empty() || !context_.random.chance(200) || !aftermath_.lose_a_log()) return;
  const std::int64_t until_us = context_.scheduler.now_us() + 60'000'000;
  if (!run_until(until_us, [this] { return checker_.loss_was_noticed(); }) && context_.violations.empty()) {
    context_.violate("a log has lost records, and no issuer has noticed");
  }
}

Report World::play() {
  if (context_.plan.dispatch_per_second > 0) context_.database.dispatch()[-1] = context_.plan.dispatch_per_second;
  for (auto& node : cast_.gateways) node->start();
  for (auto& node : cast_.issuers) node->start();
  for (auto& node : cast_.relays) node->start();
  cast_.issuer_group->begin();
  cast_.relay_group->begin();
  workload_.begin();
  nemesis_.begin();
  desk_.begin();
  run_until(context_.plan.workload_us, [] { return false; });
  if (context_.violations.empty()) settle();
  if (context_.violations.empty()) play_missed_restock();
  if (context_.violations.empty()) checker_.check_all();
  if (context_.violations.empty()) compare_with_reference(context_, checker_);
  if (context_.violations.empty()) play_aftermath();

  Report report;
  report.seed = seed_;
  report.violations = context_.violations;
  report.coverage = context_.coverage;
  report.events = context_.scheduler.events();
  report.requests = checker_.receipts().size();
  report.simulated_us = context_.scheduler.now_us();
  report.fingerprint = context_.fingerprint.value();
  return report;
}

}  // namespace

Report play(std::uint64_t seed, const Options& options) {
  return std::make_unique<World>(seed, options)->play();
}

}  // namespace openrun::simulation
