#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/kafka/kafka.hpp>

#include "testing.hpp"

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::Deliveries;
using testing::eventually;
using testing::MockCluster;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    appender = make_appender(cluster.options(), ports::Topic::requests, deliveries.collector(), logger).value();
    log = make_log(cluster.options(), logger).value();
  }

  void store(const std::vector<std::string>& values, const ports::Headers& headers = {}) {
    for (const auto& value : values) ASSERT_TRUE(appender->append(Partition{0}, "key", value, headers, stored++));
    ASSERT_TRUE(appender->flush(20s));
  }
  std::unique_ptr<ports::LogReader> open(std::int64_t from, std::int32_t partition = 0) {
    return log->open(ports::Topic::requests, Partition{partition}, Offset{from}).value();
  }
  // Polls until `count` records came; the batches stay alive.
  std::vector<ports::LogRecord> read(ports::LogReader& reader, std::size_t count, std::size_t records_max = 100) {
    std::vector<ports::LogRecord> out;
    EXPECT_TRUE(eventually([&] {
      auto batch = reader.poll(records_max, 100ms);
      if (!batch) return false;
      out.insert(out.end(), batch->records.begin(), batch->records.end());
      batches.push_back(std::move(*batch));
      return out.size() >= count;
    }));
    return out;
  }

  MockCluster cluster;
  ports::testing::RecordingLogger logger;
  Deliveries deliveries;
  std::unique_ptr<ports::LogAppender> appender;
  std::unique_ptr<ports::Log> log;
  std::vector<ports::LogBatch> batches;
  std::uint64_t stored = 0;
};

TEST_F(LogTest, RecordsComeInOrderFromTheGivenOffsetOn) {
  store({"a", "b", "c", "d"});
  auto reader = open(1);
  const auto records = read(*reader, 3);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].offset, Offset{1});
  EXPECT_EQ(records[0].value, "b");
  EXPECT_EQ(records[0].key, "key");
  EXPECT_EQ(records[0].partition, Partition{0});
  EXPECT_GT(records[0].time.value, 0);
  EXPECT_EQ(records[2].offset, Offset{3});
  EXPECT_EQ(records[2].value, "d");
}

TEST_F(LogTest, APollGivesAtMostAsManyRecordsAsAskedFor) {
  store({"a", "b", "c", "d", "e"});
  auto reader = open(0);
  EXPECT_EQ(read(*reader, 5, 2).size(), 5U);
  for (const auto& batch : batches) EXPECT_LE(batch.records.size(), 2U);
  EXPECT_EQ(reader->poll(0, 10ms)->records.size(), 0U);
}

TEST_F(LogTest, HeadersKeysAndValuesArriveByteForByte) {
  const std::string bytes("\0\xff\n", 3);
  store({bytes}, {{"name", bytes}, {"empty", ""}, {"name", "again"}});
  auto reader = open(0);
  const auto records = read(*reader, 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].value, bytes);
  const ports::Headers expected = {{"name", bytes}, {"empty", ""}, {"name", "again"}};
  EXPECT_EQ(reader->headers(records[0]), expected);
  auto stranger = records[0];
  stranger.offset = Offset{99};
  EXPECT_TRUE(reader->headers(stranger).empty());
}

TEST_F(LogTest, ARecordWithoutAKeyOrAValueIsEmpty) {
  ASSERT_TRUE(appender->append(Partition{0}, "", "", {}, 0));
  ASSERT_TRUE(appender->flush(20s));
  auto reader = open(0);
  const auto records = read(*reader, 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_TRUE(records[0].key.empty());
  EXPECT_TRUE(records[0].value.empty());
}

TEST_F(LogTest, APollReturnsAsSoonAsOneRecordIsThere) {
  store({"a"});
  auto reader = open(0);
  read(*reader, 1);
  auto waiting = std::async(std::launch::async, [&] {
    auto batch = reader->poll(1'000, 60s);
    return batch ? batch->records.size() : 0;
  });
  store({"b"});
  ASSERT_EQ(waiting.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(waiting.get(), 1U);
}

TEST_F(LogTest, AnEmptyPollEndsWithItsTimeOut) {
  store({"a"});
  auto reader = open(1);
  const auto batch = reader->poll(10, 20ms);
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->records.empty());
}

TEST_F(LogTest, AWakeEndsAWaitingPollAndOneThatIsAboutToWait) {
  store({"a"});
  auto reader = open(1);
  reader->wake();
  const auto before = steady_clock::now();
  EXPECT_TRUE(reader->poll(10, 60s)->records.empty());
  EXPECT_LT(steady_clock::now() - before, 30s);

  std::promise<void> begun;
  auto waiting = std::async(std::launch::async, [&] {
    begun.set_value();
    return reader->poll(10, 60s).has_value();
  });
  begun.get_future().wait();
  reader->wake();
  ASSERT_EQ(waiting.wait_for(20s), std::future_status::ready);
  EXPECT_TRUE(waiting.get());
}

TEST_F(LogTest, ABatchOutlivesItsReader) {
  store({"first", "second"});
  auto reader = open(0);
  const auto records = read(*reader, 2);
  reader.reset();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].value, "second");
}

