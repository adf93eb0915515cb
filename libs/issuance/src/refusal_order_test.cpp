// One order of refusals, everywhere: for every set of causes that can hold at the same time, the answer is the first of
// them.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/issuance/machine.hpp>

#include "src/test_world.hpp"

namespace openrun::issuance {
namespace {

using namespace testing;

// As the contract lists them.
constexpr Outcome order[] = {Outcome::campaign_not_found,
                             Outcome::not_started,
                             Outcome::already_issued,
                             Outcome::limit_reached,
                             Outcome::paused,
                             Outcome::closed,
                             Outcome::ended,
                             Outcome::sold_out};

constexpr Timestamp end = noon + 60'000;

using Causes = std::set<Outcome>;

// Why two causes can never hold for one request; empty where they can.
std::string why_apart(const Causes& causes) {
  const auto both = [&](Outcome a, Outcome b) { return causes.contains(a) && causes.contains(b); };
  if (causes.contains(Outcome::campaign_not_found) && causes.size() > 1)
    return "a campaign that is not there has no state";
  if (both(Outcome::already_issued, Outcome::limit_reached)) return "max_per_user is 1 or above 1";
  if (both(Outcome::not_started, Outcome::ended)) return "no campaign ends before it starts";
  return {};
}

std::string describe(const Causes& causes) {
  std::string text;
  for (const Outcome cause : causes) text += std::string(to_string(cause)) + " ";
  return text;
}

struct Situation {
  World world;
  Offset dead_letter;
  Timestamp asked_at;
};

// A campaign, and a moment, in which all these causes hold for kim's request under the key "next".
Situation situation_of(const Causes& causes) {
  Situation situation;
  World& world = situation.world;
  world.at(noon + -1);
  situation.dead_letter = world.dead_letter();
  situation.asked_at = causes.contains(Outcome::not_started) ? noon + -1
                       : causes.contains(Outcome::ended)     ? end
                                                             : noon + 1;
  if (causes.contains(Outcome::campaign_not_found)) return situation;

  world.create(1, terms_of(5, end, causes.contains(Outcome::limit_reached) ? 2 : 1));
  if (causes.contains(Outcome::already_issued)) {
    world.at(noon);
    EXPECT_EQ(world.request(1, "kim").outcome, Outcome::issued);
  }
  if (causes.contains(Outcome::limit_reached)) {
    world.at(noon);
    EXPECT_EQ(world.request(1, "kim", "first").outcome, Outcome::issued);
    EXPECT_EQ(world.request(1, "kim", "second").outcome, Outcome::issued);
  }
  if (causes.contains(Outcome::sold_out)) world.command(1, AddStock{std::int64_t{world.campaign(1).issued} - 5});
  if (causes.contains(Outcome::paused)) world.command(1, PauseCampaign{});
  if (causes.contains(Outcome::closed)) world.command(1, CloseCampaign{});
  return situation;
}

void expect_first_of(const Causes& causes) {
  const Outcome first = *std::ranges::find_if(order, [&](Outcome outcome) { return causes.contains(outcome); });

  Situation replayed = situation_of(causes);
  const Decision by_replay =
      replayed.world.replay(replayed.dead_letter, replayed.asked_at, request_of(1, "kim", "next"));
  EXPECT_EQ(by_replay.outcome, first) << describe(causes) << "by a replay";
  EXPECT_EQ(by_replay.sequence, Sequence{first == Outcome::already_issued ? 1u : 0u}) << describe(causes);

  // The log's time cannot stand before the start once a coupon is out: that moment is a replay's alone.
  const bool issued = causes.contains(Outcome::already_issued) || causes.contains(Outcome::limit_reached);
  if (causes.contains(Outcome::not_started) && issued) return;
  Situation direct = situation_of(causes);
  direct.world.at(direct.asked_at);
  EXPECT_EQ(direct.world.request(1, "kim", "next").outcome, first) << describe(causes);
}

TEST(RefusalOrder, IsTheOrderOfTheEnumeration) {
  EXPECT_TRUE(std::ranges::is_sorted(order));
  for (int number = 0; number <= 255; ++number) {
    const auto outcome = static_cast<Outcome>(number);
    const bool listed = std::ranges::find(order, outcome) != std::end(order);
    EXPECT_EQ(is_request_refusal(outcome), listed) << number;
  }
}

TEST(RefusalOrder, EachCauseAloneIsTold) {
  for (const Outcome cause : order) expect_first_of({cause});
}

TEST(RefusalOrder, OfEveryPairTheFirstIsTold) {
  int pairs = 0;
  for (const Outcome first : order) {
    for (const Outcome later : order) {
      if (later <= first) continue;
      const Causes causes{first, later};
      if (!why_apart(causes).empty()) continue;
      expect_first_of(causes);
      ++pairs;
    }
  }
  EXPECT_EQ(pairs, 28 - 7 - 2) << "all pairs, but for those with CAMPAIGN_NOT_FOUND and the two that cannot meet";
}

TEST(RefusalOrder, OfEverySetOfCausesTheFirstIsTold) {
  int sets = 0;
  for (unsigned bits = 1; bits < 1u << std::size(order); ++bits) {
    Causes causes;
    for (std::size_t i = 0; i < std::size(order); ++i) {
      if ((bits >> i & 1) != 0) causes.insert(order[i]);
    }
    if (!why_apart(causes).empty()) continue;
    expect_first_of(causes);
    ++sets;
  }
  // Without the first cause: (not started, ended or neither) x (already, limit or neither) x 2^3, less the empty set.
  EXPECT_EQ(sets, 1 + 3 * 3 * 8 - 1);
}

TEST(RefusalOrder, BeforeTheStartNothingElseIsTold) {
  World world;
  world.at(noon + -1);
  world.create(1, terms_of(0));
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::not_started) << "and sold out";
  world.command(1, PauseCampaign{});
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::not_started) << "and paused";
  world.command(1, CloseCampaign{});
  EXPECT_EQ(world.request(1, "kim").outcome, Outcome::not_started) << "and closed";
}

TEST(RefusalOrder, ACouponUnderTheSameKeyIsShownWhateverHasHappenedSince) {
  World world;
  world.create(1, terms_of(2, end, 2));
  const Decision first = world.request(1, "kim", "a");
  world.request(1, "kim", "b");
  world.command(1, PauseCampaign{});
  world.command(1, CloseCampaign{});
  world.at(end);
  const Decision again = world.request(1, "kim", "a");
  EXPECT_EQ(again.outcome, Outcome::issued_before)
      << "though the limit is reached, and it is paused, closed, over and sold out";
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(again.time, first.time);
}

}  // namespace
}  // namespace openrun::issuance
