// What the relay asks.
#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

class OutboxTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    outbox_ = make_outbox(options(), logger_);
  }
  void decided(int next_offset) {
    database().rows(
        "INSERT INTO partition_checkpoint (partition, epoch, next_offset, log_time, fingerprint, "
        "decision_version) VALUES (0, 1, " +
        std::to_string(next_offset) +
        ", now(), 0, 1) ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset");
  }
  // Rows [0, 10), [10, 20), ... of partition 0, one hour apart, the newest one written now.
  void fill(int rows) {
    decided(rows * 10);
    database().rows(
        "INSERT INTO outbox SELECT 0, n * 10, n * 10 + 9, convert_to('row ' || n, 'UTF8'), now() - interval '1 hour' * "
        "(" +
        std::to_string(rows) + " - 1 - n) FROM generate_series(0, " + std::to_string(rows) + " - 1) AS n");
  }
  Timestamp hours_ago(const std::string& hours) {
    return Timestamp{std::stoll(
        database().value("SELECT (extract(epoch FROM now() - interval '1 hour' * " + hours + ") * 1000)::bigint"))};
  }
  std::string first_kept() { return database().value("SELECT coalesce(min(first_offset), -1) FROM outbox"); }
  std::unique_ptr<ports::Outbox> outbox_;
};

TEST_F(OutboxTest, TheCursorOnlyGrows) {
  decided(20);
  EXPECT_EQ(outbox_->published_through(Partition{0}), Offset{0});
  ASSERT_TRUE(outbox_->set_published_through(Partition{0}, Offset{20}));
  ASSERT_TRUE(outbox_->set_published_through(Partition{0}, Offset{10}));
  EXPECT_EQ(outbox_->published_through(Partition{0}), Offset{20});
  EXPECT_EQ(outbox_->published_through(Partition{1}), Offset{0});
}

TEST_F(OutboxTest, TheCursorNeverPassesTheCheckpoint) {
  EXPECT_EQ(outbox_->set_published_through(Partition{0}, Offset{1}).error().kind, Error::Kind::conflict);
  decided(20);
  ASSERT_TRUE(outbox_->set_published_through(Partition{0}, Offset{20}));
  EXPECT_EQ(outbox_->set_published_through(Partition{0}, Offset{21}).error().kind, Error::Kind::conflict);
  EXPECT_EQ(outbox_->published_through(Partition{0}), Offset{20});
}

TEST_F(OutboxTest, WhoKnowsMoreThanTheStoreIsTold) {
  EXPECT_TRUE(outbox_->entries(Partition{0}, Offset{0}, 9)->empty());
  fill(2);
  EXPECT_TRUE(outbox_->entries(Partition{0}, Offset{20}, 9)->empty());
  EXPECT_EQ(outbox_->entries(Partition{0}, Offset{21}, 9).error().kind, Error::Kind::conflict);
}

TEST_F(OutboxTest, EntriesComeInOrderAndPayloadsByTheirFirstOffset) {
  fill(5);
  const auto entries = outbox_->entries(Partition{0}, Offset{10}, 2);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].first_offset, Offset{10});
  EXPECT_EQ((*entries)[0].last_offset, Offset{19});
  EXPECT_EQ((*entries)[1].first_offset, Offset{20});
  EXPECT_LT((*entries)[0].created_at, (*entries)[1].created_at);
  EXPECT_EQ(outbox_->payload(Partition{0}, Offset{30}), "row 3");
  EXPECT_EQ(outbox_->payload(Partition{0}, Offset{31}).error().kind, Error::Kind::not_found);
  EXPECT_TRUE(outbox_->entries(Partition{1}, Offset{0}, 9)->empty());
}

TEST_F(OutboxTest, OnlyPublishedRowsThatAreOldEnoughArePruned) {
  fill(6);
  EXPECT_EQ(outbox_->prune(Partition{0}, hours_ago("0"), 100), 0U);
  ASSERT_TRUE(outbox_->set_published_through(Partition{0}, Offset{30}));
  EXPECT_EQ(outbox_->prune(Partition{0}, hours_ago("4.5"), 100), 1U);
  EXPECT_EQ(first_kept(), "10");
  EXPECT_EQ(outbox_->prune(Partition{0}, hours_ago("0"), 1), 1U);
  EXPECT_EQ(first_kept(), "20");
  EXPECT_EQ(outbox_->prune(Partition{0}, hours_ago("0"), 100), 1U);
  EXPECT_EQ(first_kept(), "30");
}

TEST_F(OutboxTest, PruningLeavesNoGapWhereTheClockRanBack) {
  fill(4);
  ASSERT_TRUE(outbox_->set_published_through(Partition{0}, Offset{40}));
  database().rows("UPDATE outbox SET created_at = now() + interval '1 day' WHERE first_offset = 10");
  EXPECT_EQ(outbox_->prune(Partition{0}, hours_ago("0"), 100), 1U);
  EXPECT_EQ(first_kept(), "10");
}

TEST_F(OutboxTest, DeadLettersAreExportedOnceByteForByte) {
  auto writer_store = coupon_store();
  const auto writer = writer_store->take_over(Partition{0}).value();
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer, campaign, 0);
  batch.next_offset = Offset{3};
  for (const std::int64_t offset : {2, 1}) {
    ports::DeadLetterRow letter;
    letter.offset = Offset{offset};
    letter.log_time = Timestamp{1'700'000'000'000 + offset};
    letter.key = "7";
    letter.value = std::string("\0\xff", 2);
    letter.headers = {{"twice", "a"}, {"twice", std::string("\0", 1)}};
    letter.reason = "UNDECODABLE";
    letter.error = "field 1";
    letter.replays = 1;
    batch.dead_letters.push_back(letter);
  }
  ASSERT_EQ(writer_store->commit(batch).outcome, ports::CommitOutcome::committed);

  const auto letters = outbox_->dead_letters_to_export(Partition{0}, 10);
  ASSERT_TRUE(letters);
  ASSERT_EQ(letters->size(), 2U);
  const ports::DeadLetterRow& first = (*letters)[0].row;
  const ports::DeadLetterRow& sent = batch.dead_letters[1];
  EXPECT_EQ(first.offset, sent.offset);
  EXPECT_EQ(first.log_time, sent.log_time);
  EXPECT_EQ(first.key, sent.key);
  EXPECT_EQ(first.value, sent.value);
  EXPECT_EQ(first.headers, sent.headers);
  EXPECT_EQ(first.reason, sent.reason);
  EXPECT_EQ(first.error, sent.error);
  EXPECT_EQ(first.replays, sent.replays);
  ASSERT_TRUE(outbox_->mark_exported(Partition{0}, {(*letters)[0].id}));
  ASSERT_TRUE(outbox_->mark_exported(Partition{0}, {}));
  EXPECT_EQ(outbox_->dead_letters_to_export(Partition{0}, 10)->size(), 1U);
  EXPECT_EQ(outbox_->dead_letters_to_export(Partition{1}, 10)->size(), 0U);
}

}  // namespace
}  // namespace openrun::postgres::test
