#include <optional>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/kafka/kafka.hpp>

#include "testing.hpp"

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;
using ports::Delivery;
using testing::Deliveries;
using testing::eventually;
using testing::MockCluster;

class AppenderTest : public ::testing::Test {
 protected:
  void start(const Options& options) {
    auto made = make_appender(options, ports::Topic::requests, deliveries.collector(), logger);
    ASSERT_TRUE(made) << made.error().message;
    appender = std::move(*made);
  }
  // The producer has its connections and its producer id, so that what follows tests one thing alone.
  void start_and_warm_up(const Options& options) {
    start(options);
    ASSERT_TRUE(append(0, 0));
    ASSERT_EQ(deliveries.wait_for(1).size(), 1U);
    ASSERT_EQ(deliveries.wait_for(1)[0].fate, Delivery::Fate::stored);
  }
  Result<void> append(std::uint64_t token, std::int32_t partition, std::string_view value = "value") {
    return appender->append(Partition{partition}, "7", value, {}, token);
  }
  std::optional<Error::Kind> refusal(std::uint64_t token, std::int32_t partition = 0,
                                     std::string_view value = "value") {
    const auto done = append(token, partition, value);
    return done ? std::nullopt : std::optional(done.error().kind);
  }

  MockCluster cluster;
  ports::testing::RecordingLogger logger;
  Deliveries deliveries;
  std::unique_ptr<ports::LogAppender> appender;
};

TEST_F(AppenderTest, AStoredRecordIsDeliveredWithItsTokenPartitionAndOffset) {
  start(cluster.options());
  for (std::uint64_t token = 100; token < 103; ++token) ASSERT_TRUE(append(token, 1));
  const auto got = deliveries.wait_for(3);
  ASSERT_EQ(got.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(got[i].token, 100 + i);
    EXPECT_EQ(got[i].fate, Delivery::Fate::stored);
    EXPECT_EQ(got[i].partition, Partition{1});
    EXPECT_EQ(got[i].offset, Offset{static_cast<std::int64_t>(i)});
  }
  EXPECT_TRUE(appender->flush(10s));
  EXPECT_EQ(appender->oldest_unacknowledged(), 0ms);
}

TEST_F(AppenderTest, WhatIsSentNowIsNotCollectedFor) {
  Options options = cluster.options();
  options.linger = 15min;
  options.delivery_timeout = 30min;
  start(options);
  // Said again until it is heard: before the first connection there is nobody to hear of it, and on a busy machine
  // librdkafka's thread may wake up too late.
  const auto are_sent = [this](std::size_t count) {
    return eventually([&] {
      appender->send_now();
      return deliveries.wait_for(count, 10ms).size() == count;
    });
  };
  for (std::uint64_t token = 0; token < 3; ++token) ASSERT_TRUE(append(token, 0));
  ASSERT_TRUE(are_sent(3));
  for (std::uint64_t token = 3; token < 6; ++token) ASSERT_TRUE(append(token, 0));
  EXPECT_TRUE(are_sent(6));
}

