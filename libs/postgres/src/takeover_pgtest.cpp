// Who may write a partition.
#include <array>
#include <chrono>
#include <future>

#include "commit.hpp"
#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ports::CommitOutcome;

class TakeOver : public PostgresTest {
 protected:
  ports::TakenOver take(ports::CouponStore& store, std::int32_t partition = 0) {
    auto taken = store.take_over(Partition{partition});
    EXPECT_TRUE(taken) << taken.error().message;
    return taken.value_or(ports::TakenOver{});
  }
  std::string backends(const std::string& application) {
    return database().value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = '" +
        application + "'");
  }
};

TEST_F(TakeOver, ANewPartitionBeginsAtOffsetZeroWithTheFirstEpoch) {
  auto store = coupon_store();
  const ports::TakenOver taken = take(*store, 3);
  EXPECT_EQ(taken.epoch, Epoch{1});
  EXPECT_EQ(taken.snapshot.partition, Partition{3});
  EXPECT_EQ(taken.snapshot.next_offset, Offset{0});
  EXPECT_EQ(taken.snapshot.log_time, Timestamp{0});
  EXPECT_EQ(taken.snapshot.decision_version, issuance::decision_version_supported);
  EXPECT_TRUE(taken.snapshot.campaigns.empty());
  EXPECT_EQ(backends("openrun-issuer/3/1"), "1");
}

TEST_F(TakeOver, AWriterWithAnOldEpochIsFenced) {
  auto zombie = coupon_store();
  auto successor = coupon_store();
  issuance::Campaign campaign = sample_campaign(7);
  const ports::TakenOver old = take(*zombie);
  ASSERT_EQ(zombie->commit(sample_batch(old, campaign, 1)).outcome, CommitOutcome::committed);
  const ports::TakenOver taken = take(*successor);
  EXPECT_EQ(taken.epoch, Epoch{old.epoch.value + 1});
  EXPECT_EQ(taken.snapshot.next_offset, Offset{1});
  EXPECT_EQ(backends("openrun-issuer/0/1"), "0");

  ports::TakenOver believed = old;
  believed.snapshot.next_offset = Offset{1};
  issuance::Campaign zombies_campaign = campaign;
  const ports::CommitBatch batch = sample_batch(believed, zombies_campaign, 1);
  EXPECT_EQ(zombie->commit(batch).outcome, CommitOutcome::fenced);
  EXPECT_EQ(zombie->rebuild(Partition{0}, old.epoch).error().kind, Error::Kind::conflict);
  EXPECT_EQ(zombie->commit(batch).outcome, CommitOutcome::fenced);
  EXPECT_EQ(zombie->load_details(std::array{campaign.id}, 0).error().kind, Error::Kind::conflict);
  // All that the zombie did has not disturbed the writer.
  EXPECT_EQ(backends("openrun-issuer/0/2"), "1");
  EXPECT_EQ(successor->commit(sample_batch(taken, campaign, 1)).outcome, CommitOutcome::committed);
}

