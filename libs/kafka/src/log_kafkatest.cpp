#include <gmock/gmock.h>

#include "broker_fixture.hpp"

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;
using testing::admin_timeout;
using testing::eventually;

class LogBrokerTest : public testing::BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (IsSkipped()) return;
    create();
    log = make_log(options, logger).value();
  }
  std::unique_ptr<ports::LogReader> open(std::int64_t from) {
    return log->open(ports::Topic::requests, Partition{0}, Offset{from}).value();
  }
  std::vector<ports::LogRecord> read(ports::LogReader& reader, std::size_t count) {
    std::vector<ports::LogRecord> out;
    EXPECT_TRUE(eventually([&] {
      auto batch = reader.poll(1'000, 100ms);
      if (!batch) return false;
      out.insert(out.end(), batch->records.begin(), batch->records.end());
      batches.push_back(std::move(*batch));
      return out.size() >= count;
    }));
    return out;
  }
  bool ends_not_found(ports::LogReader& reader) {
    return eventually([&] {
      const auto batch = reader.poll(10, 100ms);
      return !batch && batch.error().kind == Error::Kind::not_found;
    });
  }

  std::unique_ptr<ports::Log> log;
  std::vector<ports::LogBatch> batches;
};

TEST_F(LogBrokerTest, WhatWasStoredIsReadWithTheBrokersTime) {
  const auto before =
      std::chrono::duration_cast<std::chrono::milliseconds>((std::chrono::system_clock::now() - 1s).time_since_epoch());
  const auto stored = store(10);
  auto reader = open(0);
  const auto records = read(*reader, 10);
  ASSERT_EQ(records.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(records[i].offset, stored[i].offset);
    EXPECT_EQ(records[i].value, "value " + std::to_string(i));
    EXPECT_GE(records[i].time.value, before.count());
  }
  EXPECT_EQ(logger.messages_with("do not carry the broker's time"), 0U);
}

TEST_F(LogBrokerTest, ARecordShowsTheTraceOfItsHeaderAsLongAsItsBatchLives) {
  const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  store(1);
  store(1, Partition{0}, {{"other", "1"}, {traceparent_name, traceparent}});
  auto reader = open(0);
  const auto records = read(*reader, 2);
  EXPECT_EQ(records[0].traceparent, "");
  EXPECT_EQ(records[1].traceparent, traceparent);
  reader.reset();
  EXPECT_EQ(records[1].traceparent, traceparent) << "the batch keeps it";
}

TEST_F(LogBrokerTest, AnOffsetIsFoundByItsTime) {
  store(3);
  auto reader = open(0);
  const auto first = read(*reader, 3)[0].time;
  ASSERT_TRUE(eventually([&] {  // the clock's next millisecond
    return std::chrono::system_clock::now().time_since_epoch() > std::chrono::milliseconds(first.value + 20);
  }));
  store(1);
  const auto second = read(*reader, 1)[0].time;
  ASSERT_GT(second, first);
  const auto at = [&](std::int64_t time) {
    return log->offset_at(ports::Topic::requests, Partition{0}, Timestamp{time}, admin_timeout).value();
  };
  EXPECT_EQ(at(first.value), Offset{0});
  EXPECT_EQ(at(second.value), Offset{3});
  EXPECT_EQ(at(0), Offset{0});
  EXPECT_EQ(at(second.value + 60'000), Offset{4});
}

TEST_F(LogBrokerTest, AReaderThatGathersIsAnsweredWhenThereIsAGoodDeal) {
  auto prompt = open(0);
  options.read_gather = 60s;  // longer than the test: only the size can end it
  auto gathering = make_log(options, logger).value()->open(ports::Topic::requests, Partition{0}, Offset{0}).value();
  constexpr std::size_t few = 3;
  for (std::size_t i = 0; i < few; ++i) {
    store(1);
    ASSERT_EQ(read(*prompt, 1).size(), 1U) << "the broker gives it to who is in a hurry";
    const auto early = gathering->poll(1'000, 300ms);
    ASSERT_TRUE(early) << early.error().message;
    ASSERT_EQ(early->records.size(), 0U);
  }
  constexpr std::size_t many = 1'100;
  store(many, Partition{0}, {{"padding", std::string(1'024, 'x')}});
  // Not all of them: what is left behind the first good deal is less than one.
  const auto records = read(*gathering, few + 1);
  ASSERT_GT(records.size(), few);
  EXPECT_EQ(records.front().offset, Offset{0});
}

TEST_F(LogBrokerTest, AMissingTopicOrPartitionIsNotFoundAndSaysHowToMakeIt) {
  options.topics[ports::Topic::requests] = prefix + ".nowhere";
  auto other = make_log(options, logger).value();
  const auto partitions = other->partitions(ports::Topic::requests, admin_timeout);
  ASSERT_FALSE(partitions);
  EXPECT_EQ(partitions.error().kind, Error::Kind::not_found);
  EXPECT_THAT(partitions.error().message, ::testing::HasSubstr("run openrun topics create"));
  const auto offset = log->offset_at(ports::Topic::requests, Partition{7}, Timestamp{0}, 3s);
  EXPECT_FALSE(offset);
  options.topics.erase(ports::Topic::requests);
}

TEST_F(LogBrokerTest, ATruncatedLogEndsItsReaderInsteadOfMovingIt) {
  store(10);
  delete_records_before(name_of(ports::Topic::requests), 0, 5);
  auto reader = open(2);
  EXPECT_TRUE(ends_not_found(*reader));
  const auto bounds = open(5)->bounds(admin_timeout);
  ASSERT_TRUE(bounds) << bounds.error().message;
  EXPECT_EQ(bounds->begin, Offset{5});
  EXPECT_EQ(bounds->end, Offset{10});
  auto at_begin = open(5);
  EXPECT_EQ(read(*at_begin, 5)[0].offset, Offset{5});
}

TEST_F(LogBrokerTest, ARecreatedTopicEndsItsReader) {
  store(10);
  auto reader = open(0);
  ASSERT_EQ(read(*reader, 10).size(), 10U);
  delete_topic(name_of(ports::Topic::requests));
  ASSERT_TRUE(eventually([&] { return create_topics(options, {.partitions = 2}, 2s).has_value(); }));
  EXPECT_TRUE(ends_not_found(*reader));
}

TEST_F(LogBrokerTest, APositionBeyondTheEndIsNotFound) {
  store(1);
  auto reader = open(1'000);
  EXPECT_TRUE(ends_not_found(*reader));
}

TEST_F(LogBrokerTest, AnAddedPartitionIsNeverTakenForOneThatLostItsRecords) {
  store(1);
  auto reader = open(0);
  ASSERT_EQ(read(*reader, 1).size(), 1U);
  create(4);
  auto added = log->open(ports::Topic::requests, Partition{3}, Offset{0}).value();
  const auto bounds = [&] { return added->bounds(5s); };
  EXPECT_TRUE(eventually([&] {
    const auto found = bounds();
    EXPECT_TRUE(found || found.error().kind == Error::Kind::unavailable) << found.error().message;
    return found.has_value();
  }));
}

TEST_F(LogBrokerTest, AddedPartitionsAreSeen) {
  EXPECT_EQ(log->partitions(ports::Topic::requests, admin_timeout).value(), 2);
  create(5);
  EXPECT_EQ(log->partitions(ports::Topic::requests, admin_timeout).value(), 5);
}

}  // namespace
}  // namespace openrun::kafka
