#include <limits>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/base/limits.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>

namespace openrun::issuance {
namespace {

constexpr Timestamp start{1'000'000};
constexpr Timestamp end{2'000'000};

TEST(Campaign, ValidityIsADateATimeSpanOrForEver) {
  Policy policy;
  EXPECT_EQ(valid_until(policy, start), std::nullopt);
  policy.valid_for_seconds = 60;
  EXPECT_EQ(valid_until(policy, start), start + 60'000);
  policy.valid_for_seconds = std::numeric_limits<std::int64_t>::max();
  ASSERT_TRUE(valid_until(policy, start + 1));
  EXPECT_LE(valid_until(policy, start + 1)->value, limits::timestamp_ms_max);
  EXPECT_GT(valid_until(policy, start + 1)->value, limits::timestamp_ms_max - 1'000);
  policy = {};
  policy.valid_until = end;
  EXPECT_EQ(valid_until(policy, start), end);
}

TEST(Campaign, StateIsTheFirstThatHolds) {
  const struct {
    const char* what;
    bool closed;
    bool paused;
    std::uint32_t issued;
    Timestamp now;
    CampaignState state;
  } cases[] = {
      {"everything", true, true, 5, end, CampaignState::closed},
      {"closed before the start", true, false, 0, start + -1, CampaignState::closed},
      {"paused, sold out and over", false, true, 5, end, CampaignState::ended},
      {"the last moment", false, false, 0, end + -1, CampaignState::open},
      {"the end itself", false, false, 0, end, CampaignState::ended},
      {"paused and sold out", false, true, 5, start, CampaignState::paused},
      {"paused before the start", false, true, 0, start + -1, CampaignState::paused},
      {"before the start", false, false, 0, start + -1, CampaignState::scheduled},
      {"no stock, before the start", false, false, 5, start + -1, CampaignState::scheduled},
      {"the first moment", false, false, 0, start, CampaignState::open},
      {"sold out", false, false, 5, start, CampaignState::sold_out},
      {"one left", false, false, 4, start, CampaignState::open},
  };
  for (const auto& c : cases) {
    Campaign campaign;
    campaign.terms.stock = 5;
    campaign.terms.starts_at = start;
    campaign.terms.ends_at = end;
    campaign.issued = c.issued;
    campaign.paused = c.paused;
    campaign.closed = c.closed;
    EXPECT_STREQ(to_string(state_at(campaign, c.now)), to_string(c.state)) << c.what;
  }
}

TEST(Campaign, WithoutAnEndItNeverEnds) {
  Campaign campaign;
  campaign.terms.stock = 1;
  EXPECT_EQ(state_at(campaign, Timestamp{limits::timestamp_ms_max}), CampaignState::open);
}

TEST(Outcome, NamesAreThoseOfTheContract) {
  const std::pair<Outcome, const char*> names[] = {
      {Outcome::none, "NONE"},
      {Outcome::issued, "ISSUED"},
      {Outcome::issued_before, "ISSUED"},
      {Outcome::campaign_not_found, "CAMPAIGN_NOT_FOUND"},
      {Outcome::not_started, "NOT_STARTED"},
      {Outcome::already_issued, "ALREADY_ISSUED"},
      {Outcome::limit_reached, "LIMIT_REACHED"},
      {Outcome::paused, "PAUSED"},
      {Outcome::closed, "CLOSED"},
      {Outcome::ended, "ENDED"},
      {Outcome::sold_out, "SOLD_OUT"},
      {Outcome::dead_lettered, "DEAD_LETTERED"},
      {Outcome::replay_ignored, "REPLAY_IGNORED"},
      {Outcome::version_changed, "VERSION_CHANGED"},
      {Outcome::command_applied, "APPLIED"},
      {Outcome::command_repeated, "REPEATED"},
      {Outcome::command_campaign_not_found, "CAMPAIGN_NOT_FOUND"},
      {Outcome::command_campaign_exists, "CAMPAIGN_EXISTS"},
      {Outcome::command_already_started, "ALREADY_STARTED"},
      {Outcome::command_below_issued, "BELOW_ISSUED"},
      {Outcome::command_closed, "CLOSED"},
      {Outcome::command_stock_above_limit, "STOCK_ABOVE_LIMIT"},
      {Outcome::command_ends_before_start, "ENDS_BEFORE_START"},
  };
  for (const auto& [outcome, name] : names) EXPECT_STREQ(to_string(outcome), name);
  EXPECT_STREQ(to_string(static_cast<Outcome>(255)), "UNKNOWN");
}

TEST(Outcome, AllAreListedInTheOrderOfTheirNumbers) {
  std::vector<Outcome> named;
  for (int number = 1; number < 256; ++number) {
    const auto outcome = static_cast<Outcome>(number);
    if (std::string_view(to_string(outcome)) != "UNKNOWN") named.push_back(outcome);
  }
  EXPECT_EQ(named, std::vector<Outcome>(all_outcomes.begin(), all_outcomes.end()));
}

}  // namespace
}  // namespace openrun::issuance
