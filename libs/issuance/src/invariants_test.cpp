#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/issuance/invariants.hpp>

#include "src/test_world.hpp"

namespace openrun::issuance {
namespace {

using namespace testing;

std::vector<std::string> names(const std::vector<Violation>& violations) {
  std::vector<std::string> found;
  for (const Violation& violation : violations) found.push_back(violation.invariant);
  return found;
}

bool holds(const std::vector<Violation>& violations, const std::string& invariant) {
  const auto found = names(violations);
  return std::ranges::find(found, invariant) != found.end();
}

StoredCampaign sound_store() {
  return {.campaign = CampaignId{1},
          .stock = 5,
          .issued = 3,
          .coupons = 3,
          .sequence_min = 1,
          .sequence_max = 3,
          .duplicate_claims = 0,
          .offset_max = 41,
          .next_offset = 42};
}

TEST(CheckStored, FindsNothingInASoundStore) {
  EXPECT_EQ(describe(check_stored(sound_store())), "");
  StoredCampaign empty;
  empty.campaign = CampaignId{1};
  EXPECT_EQ(describe(check_stored(empty)), "") << "no stock, no coupon, no record";
}

TEST(CheckStored, NamesWhatDoesNotHold) {
  const struct {
    std::int64_t StoredCampaign::* field;
    std::int64_t value;
    const char* invariant;
  } cases[] = {
      {&StoredCampaign::stock, 2, "issued_within_stock"},
      {&StoredCampaign::issued, -1, "issued_within_stock"},
      {&StoredCampaign::stock, limits::stock_max + 1, "stock_within_limit"},
      {&StoredCampaign::issued, 4, "issued_is_coupons"},
      {&StoredCampaign::coupons, 2, "issued_is_coupons"},
      {&StoredCampaign::coupons, 2, "sequences_without_gap"},
      {&StoredCampaign::sequence_min, 2, "sequences_without_gap"},
      {&StoredCampaign::sequence_min, 0, "sequences_without_gap"},
      {&StoredCampaign::sequence_max, 4, "sequences_without_gap"},
      {&StoredCampaign::duplicate_claims, 1, "no_duplicate_claims"},
      {&StoredCampaign::offset_max, 42, "coupons_are_decided"},
  };
  for (const auto& c : cases) {
    StoredCampaign stored = sound_store();
    stored.*c.field = c.value;
    const auto found = check_stored(stored);
    EXPECT_TRUE(holds(found, c.invariant)) << c.invariant << " with " << c.value << ", found " << describe(found);
    for (const Violation& violation : found) EXPECT_EQ(violation.campaign, CampaignId{1});
  }
}

TEST(CheckStored, SaysWhatItSaw) {
  StoredCampaign stored = sound_store();
  stored.issued = 4;
  const auto found = check_stored(stored);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front().detail, "issued 4, coupons 3");
}

Campaign sound_campaign() {
  Campaign campaign;
  campaign.id = CampaignId{1};
  campaign.terms = terms_of(5, noon + 60'000);
  campaign.issued = 2;
  campaign.created_at = noon + -2;
  campaign.updated_at = noon + -1;
  campaign.terms_offset = Offset{4};
  return campaign;
}

Machine machine_with(const Campaign& campaign) {
  PartitionSnapshot snapshot;
  snapshot.next_offset = Offset{10};
  snapshot.log_time = noon;
  snapshot.campaigns.push_back(campaign);
  return {snapshot, 1};
}

TEST(CheckState, NamesWhatDoesNotHold) {
  using Break = void (*)(Campaign&);
  const struct {
    Break what;
    const char* invariant;
  } cases[] = {
      {[](Campaign&) {}, ""},
      {[](Campaign& c) { c.issued = 6; }, "issued_within_stock"},
      {[](Campaign& c) { c.id = CampaignId{0}; }, "campaign_id_within_limit"},
      {[](Campaign& c) { c.id = CampaignId{limits::campaign_id_max + 1}; }, "campaign_id_within_limit"},
      {[](Campaign& c) { c.terms.name = std::string(401, 'n'); }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.description = std::string(4'001, 'd'); }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.starts_at = Timestamp{-1}; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.ends_at = c.terms.starts_at; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.ends_at = Timestamp{limits::timestamp_ms_max + 1}; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.max_per_user = 0; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.max_per_user = 1'001; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.valid_for_seconds = 0; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.valid_until = Timestamp{limits::timestamp_ms_max + 1}; },
       "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.valid_for_seconds = 1; }, ""},
      {[](Campaign& c) {
         c.terms.policy.valid_for_seconds = 1;
         c.terms.policy.valid_until = noon;
       },
       "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.discount = Discount{Discount::Type::percent, 101, ""}; },
       "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.discount = Discount{Discount::Type::percent, 0, ""}; }, "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.discount = Discount{Discount::Type::percent, 100, ""}; }, ""},
      {[](Campaign& c) { c.terms.policy.discount = Discount{Discount::Type::amount, 5'000, "KRW"}; }, ""},
      {[](Campaign& c) { c.terms.policy.discount = Discount{Discount::Type::amount, 5'000, ""}; },
       "terms_within_limits"},
      {[](Campaign& c) { c.terms.policy.discount = Discount{Discount::Type::amount, 0, "KRW"}; },
       "terms_within_limits"},
      {[](Campaign& c) { c.updated_at = c.created_at + -1; }, "times_in_order"},
      {[](Campaign& c) { c.updated_at = noon + 1; }, "times_in_order"},
      {[](Campaign& c) { c.terms_offset = Offset{10}; }, "terms_are_decided"},
  };
  int number = 0;
  for (const auto& c : cases) {
    Campaign campaign = sound_campaign();
    c.what(campaign);
    const auto found = check_state(machine_with(campaign));
    const std::vector<std::string> expected =
        *c.invariant == '\0' ? std::vector<std::string>{} : std::vector<std::string>{c.invariant};
    EXPECT_EQ(names(found), expected) << "case " << number;
    ++number;
  }
}

TEST(CheckState, LooksAtWhatIsRestored) {
  Campaign campaign = sound_campaign();
  campaign.issued = 0;
  Machine machine = machine_with(campaign);
  CampaignDetail detail;
  detail.commands = {{"a", Offset{3}}, {"b", Offset{3}}};
  machine.restore(CampaignId{1}, detail);
  EXPECT_EQ(names(check_state(machine)), std::vector<std::string>{"commands_in_order"});

  machine = machine_with(campaign);
  detail.commands = {{"a", Offset{10}}};
  machine.restore(CampaignId{1}, detail);
  EXPECT_EQ(names(check_state(machine)), std::vector<std::string>{"commands_in_order"})
      << "a command that is not decided yet";
}

TEST(CheckState, DeadLettersAreDecidedRecords) {
  PartitionSnapshot snapshot;
  snapshot.next_offset = Offset{10};
  snapshot.open_dead_letters = {Offset{9}};
  EXPECT_EQ(names(check_state(Machine(snapshot, 1))), std::vector<std::string>{});
  snapshot.open_dead_letters = {Offset{9}, Offset{10}};
  EXPECT_EQ(names(check_state(Machine(snapshot, 1))), std::vector<std::string>{"dead_letters_are_decided"});
}

// One step: sound as it stands here, and then broken in one place.
struct Step {
  std::optional<Campaign> before = sound_campaign();
  Decision decision;
  std::optional<Campaign> after = sound_campaign();
  Timestamp judged_at = noon;
};

Step step_of(Outcome outcome) {
  Step step;
  step.decision.offset = Offset{10};
  step.decision.outcome = outcome;
  step.decision.campaign = CampaignId{1};
  step.decision.time = noon;
  return step;
}

Step issue() {
  Step step = step_of(Outcome::issued);
  step.decision.sequence = Sequence{3};
  step.after->issued = 3;
  return step;
}

Step restock() {
  Step step = step_of(Outcome::command_applied);
  step.after->terms.stock = 9;
  step.after->terms_offset = Offset{10};
  step.after->updated_at = noon;
  return step;
}

Step creation() {
  Step step = step_of(Outcome::command_applied);
  step.before.reset();
  step.after->issued = 0;
  return step;
}

std::vector<Violation> check(const Step& step) {
  return check_step(step.before, step.decision, step.after, step.judged_at);
}

TEST(CheckStep, FindsNothingInSoundSteps) {
  EXPECT_EQ(describe(check(issue())), "");
  EXPECT_EQ(describe(check(restock())), "");
  EXPECT_EQ(describe(check(creation())), "");
  Step again = step_of(Outcome::already_issued);
  again.decision.sequence = Sequence{2};
  EXPECT_EQ(describe(check(again)), "");
  Step dead = step_of(Outcome::dead_lettered);
  dead.before.reset();
  dead.after.reset();
  EXPECT_EQ(describe(check(dead)), "");
}

TEST(CheckStep, NamesWhatDoesNotHold) {
  using Break = void (*)(Step&);
  const struct {
    Step step;
    Break what;
    const char* invariant;
  } cases[] = {
      {issue(), [](Step& s) { s.decision.sequence = Sequence{4}; }, "sequence_is_next_issued"},
      {issue(), [](Step& s) { s.after->issued = 4; }, "sequence_is_next_issued"},
      {issue(), [](Step& s) { s.after->issued = 2; }, "sequence_is_next_issued"},
      {issue(), [](Step& s) { s.decision.sequence = Sequence{0}; }, "sequence_with_coupon_only"},
      {issue(), [](Step& s) { s.before->terms.stock = 2; }, "nothing_issued_beyond_stock"},
      {issue(), [](Step& s) { s.after->terms.stock = 2; }, "issued_within_stock"},
      {issue(), [](Step& s) { s.before->paused = true; }, "nothing_issued_while_paused"},
      {issue(), [](Step& s) { s.before->closed = true; }, "nothing_issued_after_close"},
      {issue(), [](Step& s) { s.judged_at = noon + -1; }, "nothing_issued_before_start"},
      {issue(), [](Step& s) { s.judged_at = noon + 60'000; }, "nothing_issued_after_end"},
      {issue(), [](Step& s) { s.before.reset(); }, "nothing_issued_without_campaign"},
      {issue(), [](Step& s) { s.after.reset(); }, "campaign_stays"},
      {issue(), [](Step& s) { s.after->terms.stock = 9; }, "only_commands_change_terms"},
      {issue(), [](Step& s) { s.decision.campaign = CampaignId{2}; }, "decision_names_campaign"},
      {issue(), [](Step& s) { s.decision.origin = Offset{10}; }, "origin_is_earlier"},
      {restock(), [](Step& s) { s.after->issued = 3; }, "issued_grows_with_coupon_only"},
      {restock(), [](Step& s) { s.after->terms.stock = 1; }, "issued_within_stock"},
      {restock(), [](Step& s) { s.before->closed = true; }, "closed_is_final"},
      {restock(), [](Step& s) { s.before->closed = s.after->closed = true; }, "closed_keeps_its_stock"},
      {restock(), [](Step& s) { s.after->created_at = noon; }, "campaign_keeps_its_identity"},
      {restock(), [](Step& s) { s.after->terms_offset = Offset{4}; }, "change_carries_its_version"},
      {restock(), [](Step& s) { s.after->updated_at = noon + -9; }, "versions_grow"},
      {restock(), [](Step& s) { s.after->terms.starts_at = noon + 1; }, "start_and_policy_stay_after_first_coupon"},
      {restock(), [](Step& s) { s.decision.outcome = Outcome::command_closed; }, "only_commands_change_terms"},
      {restock(), [](Step& s) { s.decision.outcome = Outcome::dead_lettered; }, "only_commands_change_terms"},
      {restock(), [](Step& s) { s.decision.outcome = Outcome::none; }, "record_has_outcome"},
      {restock(), [](Step& s) { s.decision.outcome = Outcome::command_repeated; }, "repeat_names_earlier_offset"},
      {restock(), [](Step& s) { s.decision.first_offset = Offset{3}; }, "repeat_names_earlier_offset"},
      {creation(), [](Step& s) { s.after->issued = 1; }, "campaign_starts_fresh"},
      {creation(), [](Step& s) { s.after.reset(); }, "campaign_appears_by_command"},
      {creation(), [](Step& s) { s.decision.outcome = Outcome::sold_out; }, "campaign_appears_by_command"},
  };
  for (const auto& c : cases) {
    Step broken = c.step;
    c.what(broken);
    const auto found = check(broken);
    EXPECT_TRUE(holds(found, c.invariant)) << c.invariant << ", found " << describe(found);
  }
}

TEST(CheckStep, NoRequestIsRefusedWithoutItsCause) {
  for (int number = 10; number <= 17; ++number) {
    Step step = step_of(static_cast<Outcome>(number));
    if (step.decision.outcome == Outcome::already_issued) step.decision.sequence = Sequence{3};
    EXPECT_TRUE(holds(check(step), "refusal_has_cause")) << to_string(step.decision.outcome);
  }
}

TEST(CheckProgress, NamesWhatDoesNotHold) {
  Decision decision = issue().decision;
  const Progress before{Offset{10}, noon + -1};
  const Progress after{Offset{11}, noon};
  EXPECT_EQ(names(check_progress(before, decision, after)), std::vector<std::string>{});
  EXPECT_EQ(names(check_progress({Offset{3}, noon}, decision, after)), std::vector<std::string>{})
      << "a gap in the log";
  EXPECT_TRUE(holds(check_progress({Offset{11}, noon}, decision, after), "next_offset_grows"));
  EXPECT_TRUE(holds(check_progress(before, decision, {Offset{12}, noon}), "next_offset_grows"));
  EXPECT_TRUE(holds(check_progress({Offset{10}, noon + 1}, decision, after), "log_time_never_runs_back"));
  EXPECT_TRUE(holds(check_progress(before, decision, {Offset{11}, noon + 1}), "decision_carries_log_time"));
  decision.outcome = Outcome::already_issued;
  EXPECT_EQ(names(check_progress(before, decision, {Offset{11}, noon + 1})), std::vector<std::string>{});
  EXPECT_TRUE(holds(check_progress(before, decision, {Offset{11}, noon + -1}), "decision_carries_log_time"));
}

}  // namespace
}  // namespace openrun::issuance
