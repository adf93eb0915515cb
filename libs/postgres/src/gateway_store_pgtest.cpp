// What a gateway asks.
#include <algorithm>
#include <future>
#include <map>
#include <set>

#include <openrun/base/limits.hpp>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ports::CommitOutcome;

class Gateway : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    writer_store_ = coupon_store();
    writer_ = writer_store_->take_over(Partition{0}).value();
    store_ = make_gateway_store(options(), logger_);
  }
  void commit(const ports::CommitBatch& batch) {
    const auto answer = writer_store_->commit(batch);
    ASSERT_EQ(answer.outcome, CommitOutcome::committed) << answer.message;
    writer_.snapshot.next_offset = batch.next_offset;
  }
  std::unique_ptr<ports::CouponStore> writer_store_;
  ports::TakenOver writer_;
  std::unique_ptr<ports::GatewayStore> store_;
};

TEST_F(Gateway, ACampaignComesWithItsPartitionAndTheOffsetOfItsCounters) {
  issuance::Campaign campaign = sample_campaign(7);
  commit(sample_batch(writer_, campaign, 3));
  const CampaignId seven[] = {CampaignId{7}};
  const auto stored = store_->campaigns_named(seven);
  ASSERT_TRUE(stored) << stored.error().message;
  ASSERT_EQ(stored->size(), 1U);
  EXPECT_EQ(stored->front().campaign, campaign);
  EXPECT_EQ(stored->front().partition, Partition{0});
  EXPECT_EQ(stored->front().counters_offset, Offset{2});
}

