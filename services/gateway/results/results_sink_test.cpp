#include "gateway/results/results_sink.hpp"

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"
#include "gateway/testing/harness.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;

class Sink : public ::testing::Test {
 protected:
  wire::ResultBatch batch(std::int64_t offset) {
    wire::ResultBatch made;
    made.first_offset = Offset{offset};
    made.last_offset = Offset{offset};
    made.entries.push_back({Offset{offset}, issuance::Outcome::command_applied, 1, CampaignId{1}, {}, {}, 0});
    issuance::Campaign campaign;
    campaign.id = CampaignId{1};
    campaign.terms.stock = 5;
    campaign.terms_offset = Offset{offset};
    made.commands.push_back({Offset{offset}, issuance::Outcome::command_applied, {}, campaign});
    return made;
  }

  Settings settings;
  FakeClock clock;
  FakeDatabase database;
  FakeIoThread io{0, clock};
  ports::IoThread* threads[1] = {&io};
  ResultsWindow window{64};
  Winners winners{100};
  CampaignCache cache{100};
  Lanes lanes{threads, window, clock};
  StorePool pool{1, 10, [this] { return std::make_unique<FakeGatewayStore>(database); }};
  Directory directory{cache, winners, pool, clock, test_user_hash(), settings};
  ResultsSink sink{window, winners, cache, directory, lanes, clock};
};

TEST_F(Sink, ACommandMakesItsCampaignKnownOnlyOnceTheReaderIsLive) {
  sink.apply(batch(3), false);
  EXPECT_FALSE(cache.find(CampaignId{1})) << "its counters would be as old as the command";
  EXPECT_EQ(window.highest(Partition{0}), Offset{4});
  sink.apply(batch(4), true);
  ASSERT_TRUE(cache.find(CampaignId{1}));
  sink.apply(batch(5), false);
  EXPECT_EQ(cache.find(CampaignId{1})->details->terms_offset, Offset{5}) << "known ones follow in any case";
}

TEST_F(Sink, NobodyIsPostedToWhereNobodyWaits) {
  sink.apply(batch(3), true);
  EXPECT_EQ(io.posts(), 0U);
}

}  // namespace
}  // namespace openrun::gateway