TEST_F(AppenderTest, ATokenKeepsAllItsBits) {
  start(cluster.options());
  ASSERT_TRUE(append(0xfedc'ba98'7654'3210U, 0));
  ASSERT_EQ(deliveries.wait_for(1).size(), 1U);
  EXPECT_EQ(deliveries.wait_for(1)[0].token, 0xfedc'ba98'7654'3210U);
}

TEST_F(AppenderTest, AppendsFromSeveralThreadsHaveOneDeliveryEach) {
  constexpr std::uint64_t threads_count = 4;
  constexpr std::uint64_t each = 500;
  start(cluster.options());
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < threads_count; ++thread)
      threads.emplace_back([this, thread] {
        for (std::uint64_t i = 0; i < each; ++i) {
          EXPECT_TRUE(append(thread * each + i, static_cast<std::int32_t>(i % 2)));
          EXPECT_LT(appender->oldest_unacknowledged(), 60s);
        }
      });
  }
  ASSERT_TRUE(appender->flush(20s));
  std::set<std::uint64_t> tokens;
  for (const auto& delivery : deliveries.wait_for(threads_count * each, 0ms)) {
    EXPECT_EQ(delivery.fate, Delivery::Fate::stored);
    EXPECT_TRUE(tokens.insert(delivery.token).second);
  }
  EXPECT_EQ(tokens.size(), threads_count * each);
}

TEST_F(AppenderTest, MoreRecordsThanTheQueueHoldsAreOverload) {
  cluster.answer_after(2s);
  auto options = cluster.options();
  options.queue_records_max = 10;
  start(options);
  for (std::uint64_t token = 0; token < 10; ++token) ASSERT_TRUE(append(token, 0));
  EXPECT_EQ(refusal(10), Error::Kind::overloaded);
}

TEST_F(AppenderTest, MoreBytesThanTheQueueHoldsAreOverload) {
  cluster.answer_after(2s);
  auto options = cluster.options();
  options.queue_bytes_max = 64 * 1024;
  start(options);
  const std::string value(16 * 1024, 'x');
  std::optional<Error::Kind> refused;
  for (std::uint64_t token = 0; token < 6 && !refused; ++token) refused = refusal(token, 0, value);
  EXPECT_EQ(refused, Error::Kind::overloaded);
}

TEST_F(AppenderTest, ARecordAboveTheLimitIsInvalidAndHasNoDelivery) {
  start(cluster.options());
  EXPECT_EQ(refusal(1, 0, std::string(3 * 1024 * 1024, 'x')), Error::Kind::invalid);
  EXPECT_EQ(refusal(2, -1), Error::Kind::invalid);
  EXPECT_TRUE(appender->flush(0ms));
}

TEST_F(AppenderTest, APartitionThatDoesNotExistIsRefusedOrFails) {
  start_and_warm_up(cluster.options());
  const auto refused = refusal(1, 99);
  EXPECT_EQ(refused, Error::Kind::not_found);
}

TEST_F(AppenderTest, WhatTheBrokerRefusesForGoodFails) {
  start_and_warm_up(cluster.options());
  cluster.answer_with(MockCluster::api_produce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  ASSERT_TRUE(append(1, 0));
  const auto got = deliveries.wait_for(2);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].fate, Delivery::Fate::failed);
}

TEST_F(AppenderTest, ARepeatedSequenceNumberHasNoOffsetAndIsUnknown) {
  start_and_warm_up(cluster.options());
  cluster.answer_with(MockCluster::api_produce, {RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER});
  ASSERT_TRUE(append(1, 0));
  const auto got = deliveries.wait_for(2);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].fate, Delivery::Fate::unknown);
}

TEST_F(AppenderTest, WhatWasSentAndNotAnsweredInTimeIsUnknown) {
  auto options = cluster.options();
  options.delivery_timeout = 1'000ms;
  start_and_warm_up(options);
  cluster.answer_after(20s);
  ASSERT_TRUE(append(1, 0));
  EXPECT_TRUE(eventually([&] { return appender->oldest_unacknowledged() > 100ms; }));
  EXPECT_FALSE(appender->flush(50ms));
  const auto got = deliveries.wait_for(2);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].fate, Delivery::Fate::unknown);
}

TEST_F(AppenderTest, WhatNeverLeftTheProcessFails) {
  cluster.down();
  auto options = cluster.options();
  options.delivery_timeout = 1'000ms;
  start(options);
  ASSERT_TRUE(append(1, 0));
  const auto got = deliveries.wait_for(1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].fate, Delivery::Fate::failed);
}