TEST_F(Gateway, OfTheCampaignsThatAreNamedThoseAreToldThatThereAre) {
  for (const std::uint32_t id : {7U, 8U, 9U}) {
    issuance::Campaign campaign = sample_campaign(id);
    commit(sample_batch(writer_, campaign, 0));
  }
  const CampaignId named[] = {CampaignId{9}, CampaignId{10}, CampaignId{4'000'000'000}, CampaignId{7}};
  const auto stored = store_->campaigns_named(named);
  ASSERT_TRUE(stored) << stored.error().message;
  std::set<CampaignId> ids;
  for (const ports::StoredCampaign& one : *stored) ids.insert(one.campaign.id);
  EXPECT_EQ(ids, (std::set<CampaignId>{CampaignId{7}, CampaignId{9}}));
}

TEST_F(Gateway, CampaignsAreListedInOrderOfTheirIds) {
  for (const std::uint32_t id : {9U, 2'147'483'647U, 4U}) {
    issuance::Campaign campaign = sample_campaign(id);
    commit(sample_batch(writer_, campaign, 0));
  }
  const auto ids = [&](std::uint32_t after, std::size_t limit) {
    std::vector<std::uint32_t> found;
    const auto campaigns = store_->campaigns(CampaignId{after}, limit);
    EXPECT_TRUE(campaigns);
    for (const auto& stored : *campaigns) found.push_back(stored.campaign.id.value);
    return found;
  };
  EXPECT_EQ(ids(0, 10), (std::vector{4U, 9U, 2'147'483'647U}));
  EXPECT_EQ(ids(4, 1), std::vector{9U});
  EXPECT_TRUE(ids(4'294'967'295U, 10).empty());
}

TEST_F(Gateway, TheSameKeyReservesTheSameCampaignWhateverThePartitionsAreByThen) {
  const auto first = store_->reserve_campaign("key", 4);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->partition, home_partition(first->campaign, 4));
  const auto again = store_->reserve_campaign("key", 7);
  EXPECT_EQ(again->campaign, first->campaign);
  EXPECT_EQ(again->partition, first->partition);
  EXPECT_NE(store_->reserve_campaign("another", 4)->campaign, first->campaign);
}

TEST_F(Gateway, ManyGatewaysReserveOneCampaignForOneKey) {
  std::vector<std::future<std::uint32_t>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [this] {
      auto store = make_gateway_store(options(), logger_);
      return store->reserve_campaign("race", 4).value().campaign.value;
    }));
  }
  const std::uint32_t first = answers[0].get();
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_EQ(answers[i].get(), first);
}

TEST_F(Gateway, WithoutAnIdLeftItSaysSo) {
  database().rows("SELECT setval('campaign_id', 2147483647)");
  EXPECT_FALSE(store_->reserve_campaign("late", 4));
  database().rows("SELECT setval('campaign_id', 1000)");
  EXPECT_TRUE(store_->reserve_campaign("late", 4));
}

// As after a restore of the sequence to where it stood long ago.
TEST_F(Gateway, WhereManyIdsInARowAreTakenItSaysSoAndTheSameKeyGoesOnBehindThem) {
  database().rows("SELECT setval('campaign_id', 1)");
  database().rows(
      "INSERT INTO campaign_reservation (campaign_id, idempotency_key, partition) "
      "SELECT id, 'taken ' || id, 0 FROM generate_series(2, 151) AS id");
  const auto refused = store_->reserve_campaign("late", 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::overloaded);
  EXPECT_NE(refused.error().message.find("SELECT setval('campaign_id'"), std::string::npos);
  EXPECT_EQ(store_->reserve_campaign("late", 4)->campaign, CampaignId{152});
}

TEST_F(Gateway, TheCreateCommandBringsALostReservationBackAndNoOtherCommandDoes) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  batch.commands.push_back({campaign.id, "create", Offset{0}, issuance::Outcome::command_applied});
  batch.commands.push_back({campaign.id, "restock", Offset{1}, issuance::Outcome::command_applied});
  commit(batch);
  batch = sample_batch(writer_, campaign, 1);
  batch.commands.push_back({campaign.id, "close", Offset{3}, issuance::Outcome::command_applied});
  commit(batch);
  EXPECT_EQ(database().rows("SELECT campaign_id, idempotency_key, partition FROM campaign_reservation"),
            (std::vector<std::vector<std::string>>{{"7", "create", "0"}}));

  // The sequence stands where the backup was taken: its next id is taken.
  database().rows("SELECT setval('campaign_id', 6)");
  EXPECT_EQ(store_->reserve_campaign("create", 4)->campaign, CampaignId{7});
  EXPECT_EQ(store_->reserve_campaign("another", 4)->campaign, CampaignId{8});
}

// The restored store has given the id to another key before the log's create of it was decided.
TEST_F(Gateway, AnIdThatTheLogGaveToAnotherKeyIsReservedForThatOne) {
  database().rows("SELECT setval('campaign_id', 6)");
  ASSERT_EQ(store_->reserve_campaign("later", 4)->campaign, CampaignId{7});
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  batch.commands.push_back({campaign.id, "earlier", Offset{0}, issuance::Outcome::command_applied});
  batch.commands.push_back({campaign.id, "later", Offset{1}, issuance::Outcome::command_campaign_exists});
  commit(batch);
  EXPECT_EQ(store_->reserve_campaign("earlier", 4)->campaign, CampaignId{7});
  EXPECT_EQ(store_->reserve_campaign("later", 4)->campaign, CampaignId{8});

  // As where the reservation was made while that batch was committed.
  for (const std::string key : {"latest", "later"}) {
    database().rows("DELETE FROM campaign_reservation WHERE idempotency_key = '" + key + "'");
    database().rows("UPDATE campaign_reservation SET idempotency_key = '" + key + "' WHERE campaign_id = 7");
    const auto moved = store_->reserve_campaign(key, 4);
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_GT(moved->campaign, CampaignId{8});
    EXPECT_EQ(store_->reserve_campaign(key, 4)->campaign, moved->campaign);
    EXPECT_EQ(store_->reserve_campaign("earlier", 4)->campaign, CampaignId{7});
  }
}

TEST_F(Gateway, AnIdIsTakenFromAnotherKeyAlsoWhereItsOwnHasOneAlready) {
  database().rows("SELECT setval('campaign_id', 6)");
  ASSERT_EQ(store_->reserve_campaign("later", 4)->campaign, CampaignId{7});
  ASSERT_EQ(store_->reserve_campaign("earlier", 4)->campaign, CampaignId{8});
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 1);
  batch.commands.push_back({campaign.id, "earlier", Offset{0}, issuance::Outcome::command_applied});
  commit(batch);
  EXPECT_EQ(store_->reserve_campaign("earlier", 4)->campaign, CampaignId{8});
  EXPECT_EQ(store_->reserve_campaign("later", 4)->campaign, CampaignId{9});

  database().rows("INSERT INTO campaign_reservation VALUES (7, 'latest', 3)");
  EXPECT_EQ(store_->reserve_campaign("latest", 4)->campaign, CampaignId{10});
}

TEST_F(Gateway, ACreateCommandLeavesItsReservationAsItIs) {
  const auto reserved = store_->reserve_campaign("create", 4);
  ASSERT_TRUE(reserved) << reserved.error().message;
  issuance::Campaign campaign = sample_campaign(reserved->campaign.value);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 1);
  batch.commands.push_back({campaign.id, "create", Offset{0}, issuance::Outcome::command_applied});
  commit(batch);
  EXPECT_EQ(store_->reserve_campaign("create", 4)->partition, reserved->partition);
  EXPECT_EQ(database().value("SELECT count(*) FROM campaign_reservation"), "1");
}

TEST_F(Gateway, AnOffsetFindsTheBatchThatHoldsIt) {
  issuance::Campaign campaign = sample_campaign(7);
  commit(sample_batch(writer_, campaign, 3));
  commit(sample_batch(writer_, campaign, 2));
  EXPECT_EQ(store_->outcome_batch(Partition{0}, Offset{0}).value(), "payload of 0");
  EXPECT_EQ(store_->outcome_batch(Partition{0}, Offset{2}).value(), "payload of 0");
  EXPECT_EQ(store_->outcome_batch(Partition{0}, Offset{3}).value(), "payload of 3");
  EXPECT_EQ(store_->outcome_batch(Partition{0}, Offset{5}).value(), std::nullopt);
  EXPECT_EQ(store_->outcome_batch(Partition{1}, Offset{0}).value(), std::nullopt);
  database().rows("DELETE FROM outbox WHERE first_offset = 0");
  EXPECT_EQ(store_->outcome_batch(Partition{0}, Offset{2}).value(), std::nullopt);
}

TEST_F(Gateway, ProgressTellsUndecidedFromGone) {
  EXPECT_EQ(store_->progress(Partition{9})->next_offset, Offset{0});
  EXPECT_EQ(store_->progress(Partition{0})->oldest_kept, Offset{0});
  issuance::Campaign campaign = sample_campaign(7);
  commit(sample_batch(writer_, campaign, 3));
  commit(sample_batch(writer_, campaign, 2));
  database().rows("DELETE FROM outbox WHERE first_offset = 0");
  EXPECT_EQ(store_->progress(Partition{0})->next_offset, Offset{5});
  EXPECT_EQ(store_->progress(Partition{0})->oldest_kept, Offset{3});
  database().rows("DELETE FROM outbox");
  EXPECT_EQ(store_->progress(Partition{0})->oldest_kept, Offset{5});
}

TEST_F(Gateway, CheckpointsTellHowFarAndOfWhenEachPartitionIsDecided) {
  issuance::Campaign campaign = sample_campaign(7);
  const ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  commit(batch);
  const auto checkpoints = store_->checkpoints().value();
  ASSERT_TRUE(checkpoints.contains(Partition{0}));
  EXPECT_FALSE(checkpoints.contains(Partition{9})) << "nobody has ever taken it";
  EXPECT_EQ(checkpoints.at(Partition{0}).next_offset, Offset{3});
  EXPECT_EQ(checkpoints.at(Partition{0}).log_time, batch.log_time);
}

TEST_F(Gateway, AReplayIsFoundByItsOrigin) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 1);
  ports::DeadLetterRow letter;
  letter.offset = Offset{0};
  letter.reason = "UNDECODABLE";
  batch.dead_letters.push_back(letter);
  commit(batch);
  EXPECT_EQ(store_->replay_of(Partition{0}, Offset{0}).value(), std::nullopt);
  EXPECT_EQ(store_->replay_of(Partition{0}, Offset{9}).value(), std::nullopt);
  batch = sample_batch(writer_, campaign, 1);
  batch.replays = {{Offset{0}, Offset{1}}};
  commit(batch);
  EXPECT_EQ(store_->replay_of(Partition{0}, Offset{0}).value(), Offset{1});
}