// Every kind of row that a batch can hold, in one message and copied.
TEST_F(TakeOver, AZombieWritesNothingAtAll) {
  auto zombie = coupon_store();
  const ports::TakenOver old = take(*zombie);
  issuance::Campaign campaign = sample_campaign(7, 10'000);
  ASSERT_EQ(zombie->commit(sample_batch(old, campaign, 1)).outcome, CommitOutcome::committed);
  database().rows("UPDATE partition_checkpoint SET epoch = 2");
  const std::string before = database().value(every_row);
  for (const std::uint32_t coupons : {0U, 1U, static_cast<std::uint32_t>(copied_coupons_min)}) {
    ports::TakenOver believed = old;
    believed.snapshot.next_offset = Offset{1};
    issuance::Campaign after = campaign;
    ports::CommitBatch batch = sample_batch(believed, after, coupons);
    batch.commands.push_back({campaign.id, "key", Offset{1}, issuance::Outcome::command_applied});
    ports::DeadLetterRow letter;
    letter.offset = Offset{1};
    letter.reason = "UNDECODABLE";
    batch.dead_letters.push_back(letter);
    const ports::CommitAnswer answer = zombie->commit(batch);
    EXPECT_EQ(answer.outcome, CommitOutcome::fenced) << coupons;
    EXPECT_NE(answer.message.find("OR001"), std::string::npos) << answer.message;
    EXPECT_EQ(database().value(every_row), before) << coupons;
    EXPECT_EQ(database().value("SELECT next_offset FROM partition_checkpoint"), "1");
    EXPECT_EQ(zombie->probe(batch).outcome, CommitOutcome::fenced) << coupons;
  }
}

// An issuer of the release before may run beside this schema, and moves its checkpoint so.
TEST_F(TakeOver, TheReleaseBeforeStillHasItsCompareAndSwap) {
  auto first = coupon_store();
  take(*first);
  Plain older(options().url);
  older.rows("SELECT advance_checkpoint(0, 1, 0, 5, now(), 0, 1)");
  EXPECT_EQ(database().value("SELECT next_offset FROM partition_checkpoint"), "5");
  PGresult* again = PQexec(older.raw(), "SELECT advance_checkpoint(0, 1, 0, 5, now(), 0, 1)");
  EXPECT_EQ(std::string(PQresultErrorField(again, PG_DIAG_SQLSTATE)), "OR001");
  PQclear(again);
  EXPECT_EQ(database().value("SELECT next_offset FROM partition_checkpoint"), "5");
}

TEST_F(TakeOver, ALateRebuildDoesNotEndASuccessorWhoseEpochBeginsWithItsOwn) {
  auto zombie = coupon_store();
  auto successor = coupon_store();
  const ports::TakenOver old = take(*zombie);
  database().rows("UPDATE partition_checkpoint SET epoch = 9");
  ASSERT_EQ(take(*successor).epoch, Epoch{10});
  EXPECT_EQ(zombie->rebuild(Partition{0}, old.epoch).error().kind, Error::Kind::conflict);
  EXPECT_EQ(backends("openrun-issuer/0/10"), "1");
}

TEST_F(TakeOver, AFrozenWriterInItsTransactionIsEnded) {
  auto first = coupon_store();
  take(*first);
  Plain frozen(options().url, "openrun-issuer/0/1");
  frozen.rows("BEGIN");
  frozen.rows("UPDATE partition_checkpoint SET next_offset = 5 WHERE partition = 0");
  frozen.rows(
      "INSERT INTO coupon (campaign_id, sequence, user_id, idempotency_key, code, issued_at, request_partition, "
      "request_offset) VALUES (7, 1, 'somebody', '', '', now(), 0, 0)");

  auto successor = coupon_store();
  const auto begun = std::chrono::steady_clock::now();
  const ports::TakenOver taken = take(*successor);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  EXPECT_EQ(taken.epoch, Epoch{2});
  EXPECT_EQ(taken.snapshot.next_offset, Offset{0});
  EXPECT_EQ(database().value("SELECT count(*) FROM coupon"), "0");
}

TEST_F(TakeOver, AFrozenTakeoverIsEndedToo) {
  auto first = coupon_store();
  take(*first);
  Plain frozen(options().url, "openrun-issuer-takeover/0");
  frozen.rows("BEGIN");
  frozen.rows("UPDATE partition_checkpoint SET epoch = epoch + 1 WHERE partition = 0");
  auto successor = coupon_store();
  EXPECT_EQ(take(*successor).epoch, Epoch{2});
}

TEST_F(TakeOver, OtherPartitionsAreLeftAlone) {
  auto first = coupon_store();
  auto eleventh = coupon_store();
  take(*first, 1);
  take(*eleventh, 11);
  auto successor = coupon_store();
  take(*successor, 1);
  EXPECT_EQ(backends("openrun-issuer/11/1"), "1");
  EXPECT_EQ(backends("openrun-issuer/1/1"), "0");
}

TEST_F(TakeOver, OneOfManyAtOnceHoldsThePartitionInTheEnd) {
  std::vector<std::unique_ptr<ports::CouponStore>> stores;
  std::vector<std::future<Result<ports::TakenOver>>> answers;
  for (int i = 0; i < 6; ++i) stores.push_back(coupon_store());
  for (auto& store : stores) {
    answers.push_back(std::async(std::launch::async, [&store] { return store->take_over(Partition{0}); }));
  }
  std::vector<ports::TakenOver> taken;
  for (auto& answer : answers) {
    auto state = answer.get();
    EXPECT_TRUE(state) << state.error().message;
    if (state) taken.push_back(*state);
  }
  int committed = 0;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    issuance::Campaign campaign = sample_campaign(7);
    const CommitOutcome outcome = stores[i]->commit(sample_batch(taken[i], campaign, 1)).outcome;
    EXPECT_TRUE(outcome == CommitOutcome::committed || outcome == CommitOutcome::fenced);
    if (outcome == CommitOutcome::committed) ++committed;
  }
  EXPECT_EQ(committed, 1);
}

TEST_F(TakeOver, ALockThatIsNotAWritersIsReportedInTime) {
  auto first = coupon_store();
  take(*first);
  Plain operator_session(options().url, "psql");
  operator_session.rows("BEGIN");
  operator_session.rows("SELECT 1 FROM partition_checkpoint FOR UPDATE");
  Options impatient = options();
  impatient.lock_timeout = std::chrono::milliseconds(50);
  impatient.statement_timeout = std::chrono::milliseconds(300);
  impatient.connect_timeout = std::chrono::seconds(1);
  auto successor = make_coupon_store(impatient, logger_);
  const auto taken = successor->take_over(Partition{0});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, Error::Kind::unavailable);
  // And a writer gets its batch back.
  issuance::Campaign campaign = sample_campaign(7);
  EXPECT_EQ(first->commit(sample_batch({Epoch{1}, 0, {}, {}}, campaign, 1)).outcome, CommitOutcome::rolled_back);
  operator_session.rows("ROLLBACK");
  EXPECT_EQ(first->commit(sample_batch({Epoch{1}, 0, {}, {}}, campaign, 1)).outcome, CommitOutcome::committed);
}

}  // namespace
}  // namespace openrun::postgres::test
