#include "gateway/campaigns/gate.hpp"

#include <gtest/gtest.h>

namespace openrun::gateway {
namespace {

using issuance::Outcome;

struct Row {
  const char* name;
  std::int64_t now;
  bool paused;
  bool closed;
  std::uint32_t issued;
  std::optional<Outcome> refused;
};

TEST(Gate, RefusesOnlyWhatIsCertainInTheOneOrderOfRefusals) {
  // Starts at 10,000, ends at 20,000, stock 5, skew 1,000.
  const Row rows[] = {
      {"far before the start", 8'999, false, false, 0, Outcome::not_started},
      {"before the start stands first", 8'999, false, true, 5, Outcome::not_started},
      {"within the skew before the start", 9'000, false, false, 0, std::nullopt},
      {"open", 15'000, false, false, 4, std::nullopt},
      {"sold out", 15'000, false, false, 5, Outcome::sold_out},
      {"ended within the skew", 20'999, false, false, 0, std::nullopt},
      {"ended within the skew, and sold out", 20'999, false, false, 5, Outcome::sold_out},
      {"ended", 21'000, false, false, 0, Outcome::ended},
      {"ended stands before sold out", 21'000, false, false, 5, Outcome::ended},
      {"closed", 15'000, false, true, 0, Outcome::closed},
      {"closed stands before ended and sold out", 21'000, false, true, 5, Outcome::closed},
      {"paused is left to the log", 15'000, true, false, 0, std::nullopt},
      {"paused stands before the rest", 21'000, true, true, 5, std::nullopt},
  };
  for (const Row& row : rows) {
    CampaignView view;
    view.stock = 5;
    view.issued = row.issued;
    view.paused = row.paused;
    view.closed = row.closed;
    view.starts_at = Timestamp{10'000};
    view.ends_at = Timestamp{20'000};
    EXPECT_EQ(certain_refusal(view, Timestamp{row.now}, 1'000), row.refused) << row.name;
  }
}

}  // namespace
}  // namespace openrun::gateway
