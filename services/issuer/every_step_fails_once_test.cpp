// Fails every I/O step of a fixed workload once, in every way, and compares the outcome with that of the undisturbed
// run. (After boostorg/mysql's check_network_errors.)
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <openrun/crypto/mac.hpp>
#include <openrun/wire/result_batch.hpp>

#include "issuer/loop.hpp"
#include "issuer/testing/harness.hpp"

namespace openrun::issuer {
namespace {

using namespace openrun::testing;
using Fault = Harness::Fault;

// Commands, two kinds of campaigns, a refused record, an undecodable one, its replay twice, a restock, in batches of
// four; and a request that stands in the log twice.
void feed_first(Harness& harness) {
  harness.database.refuse_user("refused");
  harness.append_all({create(1, 3), create(2, 10, 2), request(1, "ann"), request(1, "ann"), request(2, "ann", "a"),
                      request(2, "ann", "b"), request(2, "ann", "a"), request(2, "ann", "c"), request(9, "ann"),
                      request(1, "refused"), request(1, "bob", "", 6), garbage});
}

void feed_second(Harness& harness) {
  harness.append_all({request(1, "cas"), request(1, "dan"), add_stock(1, 1, "more"), add_stock(1, 1, "more"),
                      request(1, "dan"), replay(Offset{11}, request(2, "eve", "e")),
                      replay(Offset{11}, request(2, "eve", "f")), decision_version(1), request(2, "fay", "a"),
                      request(1, "bob", "", 6)});
}

constexpr Offset end_of_workload{22};

// Everything that users and operators can see of the outcome; how it was cut into batches and by whom is not part of
// it.
std::string describe(const FakeDatabase::PartitionState& state) {
  std::ostringstream out;
  for (const auto& [first, payload] : state.outbox) {
    const auto batch = wire::decode_result_batch(payload);
    if (!batch) return "an outbox row that cannot be read";
    for (const auto& entry : batch->entries) {
      out << entry.offset.value << ' ' << issuance::to_string(entry.outcome) << " nonce " << entry.nonce << " campaign "
          << entry.campaign.value << " sequence " << entry.sequence.value << " at " << entry.issued_at.value
          << " winner " << entry.winner << '\n';
    }
  }
  for (const auto& [key, row] : state.coupons) {
    out << "coupon " << key.first.value << '/' << key.second.value << ' ' << row.user << ' ' << row.idempotency_key
        << " request " << row.request_offset.value << " code " << row.code << '\n';
  }
  for (const auto& [id, campaign] : state.campaigns) {
    out << "campaign " << id.value << " issued " << campaign.issued << " of " << campaign.terms.stock << " digest "
        << crypto::hex(state.digests.at(id)) << '\n';
  }
  for (const auto& [key, row] : state.commands)
    out << "command " << key.second.value << ' ' << row.idempotency_key << '\n';
  for (const auto& [offset, row] : state.dead_letters)
    out << "dead letter " << offset.value << ' ' << row.reason << '\n';
  for (const auto& [origin, final] : state.final_offsets) out << "final " << origin.value << ' ' << final.value << '\n';
  out << "next " << state.next_offset.value << " log time " << state.log_time.value << '\n';
  return out.str();
}

struct WorkloadRun {
  std::string outcome;
  std::size_t io_actions = 0;
  bool clean = false;
  bool reached = false;  // the step that was to fail came
};

// `step` fails in the way `fault`; a partition that was lost is assigned anew.
WorkloadRun run_workload(std::size_t step, Fault fault) {
  Harness harness({.batch_max = 4});
  WorkloadRun run;
  harness.fault = [&](const Action& action) -> std::optional<Fault> {
    if (harness.io_actions != step) return std::nullopt;
    const bool is_commit = std::holds_alternative<Commit>(action) || std::holds_alternative<Probe>(action);
    run.reached = true;
    return fault == Fault::conflict && !is_commit ? Fault::lost_before : fault;
  };
  feed_first(harness);
  harness.run_for(1);
  bool fed = false;
  for (int i = 0; i < 400 && harness.state().next_offset < end_of_workload; ++i) {
    harness.run_for(50);
    if (!fed && i > 20) {
      // Whole campaigns are loaded by this one, not created by it.
      harness.restart();
      feed_second(harness);
      fed = true;
    }
    if (harness.loop().finished()) harness.restart();
  }
  run.outcome = describe(harness.state());
  run.io_actions = harness.io_actions;
  run.clean = harness.clean;
  return run;
}

class EveryStep : public ::testing::TestWithParam<Fault> {};

TEST_P(EveryStep, FailsOnceWithoutChangingAnyOutcome) {
  const WorkloadRun undisturbed = run_workload(SIZE_MAX, GetParam());
  ASSERT_NE(undisturbed.outcome.find("next 22 "), std::string::npos) << undisturbed.outcome;
  ASSERT_NE(undisturbed.outcome.find("21 ISSUED nonce 6 campaign 1 sequence 2 "), std::string::npos);
  ASSERT_GT(undisturbed.io_actions, 30U);
  std::size_t steps = 0;
  for (std::size_t step = 0; step < undisturbed.io_actions; ++step) {
    const WorkloadRun run = run_workload(step, GetParam());
    ASSERT_EQ(run.outcome, undisturbed.outcome) << "step " << step;
    ASSERT_TRUE(run.clean) << "something was published that is not durable, at step " << step;
    steps += run.reached ? 1 : 0;
  }
  EXPECT_GT(steps, 30U);
}

std::string name(const ::testing::TestParamInfo<Fault>& fault) {
  constexpr const char* names[] = {"LostBefore", "InDoubtNotApplied", "InDoubtApplied", "Conflict",
                                   "Fenced",     "CrashBefore",       "CrashAfter"};
  return names[static_cast<std::size_t>(fault.param)];
}

INSTANTIATE_TEST_SUITE_P(InEveryWay, EveryStep,
                         ::testing::Values(Fault::lost_before, Fault::doubt_before, Fault::doubt_after, Fault::conflict,
                                           Fault::fenced, Fault::crash_before, Fault::crash_after),
                         name);

}  // namespace
}  // namespace openrun::issuer
