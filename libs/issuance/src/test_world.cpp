#include "src/test_world.hpp"

#include <gtest/gtest.h>

namespace openrun::issuance::testing {
namespace {

PartitionSnapshot empty_partition() {
  PartitionSnapshot snapshot;
  snapshot.partition = Partition{3};
  return snapshot;
}

}  // namespace

CampaignTerms terms_of(std::uint32_t stock, std::optional<Timestamp> ends_at, std::uint32_t max_per_user) {
  CampaignTerms terms;
  terms.name = "spring";
  terms.stock = stock;
  terms.starts_at = noon;
  terms.ends_at = ends_at;
  terms.policy.max_per_user = max_per_user;
  return terms;
}

IssueRequested request_of(std::uint32_t campaign, std::string_view user, std::string_view key) {
  return {CampaignId{campaign}, user, key};
}

CampaignCommand command_of(std::uint32_t campaign, std::string key, decltype(CampaignCommand::action) action) {
  return {CampaignId{campaign}, std::move(key), std::move(action)};
}

std::string describe(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    text +=
        violation.invariant + " (campaign " + std::to_string(violation.campaign.value) + ": " + violation.detail + ") ";
  }
  return text;
}

World::World() : machine_(empty_partition(), 1), restarted_(empty_partition(), 2) {}

std::optional<Campaign> World::campaign_named(const Event& event) const {
  const auto id = campaign_of(event);
  const Campaign* const found = id ? machine_.find(*id) : nullptr;
  return found == nullptr ? std::nullopt : std::optional(*found);
}

Decision World::apply(const Event& event) {
  return apply(Input{next_offset(), time_, event});
}

Decision World::apply(const Input& input) {
  rows_.restore_missing(machine_, input.event, seed_);
  const auto before = campaign_named(input.event);
  const Progress progress_before{machine_.next_offset(), machine_.log_time()};
  const Decision decision = machine_.apply(input);
  const Progress progress_after{machine_.next_offset(), machine_.log_time()};
  EXPECT_EQ(describe(check_state(machine_)), "") << decision;
  EXPECT_EQ(describe(check_progress(progress_before, decision, progress_after)), "") << decision;
  EXPECT_EQ(
      describe(check_step(before, decision, campaign_named(input.event), judged_at(input.event, machine_.log_time()))),
      "")
      << decision;

  restarted_ = Rows::restart(restarted_, ++seed_);
  rows_.restore_missing(restarted_, input.event, seed_);
  EXPECT_EQ(restarted_.apply(input), decision) << "a restart before this record is observable";
  rows_.commit(machine_, input.event, decision);
  EXPECT_TRUE(same_state(machine_, restarted_)) << decision;
  return decision;
}

Decision World::request(std::uint32_t campaign, std::string_view user, std::string_view key) {
  return apply(request_of(campaign, user, key));
}

Decision World::command(std::uint32_t campaign, decltype(CampaignCommand::action) action, std::string key) {
  if (key.empty()) key = "key of offset " + std::to_string(next_offset().value);
  return apply(command_of(campaign, std::move(key), std::move(action)));
}

Offset World::dead_letter() {
  return apply(Undecidable{"UNDECODABLE"}).offset;
}

Decision World::replay(Offset origin, Timestamp first_arrival, decltype(Replay::original) original) {
  return apply(Replay{origin, first_arrival, std::move(original)});
}

void World::restart() {
  machine_ = Rows::restart(machine_, ++seed_);
}

}  // namespace openrun::issuance::testing

namespace openrun::issuance {

std::ostream& operator<<(std::ostream& out, Outcome outcome) {
  return out << to_string(outcome) << " (" << static_cast<int>(outcome) << ")";
}

std::ostream& operator<<(std::ostream& out, const Decision& decision) {
  out << "offset " << decision.offset.value << ": " << decision.outcome << " campaign " << decision.campaign.value
      << " sequence " << decision.sequence.value << " time " << decision.time.value;
  if (decision.origin) out << " origin " << decision.origin->value;
  if (decision.first_offset) out << " first_offset " << decision.first_offset->value;
  return out;
}

}  // namespace openrun::issuance