TEST_F(Gateway, CouponsAreFoundBySequenceClaimCampaignAndUser) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 3);
  batch.coupons[1].valid_until = Timestamp{1'900'000'000'001};
  batch.coupons[2].user = "user-7-1";
  batch.coupons[2].idempotency_key = "second";
  commit(batch);
  const auto second = store_->coupon(CampaignId{7}, Sequence{2});
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->user, "user-7-2");
  EXPECT_EQ((*second)->code, "code-2");
  EXPECT_EQ((*second)->issued_at, batch.coupons[1].issued_at);
  EXPECT_EQ((*second)->valid_until, batch.coupons[1].valid_until);
  EXPECT_EQ((*second)->used_at, std::nullopt);
  EXPECT_EQ(store_->coupon(CampaignId{7}, Sequence{4'294'967'295})->has_value(), false);

  EXPECT_EQ(store_->coupon_of(CampaignId{7}, "user-7-1", "").value()->sequence, Sequence{1});
  EXPECT_EQ(store_->coupon_of(CampaignId{7}, "user-7-1", "second").value()->sequence, Sequence{3});
  EXPECT_EQ(store_->coupon_of(CampaignId{7}, "user-7-1", "third").value(), std::nullopt);
  EXPECT_EQ(store_->coupon_of(CampaignId{7}, std::string("\0", 1), "").value(), std::nullopt);
  EXPECT_EQ(store_->coupon_of(CampaignId{7}, "\xff", "").value(), std::nullopt);

  EXPECT_EQ(store_->coupons_of_campaign(CampaignId{7}, Sequence{1}, 1)->at(0).sequence, Sequence{2});
  EXPECT_EQ(store_->coupons_of_campaign(CampaignId{7}, Sequence{0}, 10)->size(), 3U);
  EXPECT_EQ(store_->coupons_of_user("user-7-1", 10)->size(), 2U);
  EXPECT_EQ(store_->coupons_of_user("user-7-1", 1)->size(), 1U);
  EXPECT_EQ(store_->coupons_of_user("nobody", 10)->size(), 0U);
}

TEST_F(Gateway, ACouponIsRedeemedOnceAndTellsByWhichCall) {
  issuance::Campaign campaign = sample_campaign(7);
  commit(sample_batch(writer_, campaign, 2));
  const Timestamp now{1'900'000'000'123};
  const auto redeem = [&](std::uint32_t sequence, const std::string& user, const std::string& key) {
    return store_->redeem({CampaignId{7}, Sequence{sequence}, user, key, now}).value();
  };
  EXPECT_EQ(redeem(3, "", "key").has_value(), false);
  EXPECT_FALSE(redeem(1, "user-7-2", "key")->is_redeemed_now);
  EXPECT_EQ(redeem(1, "user-7-2", "key")->coupon.used_at, std::nullopt) << "it belongs to another";
  const auto first = redeem(1, "user-7-1", "key");
  EXPECT_TRUE(first->is_redeemed_now);
  EXPECT_EQ(first->coupon.used_at, now);
  EXPECT_EQ(first->coupon.user, "user-7-1");
  EXPECT_EQ(first->key, "key");
  const auto again = redeem(1, "user-7-1", "another");
  EXPECT_FALSE(again->is_redeemed_now);
  EXPECT_EQ(again->key, "key");
  EXPECT_EQ(again->coupon.used_at, now);
  EXPECT_EQ(store_->coupon(CampaignId{7}, Sequence{1}).value()->used_at, now);
  const auto without_key = redeem(2, "", "");
  EXPECT_TRUE(without_key->is_redeemed_now);
  EXPECT_EQ(without_key->key, "");
  EXPECT_EQ(database().rows("SELECT sequence, status, redeem_key IS NULL FROM coupon ORDER BY sequence"),
            (std::vector<std::vector<std::string>>{{"1", "USED", "f"}, {"2", "USED", "t"}}));
  EXPECT_FALSE(store_->redeem({CampaignId{7}, Sequence{1}, "\xff", "", now}));
}

TEST_F(Gateway, ACouponIsNotRedeemedFromItsLastMomentOn) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 1);
  const Timestamp until{1'900'000'000'001};
  batch.coupons[0].valid_until = until;
  commit(batch);
  EXPECT_FALSE(store_->redeem({CampaignId{7}, Sequence{1}, "", "", until}).value()->is_redeemed_now);
  EXPECT_TRUE(store_->redeem({CampaignId{7}, Sequence{1}, "", "", until + (-1)}).value()->is_redeemed_now);
}

