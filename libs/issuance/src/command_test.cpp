#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/issuance/machine.hpp>

#include "src/test_world.hpp"

namespace openrun::issuance {
namespace {

using namespace testing;

using Action = decltype(CampaignCommand::action);

Policy policy_of(std::uint32_t max_per_user) {
  Policy policy;
  policy.max_per_user = max_per_user;
  return policy;
}

ChangeCampaign name(std::string text) {
  ChangeCampaign change;
  change.name = std::move(text);
  return change;
}
ChangeCampaign description(std::string text) {
  ChangeCampaign change;
  change.description = std::move(text);
  return change;
}
ChangeCampaign starts_at(Timestamp time) {
  ChangeCampaign change;
  change.starts_at = time;
  return change;
}
ChangeCampaign ends_at(std::optional<Timestamp> time) {
  ChangeCampaign change;
  change.ends_at = time;
  return change;
}
ChangeCampaign policy(Policy value) {
  ChangeCampaign change;
  change.policy = std::move(value);
  return change;
}
ChangeCampaign starts_and_ends_at(Timestamp start, Timestamp end) {
  ChangeCampaign change = starts_at(start);
  change.ends_at = end;
  return change;
}

enum class Before { nothing, fresh, two_issued, paused, closed };

// Stock 5, an end at noon + 60 s.
World world_that_is(Before before) {
  World world;
  if (before == Before::nothing) return world;
  world.create(1, terms_of(5, noon + 60'000));
  if (before == Before::two_issued) {
    world.request(1, "kim");
    world.request(1, "lee");
  }
  if (before == Before::paused) world.command(1, PauseCampaign{});
  if (before == Before::closed) world.command(1, CloseCampaign{});
  return world;
}

struct Case {
  Before before;
  const char* what;
  Action action;
  Outcome outcome;
};

constexpr Outcome applied = Outcome::command_applied;

void expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    World world = world_that_is(c.before);
    const Campaign* const found = world.machine().find(CampaignId{1});
    const std::optional<Campaign> before = found == nullptr ? std::nullopt : std::optional(*found);
    const Decision decision = world.command(1, c.action);
    EXPECT_EQ(decision.outcome, c.outcome) << c.what << " of state " << static_cast<int>(c.before);
    EXPECT_EQ(decision.campaign, CampaignId{1});
    if (before && c.outcome != applied) {
      EXPECT_EQ(world.campaign(1), *before) << c.what << ": refused as a whole";
    }
  }
}

TEST(IssuanceCommand, FirstNeedsACampaignAndThenNeedsNoSecondOne) {
  expect({
      {Before::nothing, "create", CreateCampaign{terms_of(5)}, applied},
      {Before::nothing, "create that ends at its start", CreateCampaign{terms_of(5, noon)},
       Outcome::command_ends_before_start},
      {Before::nothing, "change", name("x"), Outcome::command_campaign_not_found},
      {Before::nothing, "add stock", AddStock{1}, Outcome::command_campaign_not_found},
      {Before::nothing, "pause", PauseCampaign{}, Outcome::command_campaign_not_found},
      {Before::nothing, "resume", ResumeCampaign{}, Outcome::command_campaign_not_found},
      {Before::nothing, "close", CloseCampaign{}, Outcome::command_campaign_not_found},
      {Before::fresh, "create", CreateCampaign{terms_of(5)}, Outcome::command_campaign_exists},
  });
}

TEST(IssuanceCommand, ChangesTermsWithinTheirRules) {
  expect({
      {Before::fresh, "change start", starts_at(noon + 1), applied},
      {Before::fresh, "change start to the end", starts_at(noon + 60'000), Outcome::command_ends_before_start},
      {Before::fresh, "change policy", policy(policy_of(2)), applied},
      {Before::fresh, "change end to the start", ends_at(noon), Outcome::command_ends_before_start},
      {Before::fresh, "change both, end first", starts_and_ends_at(noon + 9, noon + 8),
       Outcome::command_ends_before_start},
      {Before::fresh, "change both beyond the old end", starts_and_ends_at(noon + 90'000, noon + 99'000), applied},
      {Before::two_issued, "change name", name("summer"), applied},
      {Before::two_issued, "change description", description("all of it"), applied},
      {Before::two_issued, "change end", ends_at(noon + 90'000), applied},
      {Before::two_issued, "change end to the start", ends_at(noon), Outcome::command_ends_before_start},
      {Before::two_issued, "take the end away", ends_at(std::nullopt), applied},
      {Before::two_issued, "change start", starts_at(noon + 1), Outcome::command_already_started},
      {Before::two_issued, "change start to what it is", starts_at(noon), Outcome::command_already_started},
      {Before::two_issued, "change policy", policy(policy_of(2)), Outcome::command_already_started},
      {Before::two_issued, "change start and a bad end", starts_and_ends_at(noon, noon),
       Outcome::command_already_started},
      {Before::closed, "change name", name("over"), applied},
  });
}

TEST(IssuanceCommand, MovesStockBetweenWhatIsIssuedAndTheLimit) {
  expect({
      {Before::fresh, "add", AddStock{1}, applied},
      {Before::fresh, "take all", AddStock{-5}, applied},
      {Before::fresh, "take more than all", AddStock{-6}, Outcome::command_below_issued},
      {Before::two_issued, "take to what is issued", AddStock{-3}, applied},
      {Before::two_issued, "take below what is issued", AddStock{-4}, Outcome::command_below_issued},
      {Before::two_issued, "take the least number", AddStock{std::numeric_limits<std::int64_t>::min()},
       Outcome::command_below_issued},
      {Before::fresh, "add up to the limit", AddStock{limits::stock_max - 5}, applied},
      {Before::fresh, "add beyond the limit", AddStock{limits::stock_max - 4}, Outcome::command_stock_above_limit},
      {Before::fresh, "add the greatest number", AddStock{std::numeric_limits<std::int64_t>::max()},
       Outcome::command_stock_above_limit},
      {Before::paused, "add", AddStock{1}, applied},
      {Before::closed, "add", AddStock{1}, Outcome::command_closed},
      {Before::closed, "take too much", AddStock{-9}, Outcome::command_closed},
  });
}

TEST(IssuanceCommand, PausesResumesAndCloses) {
  expect({
      {Before::fresh, "pause", PauseCampaign{}, applied},
      {Before::paused, "pause", PauseCampaign{}, applied},
      {Before::closed, "pause", PauseCampaign{}, Outcome::command_closed},
      {Before::fresh, "resume", ResumeCampaign{}, applied},
      {Before::paused, "resume", ResumeCampaign{}, applied},
      {Before::closed, "resume", ResumeCampaign{}, Outcome::command_closed},
      {Before::fresh, "close", CloseCampaign{}, applied},
      {Before::paused, "close", CloseCampaign{}, applied},
      {Before::closed, "close", CloseCampaign{}, applied},
  });
}

TEST(IssuanceCommand, CreateMakesTheCampaignThatItDescribes) {
  World world;
  world.at(noon + 7);
  CampaignTerms terms = terms_of(5, noon + 60'000, 3);
  terms.description = "everything that Postgres has a column for";
  terms.policy.valid_for_seconds = 86'400;
  world.dead_letter();
  world.create(8, terms);
  const Campaign& made = world.campaign(8);
  EXPECT_EQ(made.id, CampaignId{8});
  EXPECT_EQ(made.terms, terms);
  EXPECT_EQ(made.issued, 0u);
  EXPECT_FALSE(made.paused);
  EXPECT_FALSE(made.closed);
  EXPECT_EQ(made.created_at, noon + 7);
  EXPECT_EQ(made.updated_at, noon + 7);
  EXPECT_EQ(made.terms_offset, Offset{1});
  EXPECT_NE(world.machine().detail(CampaignId{8}), nullptr) << "there is nothing to restore";
}

TEST(IssuanceCommand, ChangesExactlyWhatItNames) {
  World world = world_that_is(Before::fresh);
  CampaignTerms expected = world.campaign(1).terms;
  world.command(1, name("summer"));
  expected.name = "summer";
  EXPECT_EQ(world.campaign(1).terms, expected);
  world.command(1, description("all of it"));
  expected.description = "all of it";
  EXPECT_EQ(world.campaign(1).terms, expected);
  world.command(1, starts_at(noon + 5));
  expected.starts_at = noon + 5;
  EXPECT_EQ(world.campaign(1).terms, expected);
  world.command(1, ends_at(noon + 99));
  expected.ends_at = noon + 99;
  EXPECT_EQ(world.campaign(1).terms, expected);
  world.command(1, policy(policy_of(7)));
  expected.policy = policy_of(7);
  EXPECT_EQ(world.campaign(1).terms, expected);
  world.command(1, ends_at(std::nullopt));
  expected.ends_at.reset();
  EXPECT_EQ(world.campaign(1).terms, expected);
  world.command(1, description(""));
  expected.description.clear();
  EXPECT_EQ(world.campaign(1).terms, expected);
}

TEST(IssuanceCommand, WhatChangesACampaignGivesItANewVersion) {
  World world = world_that_is(Before::fresh);
  world.at(noon + 3'000);
  const Decision decision = world.command(1, AddStock{1});
  EXPECT_EQ(world.campaign(1).updated_at, noon + 3'000);
  EXPECT_EQ(world.campaign(1).terms_offset, decision.offset);
  EXPECT_EQ(world.campaign(1).created_at, noon);
}

TEST(IssuanceCommand, WhatChangesNothingLeavesTheVersion) {
  World world = world_that_is(Before::closed);
  const Campaign before = world.campaign(1);
  world.at(noon + 3'000);
  EXPECT_EQ(world.command(1, CloseCampaign{}).outcome, Outcome::command_applied);
  EXPECT_EQ(world.command(1, name(before.terms.name)).outcome, Outcome::command_applied);
  EXPECT_EQ(world.command(1, AddStock{1}).outcome, Outcome::command_closed);
  EXPECT_EQ(world.campaign(1), before);
}

TEST(IssuanceCommand, TheSameKeyChangesNothingTwice) {
  World world = world_that_is(Before::fresh);
  const Decision first = world.command(1, AddStock{2}, "restock");
  EXPECT_EQ(first.first_offset, std::nullopt);
  for (int i = 0; i < 3; ++i) {
    const Decision again = world.command(1, AddStock{2}, "restock");
    EXPECT_EQ(again.outcome, Outcome::command_repeated);
    EXPECT_EQ(again.first_offset, first.offset);
  }
  EXPECT_EQ(world.command(1, PauseCampaign{}, "restock").outcome, Outcome::command_repeated) << "the key alone counts";
  EXPECT_FALSE(world.campaign(1).paused);
  EXPECT_EQ(world.campaign(1).terms.stock, 7u);
}

TEST(IssuanceCommand, ARefusalIsRememberedToo) {
  World world = world_that_is(Before::two_issued);
  const Decision refused = world.command(1, AddStock{-4}, "less");
  EXPECT_EQ(refused.outcome, Outcome::command_below_issued);
  world.command(1, AddStock{10}, "more");
  const Decision again = world.command(1, AddStock{-4}, "less");
  EXPECT_EQ(again.outcome, Outcome::command_repeated) << "it would pass by now, and yet the answer stays";
  EXPECT_EQ(again.first_offset, refused.offset);
  EXPECT_EQ(world.campaign(1).terms.stock, 15u);
}

TEST(IssuanceCommand, CreatingAgainIsARepeatByItsKeyAndARefusalByAnother) {
  World world;
  const Decision first = world.command(1, CreateCampaign{terms_of(5)}, "make");
  const Decision again = world.command(1, CreateCampaign{terms_of(5)}, "make");
  EXPECT_EQ(again.outcome, Outcome::command_repeated);
  EXPECT_EQ(again.first_offset, first.offset);
  EXPECT_EQ(world.command(1, CreateCampaign{terms_of(5)}, "other").outcome, Outcome::command_campaign_exists);
}

TEST(IssuanceCommand, KeysOfDifferentCampaignsAreDifferent) {
  World world = world_that_is(Before::fresh);
  world.create(2, terms_of(1));
  EXPECT_EQ(world.command(1, AddStock{1}, "k").outcome, Outcome::command_applied);
  EXPECT_EQ(world.command(2, AddStock{1}, "k").outcome, Outcome::command_applied);
}

TEST(IssuanceCommand, WithoutACampaignNothingIsRemembered) {
  World world;
  const Decision early = world.command(1, AddStock{1}, "k");
  EXPECT_EQ(early.outcome, Outcome::command_campaign_not_found);
  EXPECT_FALSE(world.machine().remembers(CampaignId{1}, early.offset));
  const Decision refused = world.command(1, CreateCampaign{terms_of(5, noon)}, "make");
  EXPECT_EQ(refused.outcome, Outcome::command_ends_before_start);
  EXPECT_EQ(world.machine().find(CampaignId{1}), nullptr);
  const Decision made = world.command(1, CreateCampaign{terms_of(5)}, "make");
  EXPECT_EQ(made.outcome, Outcome::command_applied);
  EXPECT_TRUE(world.machine().remembers(CampaignId{1}, made.offset));
  EXPECT_EQ(world.command(1, AddStock{1}, "k").outcome, Outcome::command_applied);
}

TEST(IssuanceCommand, TheOldestKeysAreForgottenFirst) {
  World world = world_that_is(Before::fresh);  // remembers the key of its creation
  const auto key = [](std::size_t i) { return "key " + std::to_string(i); };
  for (std::size_t i = 1; i < limits::command_keys_remembered; ++i) world.command(1, PauseCampaign{}, key(i));
  const std::deque<RememberedCommand>& commands = world.machine().detail(CampaignId{1})->commands;
  EXPECT_EQ(commands.size(), limits::command_keys_remembered);
  EXPECT_EQ(commands.front().offset, Offset{0});

  world.command(1, PauseCampaign{}, key(limits::command_keys_remembered));
  EXPECT_EQ(commands.size(), limits::command_keys_remembered);
  EXPECT_EQ(commands.front().idempotency_key, key(1));
  EXPECT_EQ(world.command(1, PauseCampaign{}, key(1)).outcome, Outcome::command_repeated) << "a repeat forgets nothing";
  world.restart();
  world.command(1, PauseCampaign{}, key(9'999));
  EXPECT_EQ(world.command(1, PauseCampaign{}, key(1)).outcome, Outcome::command_applied) << "forgotten by now";
  EXPECT_EQ(world.command(1, PauseCampaign{}, key(3)).outcome, Outcome::command_repeated);
}

TEST(IssuanceCommand, PolicyDecidesWhatAKeyMeans) {
  World world = world_that_is(Before::fresh);
  world.command(1, policy(policy_of(2)));
  EXPECT_EQ(world.request(1, "kim", "a").outcome, Outcome::issued);
  EXPECT_EQ(world.request(1, "kim", "b").outcome, Outcome::issued);
  EXPECT_EQ(world.request(1, "lee", "").outcome, Outcome::issued) << "accepted before the policy asked for a key";
  EXPECT_EQ(world.request(1, "lee", "").outcome, Outcome::issued_before);
  EXPECT_EQ(world.request(1, "lee", "c").outcome, Outcome::issued);
  EXPECT_EQ(world.request(1, "lee", "d").outcome, Outcome::limit_reached);
}

}  // namespace
}  // namespace openrun::issuance
