// A server that is slow, full of others' connections, or read-only: what gets through, and what is said.
#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ports::CommitOutcome;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

class Slow : public PostgresTest {
 protected:
  [[nodiscard]] Options watched() {
    Options all = options();
    all.health = &health_;
    return all;
  }
  [[nodiscard]] std::string trouble() { return health_.trouble(Health::Clock::now(), false); }

  ports::testing::QuietMetrics metrics_;
  Health health_{logger_, metrics_};
  issuance::Campaign campaign_ = sample_campaign(7);
};

// The whole takes several times as long as one statement may, but each answer comes in time.
TEST_F(Slow, AWayWithALongDelayIsNoReasonToGiveUpATransactionOfManyMessages) {
  CuttingProxy proxy(static_cast<std::uint16_t>(std::stoi(PQport(database().raw()))));
  Options through = watched();
  through.url = url_with(name_, proxy.port());
  through.statement_timeout = milliseconds(400);
  proxy.delay_ms = 120;
  auto store = make_coupon_store(through, logger_);
  auto writer = store->take_over(Partition{0});
  ASSERT_TRUE(writer) << writer.error().message;
  const auto answer = store->commit(sample_batch(*writer, campaign_, 3));
  EXPECT_EQ(answer.outcome, CommitOutcome::committed) << answer.message;
  EXPECT_EQ(trouble(), "");
}

TEST_F(Slow, ABatchThatTakesTooLongSaysSoAndASmallerOnePasses) {
  Options impatient = watched();
  impatient.statement_timeout = milliseconds(400);
  database().rows(
      "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END "
      "$$");
  database().rows("CREATE TRIGGER dawdle BEFORE INSERT ON coupon FOR EACH ROW EXECUTE FUNCTION dawdle()");
  auto store = make_coupon_store(impatient, logger_);
  const auto writer = store->take_over(Partition{0}).value();
  issuance::Campaign before = campaign_;
  const auto large = store->commit(sample_batch(writer, campaign_, 10));
  EXPECT_EQ(large.outcome, CommitOutcome::rolled_back);
  EXPECT_TRUE(large.timed_out) << large.message;
  EXPECT_THAT(trouble(), HasSubstr("did not answer in time"));
  ASSERT_TRUE(store->rebuild(Partition{0}, writer.epoch));
  EXPECT_THAT(trouble(), HasSubstr("did not answer in time")) << "a rebuild writes nothing";
  const auto small = store->commit(sample_batch(writer, before, 1));
  EXPECT_EQ(small.outcome, CommitOutcome::committed) << small.message;
  EXPECT_FALSE(small.timed_out);
  EXPECT_EQ(trouble(), "");
}

TEST_F(Slow, ConnectionsThatOthersHaveTakenAreNamedAndWaitedFor) {
  database().rows("ALTER DATABASE " + name_ + " CONNECTION LIMIT 0");
  auto store = make_coupon_store(watched(), logger_);
  const auto refused = store->take_over(Partition{0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("too many connections"));
  EXPECT_EQ(trouble(), "Postgres refuses connections: too many clients (53300)");
  EXPECT_EQ(check_schema(watched(), fingerprint).error().kind, Error::Kind::unavailable);
  database().rows("ALTER DATABASE " + name_ + " CONNECTION LIMIT -1");
  EXPECT_TRUE(store->take_over(Partition{0}));
  EXPECT_EQ(trouble(), "");
}

TEST_F(Slow, AReadOnlyServerIsNamedAndWaitedFor) {
  auto store = make_coupon_store(watched(), logger_);
  const auto writer = store->take_over(Partition{0}).value();
  issuance::Campaign before = campaign_;
  database().rows("ALTER DATABASE " + name_ + " SET default_transaction_read_only = on");
  store = make_coupon_store(watched(), logger_);
  EXPECT_FALSE(store->take_over(Partition{0}));
  EXPECT_EQ(trouble(), "Postgres is read-only (25006)");
  database().rows("SET default_transaction_read_only = off");
  database().rows("ALTER DATABASE " + name_ + " SET default_transaction_read_only = off");
  store = make_coupon_store(watched(), logger_);
  const auto again = store->take_over(Partition{0}).value();
  EXPECT_EQ(store->commit(sample_batch(again, before, 1)).outcome, CommitOutcome::committed);
  EXPECT_EQ(trouble(), "");
}

}  // namespace
}  // namespace openrun::postgres::test
