// What a batch does with dead letters and with replays of them.
#include <string>

#include "commit_fixture.hpp"

namespace openrun::postgres::test {
namespace {

TEST_F(Commit, AReplayResolvesItsOriginOnce) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 0);
  batch.next_offset = Offset{4};
  for (const std::int64_t offset : {1, 2, 3}) {
    ports::DeadLetterRow letter;
    letter.offset = Offset{offset};
    letter.reason = "UNDECODABLE";
    batch.dead_letters.push_back(letter);
  }
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(rebuilt().snapshot.open_dead_letters, (std::vector{Offset{1}, Offset{2}, Offset{3}}));

  batch = sample_batch(writer_, campaign, 0);
  batch.replays = {{Offset{1}, Offset{4}}};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  batch = sample_batch(writer_, campaign, 0);
  batch.replays = {{Offset{1}, Offset{5}}};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(rebuilt().snapshot.open_dead_letters, (std::vector{Offset{2}, Offset{3}}));
  EXPECT_EQ(database().rows("SELECT final_partition, final_offset FROM dead_letter WHERE \"offset\" = 1")[0],
            (std::vector<std::string>{"0", "4"}));
}

TEST_F(Commit, ADiscardedDeadLetterStaysOpenForTheMachineAndAReplayInTheLogStillResolvesIt) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 0);
  batch.dead_letters.resize(1);
  batch.dead_letters[0].offset = Offset{0};
  batch.dead_letters[0].reason = "UNDECODABLE";
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  database().rows("UPDATE dead_letter SET discarded_at = now()");
  EXPECT_EQ(rebuilt().snapshot.open_dead_letters, std::vector{Offset{0}});

  batch = sample_batch(writer_, campaign, 0);
  batch.replays = {{Offset{0}, Offset{1}}};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().value("SELECT final_offset FROM dead_letter"), "1");
  EXPECT_TRUE(rebuilt().snapshot.open_dead_letters.empty());
}

// A replay that the store refuses leaves a row of its own for re-execution, which must be closed in the same
// transaction: an open one would be a dead letter that the machine does not know.
TEST_F(Commit, ARefusedReplaysOwnRowIsClosedByTheSameBatch) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 0);
  batch.next_offset = Offset{2};
  for (const std::int64_t offset : {0, 1}) {
    ports::DeadLetterRow letter;
    letter.offset = Offset{offset};
    letter.reason = offset == 0 ? "UNDECODABLE" : "STORE_REFUSED";
    batch.dead_letters.push_back(letter);
  }
  batch.replays = {{Offset{1}, Offset{1}}};
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().rows("SELECT \"offset\", final_offset FROM dead_letter ORDER BY \"offset\""),
            (std::vector<std::vector<std::string>>{{"0", ""}, {"1", "1"}}));
  EXPECT_EQ(rebuilt().snapshot.open_dead_letters, std::vector{Offset{0}});
}

TEST_F(Commit, ADeadLetterIsStoredWhateverItsBytes) {
  issuance::Campaign campaign = sample_campaign(7);
  ports::CommitBatch batch = sample_batch(writer_, campaign, 0);
  ports::DeadLetterRow letter;
  letter.offset = Offset{0};
  letter.log_time = Timestamp{1'700'000'000'001};
  letter.key = std::string("\0\xff", 2);
  letter.value = std::string("\xfe\0\x80", 3);
  letter.headers = {{"name\xff", std::string("\0", 1)}, {"", ""}};
  letter.reason = "UNDECODABLE";
  letter.error = std::string("field 3: \xc3\x28\0", 12);
  letter.replays = 2;
  batch.dead_letters.push_back(letter);
  ASSERT_EQ(commit(batch), CommitOutcome::committed) << last_message_;
  EXPECT_EQ(database().rows("SELECT encode(key, 'hex'), encode(value, 'hex'), array_length(headers, 1), error, replays "
                            "FROM dead_letter")[0],
            (std::vector<std::string>{"00ff", "fe0080", "4", "field 3: ?(?", "2"}));
}

}  // namespace
}  // namespace openrun::postgres::test