TEST_F(AppenderTest, AppendsAreRefusedAtOnceWhileNoBrokerIsThereAndGoOnByThemselvesAfterwards) {
  start_and_warm_up(cluster.options());
  cluster.down();
  std::uint64_t accepted = 1;
  ASSERT_TRUE(eventually([&] {
    const auto refused = refusal(accepted);
    if (!refused) ++accepted;
    return refused == Error::Kind::unavailable;
  }));
  EXPECT_LT(appender->oldest_unacknowledged(), 1'900ms);  // by the lost connection, not by the stall that follows
  cluster.up();
  // Every append that was let through is stored, and the gate opens without anybody's help.
  ASSERT_TRUE(eventually([&] {
    const bool both = !refusal(accepted) && !refusal(accepted + 1);
    if (both) accepted += 2;
    return both;
  }));
  EXPECT_TRUE(appender->flush(10s));
  EXPECT_GE(deliveries.wait_for(accepted).size(), accepted);
}

TEST_F(AppenderTest, AnIdleAppenderLearnsByItselfThatTheBrokersAreBack) {
  start_and_warm_up(cluster.options());
  cluster.down();
  ASSERT_TRUE(eventually([&] { return logger.messages_with("no broker of the log is connected") > 0; }));
  cluster.up();
  ASSERT_TRUE(eventually([&] { return logger.messages_with("the log is connected again") > 0; }));
  EXPECT_TRUE(append(1, 0));
  EXPECT_TRUE(append(2, 0));
}

TEST_F(AppenderTest, AStalledPartitionIsRefusedWhileTheOthersGoOn) {
  auto options = cluster.options();
  options.delivery_timeout = 1'200ms;
  start_and_warm_up(options);
  cluster.answer_after(20s);
  ASSERT_TRUE(append(1, 0));
  ASSERT_TRUE(eventually([&] { return appender->oldest_unacknowledged() > 650ms; }));
  EXPECT_FALSE(refusal(2, 0));  // the probe
  EXPECT_EQ(refusal(3, 0), Error::Kind::unavailable);
  EXPECT_FALSE(refusal(4, 1));
}

TEST_F(AppenderTest, AfterAFatalErrorANewProducerTakesOver) {
  start_and_warm_up(cluster.options());
  cluster.answer_with(MockCluster::api_produce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  ASSERT_TRUE(append(1, 0));
  auto got = deliveries.wait_for(2);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].fate, Delivery::Fate::unknown);
  ASSERT_TRUE(eventually([&] { return logger.messages_with("fatal error") > 0; }));
  ASSERT_TRUE(eventually([&] { return !refusal(2); }));
  ASSERT_TRUE(appender->flush(10s));
  got = deliveries.wait_for(3);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[2].token, 2U);
  EXPECT_EQ(got[2].fate, Delivery::Fate::stored);
}

TEST_F(AppenderTest, EveryAppendHasItsDeliveryWhenTheAppenderEnds) {
  cluster.answer_after(20s);
  start(cluster.options());
  for (std::uint64_t token = 0; token < 50; ++token) ASSERT_TRUE(append(token, static_cast<std::int32_t>(token % 2)));
  appender.reset();
  const auto got = deliveries.wait_for(50, 0ms);
  ASSERT_EQ(got.size(), 50U);
  for (const auto& delivery : got) EXPECT_NE(delivery.fate, Delivery::Fate::stored);
}

TEST_F(AppenderTest, SettingsThatThePortPromisesCannotBeOverridden) {
  auto options = cluster.options();
  options.extra = {{"acks", "1"}};
  const auto made = make_appender(options, ports::Topic::requests, deliveries.collector(), logger);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Error::Kind::invalid);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("kafka.librdkafka.acks"));
}

TEST_F(AppenderTest, AnUnknownSettingIsNamed) {
  auto options = cluster.options();
  options.extra = {{"no.such.setting", "1"}};
  const auto made = make_appender(options, ports::Topic::requests, deliveries.collector(), logger);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("no.such.setting"));
}

TEST_F(AppenderTest, ATopicWithoutANameIsInvalid) {
  auto options = cluster.options();
  options.topics.clear();
  const auto made = make_appender(options, ports::Topic::requests, deliveries.collector(), logger);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Error::Kind::invalid);
}

}  // namespace
}  // namespace openrun::kafka