TEST_F(Gateway, OfManyWhoRedeemACouponAtOnceOneDoes) {
  constexpr int rounds = 20;
  constexpr int callers = 6;
  issuance::Campaign campaign = sample_campaign(7);
  commit(sample_batch(writer_, campaign, rounds));
  std::vector<std::future<std::vector<bool>>> answers;
  for (int caller = 0; caller < callers; ++caller) {
    answers.push_back(std::async(std::launch::async, [this, caller] {
      auto store = make_gateway_store(options(), logger_);
      std::vector<bool> won;
      for (std::uint32_t sequence = 1; sequence <= rounds; ++sequence) {
        const auto answer = store->redeem(
            {CampaignId{7}, Sequence{sequence}, "", "caller-" + std::to_string(caller), Timestamp{1'900'000'000'000}});
        won.push_back(answer.value()->is_redeemed_now);
      }
      return won;
    }));
  }
  std::vector<int> winners(rounds, 0);
  for (auto& answer : answers) {
    const std::vector<bool> won = answer.get();
    for (std::size_t i = 0; i < won.size(); ++i) winners[i] += won[i] ? 1 : 0;
  }
  EXPECT_EQ(winners, std::vector<int>(rounds, 1));
}

TEST_F(Gateway, HoldersAreAllUsersOfTheCampaign) {
  issuance::Campaign campaign = sample_campaign(7, 100'000);
  issuance::Campaign other = sample_campaign(8);
  commit(sample_batch(writer_, campaign, 4'000));
  commit(sample_batch(writer_, other, 3));
  commit(sample_batch(writer_, campaign, 1'000));
  std::vector<std::string> users;
  std::map<CampaignId, int> told;
  CampaignId last;
  const CampaignId wanted[] = {CampaignId{8}, CampaignId{99}, CampaignId{7}};
  const auto all = store_->holders(wanted, [&](CampaignId held, std::string_view user) {
    const bool is_first = told[held]++ == 0;
    EXPECT_EQ(last != held, is_first) << "one campaign after the other";
    last = held;
    if (held == CampaignId{7}) users.emplace_back(user);
  });
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(told, (std::map<CampaignId, int>{{CampaignId{7}, 5'000}, {CampaignId{8}, 3}}));
  std::ranges::sort(users);
  users.erase(std::ranges::unique(users).begin(), users.end());
  EXPECT_EQ(users.size(), 5'000U);
  EXPECT_TRUE(store_->holders(std::span(wanted).subspan(1, 1), [](CampaignId, std::string_view) { FAIL(); }));
  // The connection is as good as new after it.
  EXPECT_TRUE(store_->coupon(CampaignId{7}, Sequence{1})->has_value());
}

TEST_F(Gateway, DispatchRatesAreKept) {
  EXPECT_TRUE(store_->dispatch()->empty());
  ASSERT_TRUE(store_->set_dispatch({std::nullopt, 100}));
  ASSERT_TRUE(store_->set_dispatch({Partition{2}, 4'294'967'295}));
  ASSERT_TRUE(store_->set_dispatch({std::nullopt, 200}));
  const auto rates = store_->dispatch();
  ASSERT_EQ(rates->size(), 2U);
  EXPECT_EQ((*rates)[0].partition, std::nullopt);
  EXPECT_EQ((*rates)[0].per_second, 200U);
  EXPECT_EQ((*rates)[1].partition, Partition{2});
  EXPECT_EQ((*rates)[1].per_second, 4'294'967'295U);
  EXPECT_EQ(writer_store_->dispatch_per_second(Partition{2}), 4'294'967'295U);
}

TEST_F(Gateway, AnEndedBackendIsReplacedUnseen) {
  ASSERT_TRUE(store_->dispatch());
  database().rows(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'openrun' AND datname "
      "= current_database()");
  EXPECT_TRUE(store_->dispatch());
}

}  // namespace
}  // namespace openrun::postgres::test
