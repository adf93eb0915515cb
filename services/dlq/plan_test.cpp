#include "dlq/plan.hpp"

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/wire/terms.hpp>

#include "dlq/testing/dead_letters.hpp"

namespace openrun::dlq {
namespace {

using namespace openrun::testing;

const PlanRules replay{};
const PlanRules discard{DlqAction::discard, 0, std::nullopt};

ports::DeadLetter in_state(LetterState state) {
  ports::DeadLetter letter = a_letter(5, a_request("ann"));
  if (state == LetterState::replaying) letter.replay_offset = letter.next_offset;
  if (state == LetterState::replayed) letter.final_offset = Offset{9};
  if (state == LetterState::discarded) letter.discarded_at = Timestamp{1};
  if (state == LetterState::refused_replay) letter.final_offset = letter.row.offset;
  return letter;
}

std::optional<Skip> judge_replay(const ports::DeadLetter& letter) {
  return judge(replay, letter, letter.row.value);
}

Plan plan_of(const std::vector<ports::DeadLetter>& letters, const PlanRules& rules, const LetterFilter& filter = {}) {
  Planner planner(filter, rules);
  for (const ports::DeadLetter& letter : letters) planner.consider(letter, letter.row.value);
  return planner.plan();
}

TEST(LetterStates, FollowWhatWasDecidedThenWhatAnOperatorDidThenWhatIsUnderWay) {
  for (const auto state : {LetterState::open, LetterState::replaying, LetterState::replayed, LetterState::discarded,
                           LetterState::refused_replay}) {
    EXPECT_EQ(state_of(in_state(state)), state) << to_string(state);
    EXPECT_EQ(state_named(to_string(state)), state);
  }
  ports::DeadLetter letter = in_state(LetterState::replaying);
  letter.next_offset = *letter.replay_offset + 1;
  EXPECT_EQ(state_of(letter), LetterState::open) << "its replay was decided and failed again";
  letter = in_state(LetterState::discarded);
  letter.final_offset = Offset{9};
  EXPECT_EQ(state_of(letter), LetterState::replayed) << "a replay that was in the log before the discard is decided";
  EXPECT_EQ(state_named("nonsense"), std::nullopt);
}

TEST(DlqPlan, OnlyOpenLettersAreActedOn) {
  EXPECT_EQ(judge_replay(in_state(LetterState::open)), std::nullopt);
  EXPECT_EQ(judge_replay(in_state(LetterState::replaying)), Skip::in_the_log);
  EXPECT_EQ(judge_replay(in_state(LetterState::replayed)), Skip::resolved);
  EXPECT_EQ(judge_replay(in_state(LetterState::discarded)), Skip::discarded);
  EXPECT_EQ(judge_replay(in_state(LetterState::refused_replay)), Skip::refused_replay);
  EXPECT_EQ(judge(discard, in_state(LetterState::open), "no record at all"), std::nullopt);
  EXPECT_EQ(judge(discard, in_state(LetterState::replaying), ""), Skip::in_the_log);
  EXPECT_EQ(judge(discard, in_state(LetterState::replayed), ""), Skip::resolved);
}

TEST(DlqPlan, WhatThisBuildCannotReadIsNotReplayedAgainInVain) {
  EXPECT_EQ(judge_replay(a_letter(5, "no record")), Skip::not_readable);
  EXPECT_EQ(judge(replay, a_letter(5, "no record"), a_request("repaired")), std::nullopt);
  const std::string a_replay = wire::encode_replay(1, Offset{1}, Timestamp{1}, a_request("ann"), 1);
  EXPECT_EQ(judge_replay(a_letter(5, a_replay)), Skip::not_readable) << "its origin is what can be replayed";
}

TEST(DlqPlan, AReplayOfTheLargestRecordThatCanBeReadFitsIntoOneRecord) {
  issuance::CampaignTerms terms;
  // Characters of four bytes, the longest there are.
  for (std::size_t i = 0; i < limits::campaign_name_characters_max; ++i) terms.name += "\U0001F381";
  for (std::size_t i = 0; i < limits::campaign_description_characters_max; ++i) terms.description += "\U0001F381";
  terms.stock = limits::stock_max;
  terms.starts_at = Timestamp{limits::timestamp_ms_max - 1};
  terms.ends_at = Timestamp{limits::timestamp_ms_max};
  terms.policy.discount = issuance::Discount{issuance::Discount::Type::amount, INT64_MAX, "KRW"};
  terms.policy.valid_for_seconds = wire::valid_for_seconds_max;
  terms.policy.max_per_user = limits::coupons_per_user_max;
  const issuance::CampaignCommand command{CampaignId{limits::campaign_id_max},
                                          std::string(limits::idempotency_key_bytes_max, 'k'),
                                          issuance::CreateCampaign{terms}};
  const std::string value = wire::encode_command(UINT32_MAX, command);
  ASSERT_TRUE(read_value(value).replayable) << read_value(value).text;
  EXPECT_EQ(judge_replay(a_letter(INT64_MAX - 1, value)), std::nullopt);
  EXPECT_LT(replay_record(a_letter(INT64_MAX - 1, value), value, UINT32_MAX).size(), limits::record_bytes_max / 2);
}

TEST(DlqPlan, LeavesOutWhatWasReplayedOftenEnough) {
  PlanRules rules;
  rules.replays_max = 2;
  ports::DeadLetter letter = a_letter(5, a_request("ann"));
  letter.row.replays = 1;
  EXPECT_EQ(judge(rules, letter, letter.row.value), std::nullopt);
  letter.row.replays = 2;
  EXPECT_EQ(judge(rules, letter, letter.row.value), Skip::replayed_often);
  EXPECT_EQ(judge_replay(letter), std::nullopt) << "without the bound it may go again";
}

TEST(DlqPlan, CountsByReasonAndByWhatIsLeftOutInTheOrderOfTheLog) {
  PlanRules rules;
  rules.letters_max = 2;
  auto done = in_state(LetterState::replayed);
  const Plan plan = plan_of({a_letter(1, a_request("a")), done, a_letter(7, "junk", "UNDECODABLE"),
                             a_letter(8, a_request("b"), "INVALID_USER_ID"), a_letter(9, a_request("c"))},
                            rules);
  ASSERT_EQ(plan.letters.size(), 2U);
  EXPECT_EQ(plan.letters[0].place.offset, Offset{1});
  EXPECT_EQ(plan.letters[1].place.offset, Offset{8});
  EXPECT_EQ(plan.matched, 5U);
  EXPECT_EQ(plan.by_reason, (std::map<std::string, std::uint64_t>{{"INVALID_USER_ID", 1}, {"STORE_REFUSED", 1}}));
  EXPECT_EQ(plan.skipped,
            (std::map<Skip, std::uint64_t>{{Skip::resolved, 1}, {Skip::not_readable, 1}, {Skip::beyond_max, 1}}));
}

TEST(DlqPlan, ACampaignIsFoundInTheBytesAndWhatTellsNoneIsCountedApart) {
  LetterFilter filter;
  filter.campaign = CampaignId{7};
  const Plan plan =
      plan_of({a_letter(1, a_request("a", 7)), a_letter(2, a_request("a", 8)), a_letter(3, "junk")}, discard, filter);
  EXPECT_EQ(plan.matched, 1U);
  EXPECT_EQ(plan.letters.size(), 1U);
  EXPECT_EQ(plan.campaign_unknown, 1U);
}

TEST(DlqPlan, AStateIsAFilterToo) {
  LetterFilter filter;
  filter.state = LetterState::discarded;
  EXPECT_EQ(match(filter, in_state(LetterState::discarded), {}), Match::yes);
  EXPECT_EQ(match(filter, in_state(LetterState::open), {}), Match::no);
}

TEST(DlqPlan, AReplayRecordNamesItsOriginItsArrivalAndItsAttempt) {
  ports::DeadLetter letter = a_letter(5, a_request("ann"));
  letter.row.replays = 2;
  const std::string value = replay_record(letter, letter.row.value, 77);
  const auto record = wire::decode(value);
  ASSERT_TRUE(record);
  const auto& replayed = std::get<issuance::Replay>(record->event);
  EXPECT_EQ(record->nonce, 77U);
  EXPECT_EQ(replayed.origin, Offset{5});
  EXPECT_EQ(replayed.first_arrival, letter.row.log_time);
  EXPECT_EQ(std::get<issuance::IssueRequested>(replayed.original).user, "ann");
  EXPECT_EQ(value, wire::encode_replay(77, Offset{5}, letter.row.log_time, letter.row.value, 3));
}

TEST(DlqStats, CountByStateReasonPartitionAndAge) {
  Stats stats;
  const Timestamp now{1'700'000'000'000};
  auto old = a_letter(1, "x", "UNDECODABLE");
  old.created_at = now + -30LL * 86'400'000;
  old.exported_at = now;
  auto young = in_state(LetterState::replayed);
  young.partition = Partition{3};
  young.created_at = now;
  stats.add(old, now);
  stats.add(young, now);
  EXPECT_EQ(stats.total, 2U);
  EXPECT_EQ(stats.exported, 1U);
  EXPECT_EQ(stats.by_state[LetterState::open], 1U);
  EXPECT_EQ(stats.by_reason["UNDECODABLE"][LetterState::open], 1U);
  EXPECT_EQ(stats.by_partition[Partition{3}][LetterState::replayed], 1U);
  EXPECT_EQ(stats.by_age["1 up to an hour"][LetterState::replayed], 1U);
  EXPECT_EQ(stats.by_age["4 older"][LetterState::open], 1U);
  EXPECT_EQ(stats.oldest_open, old.row.log_time);
}

}  // namespace
}  // namespace openrun::dlq