TEST_F(LogTest, APositionBeyondTheEndIsNotFoundForEver) {
  store({"a"});
  auto reader = open(5);
  std::optional<Error> error;
  ASSERT_TRUE(eventually([&] {
    const auto batch = reader->poll(10, 100ms);
    if (!batch) error = batch.error();
    return !batch && batch.error().kind == Error::Kind::not_found;
  }));
  EXPECT_THAT(error->message, ::testing::HasSubstr("test.requests partition 0: offset 5 is outside the log"));
  store({"b", "c", "d", "e", "f", "g"});
  EXPECT_FALSE(reader->poll(10, 100ms));
}

TEST_F(LogTest, AReaderTellsOfAnOutageAndRecoversByItself) {
  store({"a"});
  auto reader = open(0);
  read(*reader, 1);
  cluster.down();
  ASSERT_TRUE(eventually([&] {
    const auto batch = reader->poll(10, 20ms);
    return !batch && batch.error().kind == Error::Kind::unavailable;
  }));
  cluster.up();
  // Also without a new record.
  ASSERT_TRUE(eventually([&] { return reader->poll(10, 20ms).has_value(); }));
  store({"b"});
  const auto records = read(*reader, 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].value, "b");
}

TEST_F(LogTest, BoundsAreTheFirstOffsetAndOnePastTheLast) {
  store({"a", "b"});
  auto reader = open(0);
  const auto bounds = reader->bounds(20s);
  ASSERT_TRUE(bounds) << bounds.error().message;
  EXPECT_EQ(bounds->begin, Offset{0});
  EXPECT_EQ(bounds->end, Offset{2});
}

TEST_F(LogTest, BoundsAreUnavailableWhenTheBrokerDoesNotAnswer) {
  auto reader = open(0);
  cluster.down();
  const auto bounds = reader->bounds(500ms);
  ASSERT_FALSE(bounds);
  EXPECT_EQ(bounds.error().kind, Error::Kind::unavailable);
}

TEST_F(LogTest, PartitionsAreCountedAndAnOutageIsUnavailable) {
  EXPECT_EQ(log->partitions(ports::Topic::requests, 20s).value(), 2);
  cluster.down();
  const auto partitions = log->partitions(ports::Topic::requests, 300ms);
  ASSERT_FALSE(partitions);
  EXPECT_EQ(partitions.error().kind, Error::Kind::unavailable);
}

TEST_F(LogTest, ATimeAfterTheLastRecordIsTheEnd) {
  store({"a", "b"});
  EXPECT_EQ(log->offset_at(ports::Topic::requests, Partition{0}, Timestamp{253'402'300'799'000}, 20s).value(),
            Offset{2});
}

TEST_F(LogTest, RecordsWithTheProducersTimeAreToldOf) {
  store({"a"});
  auto reader = open(0);
  read(*reader, 1);
  EXPECT_GT(logger.messages_with("do not carry the broker's time"), 0U);
}

TEST_F(LogTest, NegativePositionsAreInvalid) {
  EXPECT_EQ(log->open(ports::Topic::requests, Partition{0}, Offset{-1}).error().kind, Error::Kind::invalid);
  EXPECT_EQ(log->open(ports::Topic::requests, Partition{-1}, Offset{0}).error().kind, Error::Kind::invalid);
}

}  // namespace
}  // namespace openrun::kafka
