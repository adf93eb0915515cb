// A connection that breaks: whatever the store answers must be true.
#include <array>
#include <chrono>
#include <future>
#include <map>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commit.hpp"
#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

using ports::CommitOutcome;

class BrokenConnection : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    proxy_ = std::make_unique<CuttingProxy>(static_cast<std::uint16_t>(std::stoi(PQport(database().raw()))));
    Options through = options();
    through.url = url_with(name_, proxy_->port());
    store_ = make_coupon_store(through, logger_);
    auto taken = store_->take_over(Partition{0});
    ASSERT_TRUE(taken) << taken.error().message;
    writer_ = *taken;
    // A first batch, so that the statements are prepared and the next one is only a batch.
    ASSERT_EQ(store_->commit(sample_batch(writer_, campaign_, 2)).outcome, CommitOutcome::committed);
    reread();
  }
  void TearDown() override {
    store_.reset();
    proxy_.reset();
  }
  void reread() {
    auto state = store_->rebuild(Partition{0}, writer_.epoch);
    ASSERT_TRUE(state) << state.error().message;
    writer_ = *state;
    ASSERT_EQ(writer_.snapshot.campaigns.size(), 1U);
    campaign_ = writer_.snapshot.campaigns[0];
    ASSERT_EQ(store_->load_details(std::array{campaign_.id}, 0)->front().claims.size(), campaign_.issued);
  }
  // One batch while `left` bytes still pass; checks that the answer agrees with what is then in the tables.
  CommitOutcome commit_with_cut(std::atomic<std::int64_t>& left, std::int64_t bytes, std::uint32_t coupons) {
    const Offset before = writer_.snapshot.next_offset;
    issuance::Campaign after = campaign_;
    const ports::CommitBatch batch = sample_batch(writer_, after, coupons);
    left = bytes;
    const CommitOutcome outcome = store_->commit(batch).outcome;
    left = CuttingProxy::never;
    reread();
    const bool written = writer_.snapshot.next_offset == batch.next_offset;
    EXPECT_TRUE(written || writer_.snapshot.next_offset == before);
    EXPECT_EQ(campaign_.issued, written ? after.issued : after.issued - coupons);
    if (outcome == CommitOutcome::committed || outcome == CommitOutcome::rolled_back) {
      EXPECT_EQ(written, outcome == CommitOutcome::committed);
    }
    EXPECT_TRUE(outcome == CommitOutcome::committed || outcome == CommitOutcome::rolled_back ||
                outcome == CommitOutcome::in_doubt);
    return outcome;
  }
  // The one before it has prepared the statements.
  ports::CommitBatch batch_on_a_warm_connection() {
    const ports::CommitBatch first = sample_batch(writer_, campaign_, 0);
    EXPECT_EQ(store_->commit(first).outcome, CommitOutcome::committed);
    writer_.snapshot.next_offset = first.next_offset;
    return sample_batch(writer_, campaign_, 0);
  }
  void cut_everywhere(std::atomic<std::int64_t>& left, std::atomic<std::int64_t>& total, std::uint32_t coupons,
                      std::int64_t step) {
    const bool is_copied = coupons >= copied_coupons_min;
    // The length of an undisturbed batch on a warm connection.
    ASSERT_EQ(commit_with_cut(left, CuttingProxy::never, coupons), CommitOutcome::committed);
    issuance::Campaign after = campaign_;
    ASSERT_EQ(store_->commit(sample_batch(writer_, after, coupons)).outcome, CommitOutcome::committed);
    writer_.snapshot.next_offset = writer_.snapshot.next_offset + std::max<std::int64_t>(coupons, 1);
    const std::int64_t before = total;
    ASSERT_EQ(store_->commit(sample_batch(writer_, after, coupons)).outcome, CommitOutcome::committed);
    const std::int64_t length = total - before;
    reread();
    std::map<CommitOutcome, int> seen;
    // Where a large batch ends stands what matters most, and it is short.
    constexpr std::int64_t fine_bytes = 1'000;
    constexpr std::int64_t fine_step = 23;
    const auto next = [&](std::int64_t bytes) {
      const std::int64_t left_over = length - bytes;
      return bytes + (left_over > fine_bytes ? std::min(step, left_over - fine_bytes) : std::min(step, fine_step));
    };
    for (std::int64_t bytes = 0; bytes <= length; bytes = next(bytes)) {
      // Warm up: rebuild() gave a new connection, whose statements are prepared by a batch of the same kind.
      issuance::Campaign warmed = campaign_;
      ASSERT_EQ(store_->probe(sample_batch(writer_, warmed, coupons)).outcome, CommitOutcome::committed);
      ++seen[commit_with_cut(left, bytes, coupons)];
    }
    EXPECT_GT(seen[CommitOutcome::in_doubt], 0);
    // One message holds all, and its end commits: nobody can tell what a cut has kept back.
    EXPECT_EQ(seen[CommitOutcome::rolled_back] > 0, is_copied);
  }

  std::unique_ptr<CuttingProxy> proxy_;
  std::unique_ptr<ports::CouponStore> store_;
  ports::TakenOver writer_;
  issuance::Campaign campaign_ = sample_campaign(7, 1'000'000);
};

