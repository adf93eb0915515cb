// What is told to those who watch.
#include <openrun/postgres/operations_store.hpp>

#include "test_database.hpp"

namespace openrun::postgres::test {
namespace {

class OperationsStoreTest : public PostgresTest {
 protected:
  ports::WatchedStore watch() {
    auto watched = make_operations_store(options(), logger_)->watch();
    EXPECT_TRUE(watched.has_value()) << watched.error().message;
    return watched.value_or(ports::WatchedStore{});
  }
};

TEST_F(OperationsStoreTest, APartitionTellsItsFrontierItsBacklogAndItsDeadLetters) {
  database().rows("INSERT INTO partition_checkpoint VALUES (0, 1, 0, now(), 0, 1), (3, 7, 30, now(), 0, 1)");
  database().rows(
      "INSERT INTO outbox SELECT 3, n * 10, n * 10 + 9, '', now() - interval '1 minute' * (2 - n) "
      "FROM generate_series(0, 2) AS n");
  database().rows("INSERT INTO relay_progress VALUES (3, 10)");
  database().rows(
      "INSERT INTO dead_letter (partition, \"offset\", log_time, key, value, headers, reason, error, replays, "
      "discarded_at) VALUES (3, 4, now(), '', '', '{}', 'MALFORMED', '', 0, NULL), "
      "(3, 5, now(), '', '', '{}', 'MALFORMED', '', 0, now())");
  const ports::WatchedStore watched = watch();
  ASSERT_EQ(watched.partitions.size(), 2U);
  EXPECT_EQ(watched.partitions[0].outbox_backlog, 0);
  EXPECT_FALSE(watched.partitions[0].committed_at);
  const ports::WatchedPartition& busy = watched.partitions[1];
  EXPECT_EQ(busy.partition, Partition{3});
  EXPECT_EQ(busy.epoch, Epoch{7});
  EXPECT_EQ(busy.next_offset, Offset{30});
  EXPECT_EQ(busy.published_through, Offset{10});
  EXPECT_EQ(busy.outbox_backlog, 2);
  EXPECT_EQ(busy.open_dead_letters, 1);
  ASSERT_TRUE(busy.committed_at && busy.unpublished_since);
  EXPECT_EQ(busy.committed_at->value - busy.unpublished_since->value, 60'000);
  EXPECT_LE(busy.committed_at->value, watched.now.value);
}

TEST_F(OperationsStoreTest, WhoIsConnectedIsToldByTheNameThatItGaveItself) {
  const Plain writer(url_with(name_), "openrun-issuer/3/7");
  const Plain stranger(url_with(name_), "psql");
  const ports::WatchedStore watched = watch();
  std::int64_t writers = 0;
  for (const ports::WatchedConnections& one : watched.connections) {
    EXPECT_TRUE(one.application.starts_with("openrun-")) << one.application;
    if (one.application == "openrun-issuer/3/7") writers += one.connections;
  }
  EXPECT_EQ(writers, 1);
}

}  // namespace
}  // namespace openrun::postgres::test