TEST_F(BrokenConnection, CutAtAnyByteToTheServerTheAnswerIsTrue) {
  cut_everywhere(proxy_->to_server_left, proxy_->to_server_total, 3, 23);
}
TEST_F(BrokenConnection, CutAtAnyByteToTheClientTheAnswerIsTrue) {
  cut_everywhere(proxy_->to_client_left, proxy_->to_client_total, 3, 7);
}
TEST_F(BrokenConnection, CutAtAnyByteToTheServerABatchWithoutCouponsIsTrue) {
  cut_everywhere(proxy_->to_server_left, proxy_->to_server_total, 0, 23);
}
TEST_F(BrokenConnection, CutAtAnyByteToTheClientABatchWithoutCouponsIsTrue) {
  cut_everywhere(proxy_->to_client_left, proxy_->to_client_total, 0, 3);
}

TEST_F(BrokenConnection, CutAnywhereToTheServerABatchThatIsCopiedIsTrue) {
  cut_everywhere(proxy_->to_server_left, proxy_->to_server_total, copied_coupons_min, 5'003);
}
TEST_F(BrokenConnection, CutAnywhereToTheClientABatchThatIsCopiedIsTrue) {
  cut_everywhere(proxy_->to_client_left, proxy_->to_client_total, copied_coupons_min, 11);
}

TEST_F(BrokenConnection, ALostAnswerToCommitIsDoubtAndRebuildTellsThatItWasWritten) {
  const ports::CommitBatch batch = batch_on_a_warm_connection();
  proxy_->swallow_next_answer = true;
  EXPECT_EQ(store_->commit(batch).outcome, CommitOutcome::in_doubt);
  reread();
  EXPECT_EQ(writer_.snapshot.next_offset, batch.next_offset);
}

TEST_F(BrokenConnection, ACommitThatNeverArrivedIsDoubtAndRebuildTellsThatItWasNotWritten) {
  const ports::CommitBatch batch = batch_on_a_warm_connection();
  proxy_->to_server_left = 10;
  EXPECT_EQ(store_->commit(batch).outcome, CommitOutcome::in_doubt);
  reread();
  EXPECT_EQ(writer_.snapshot.next_offset, batch.expected_next_offset);
}

TEST_F(BrokenConnection, CutBeforeTheStatementsArePreparedNothingIsWritten) {
  std::atomic<std::int64_t>& left = proxy_->to_client_left;
  // Some of what the server says when a connection is opened, and some of what it says to the preparation.
  EXPECT_EQ(commit_with_cut(left, 0, 3), CommitOutcome::rolled_back);
  const ports::CommitBatch batch = sample_batch(writer_, campaign_, 3);
  ASSERT_TRUE(store_->dispatch_per_second(Partition{0}));
  left = 3;
  EXPECT_EQ(store_->commit(batch).outcome, CommitOutcome::rolled_back);
  reread();
  EXPECT_EQ(writer_.snapshot.next_offset, batch.expected_next_offset);
}

// A check that waits for the commit answers behind all steps.
TEST_F(BrokenConnection, ACommitThatFailsItselfIsNotTakenForDone) {
  database().rows("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$");
  for (const std::uint32_t coupons : {0U, 3U, static_cast<std::uint32_t>(copied_coupons_min)}) {
    database().rows(
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
        "FUNCTION refuse()");
    issuance::Campaign after = campaign_;
    const ports::CommitBatch batch = sample_batch(writer_, after, coupons);
    EXPECT_EQ(store_->commit(batch).outcome, CommitOutcome::in_doubt) << coupons;
    reread();
    EXPECT_EQ(writer_.snapshot.next_offset, batch.expected_next_offset);
    EXPECT_EQ(campaign_.issued + coupons, after.issued);
    database().rows("DROP TRIGGER late ON outbox");
    EXPECT_EQ(store_->commit(batch).outcome, CommitOutcome::committed) << coupons;
    reread();
  }
  database().rows("DROP FUNCTION refuse");
}

TEST_F(BrokenConnection, AnEndedIdleBackendCostsNothing) {
  database().rows(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ^@ 'openrun-issuer/'");
  EXPECT_EQ(store_->commit(sample_batch(writer_, campaign_, 1)).outcome, CommitOutcome::committed);
}

// A batch with coupons that waits for the lock of its checkpoint, in a thread of its own.
class WaitingWriter : public BrokenConnection {
 protected:
  void begin_waiting() {
    Options patient = options();
    patient.lock_timeout = std::chrono::seconds(20);
    patient.statement_timeout = std::chrono::seconds(20);
    store_ = make_coupon_store(patient, logger_);
    holder_ = std::make_unique<Plain>(options().url);
    holder_->rows("BEGIN");
    holder_->rows("SELECT 1 FROM partition_checkpoint FOR UPDATE");
    written_ = database().value(every_row);
    batch_ = sample_batch(writer_, campaign_, 1);
    batch_.commands.push_back({campaign_.id, "key", batch_.expected_next_offset, issuance::Outcome::command_applied});
    ports::DeadLetterRow letter;
    letter.offset = batch_.expected_next_offset;
    letter.reason = "UNDECODABLE";
    batch_.dead_letters.push_back(letter);
    answer_ = std::async(std::launch::async, [this] { return store_->commit(batch_); });
    ASSERT_TRUE(eventually([&] {
      return database().value(
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name ^@ "
                 "'openrun-issuer/'") == "1";
    }));
  }
  std::string written_;
  std::unique_ptr<Plain> holder_;
  ports::CommitBatch batch_;
  std::future<ports::CommitAnswer> answer_;
};

TEST_F(WaitingWriter, ATerminatedWriterIsRolledBack) {
  begin_waiting();
  database().rows(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ^@ 'openrun-issuer/'");
  EXPECT_EQ(answer_.get().outcome, CommitOutcome::rolled_back);
}

// After the wait the newest version of the row is compared, not the one that was there at the beginning.
TEST_F(WaitingWriter, WhoeverLosesThePartitionWhileItWaitsWritesNothing) {
  begin_waiting();
  holder_->rows("UPDATE partition_checkpoint SET epoch = epoch + 1");
  holder_->rows("COMMIT");
  EXPECT_EQ(answer_.get().outcome, CommitOutcome::fenced);
  EXPECT_EQ(database().value(every_row), written_);
}

TEST_F(WaitingWriter, WhoeverIsBehindAfterItsWaitWritesNothing) {
  begin_waiting();
  holder_->rows("UPDATE partition_checkpoint SET next_offset = next_offset + 1");
  holder_->rows("COMMIT");
  EXPECT_EQ(answer_.get().outcome, CommitOutcome::fenced);
  EXPECT_EQ(database().value(every_row), written_);
}

TEST_F(WaitingWriter, AfterAWaitForNothingTheBatchIsWritten) {
  begin_waiting();
  holder_->rows("UPDATE partition_checkpoint SET log_time = now()");
  holder_->rows("COMMIT");
  EXPECT_EQ(answer_.get().outcome, CommitOutcome::committed);
  EXPECT_NE(database().value(every_row), written_);
}

TEST_F(WaitingWriter, CancelEndsARunningCallSoon) {
  begin_waiting();
  const auto begun = std::chrono::steady_clock::now();
  store_->cancel();
  // The COMMIT is with the server already.
  EXPECT_EQ(answer_.get().outcome, CommitOutcome::in_doubt);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
  // The statement that nobody waits for any more ends by itself, and the next call is a fresh one.
  EXPECT_TRUE(eventually(
      [&] { return database().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0"; }));
  holder_->rows("ROLLBACK");
  EXPECT_EQ(store_->commit(batch_).outcome, CommitOutcome::committed);
}

TEST_F(BrokenConnection, AServerThatDoesNotAnswerIsGivenUpInTime) {
  // A listener that never accepts: the connection is made by the kernel, and then nothing comes.
  Options nowhere = options();
  nowhere.connect_timeout = std::chrono::seconds(1);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t length = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  nowhere.url = url_with(name_, std::to_string(ntohs(address.sin_port)));
  auto gateway_store = make_gateway_store(nowhere, logger_);
  const auto begun = std::chrono::steady_clock::now();
  const CampaignId one[] = {CampaignId{1}};
  const auto campaign = gateway_store->campaigns_named(one);
  ASSERT_FALSE(campaign);
  EXPECT_EQ(campaign.error().kind, Error::Kind::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
  ::close(listener);
}

TEST_F(BrokenConnection, NothingListeningIsUnavailable) {
  Options nowhere = options();
  nowhere.url = url_with(name_, "1");
  auto store = make_coupon_store(nowhere, logger_);
  EXPECT_EQ(store->take_over(Partition{0}).error().kind, Error::Kind::unavailable);
  EXPECT_EQ(store->commit(sample_batch(writer_, campaign_, 1)).outcome, CommitOutcome::rolled_back);
  EXPECT_EQ(check_schema(nowhere, fingerprint).error().kind, Error::Kind::unavailable);
}

}  // namespace
}  // namespace openrun::postgres::test
