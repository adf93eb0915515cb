#include <algorithm>

#include <gmock/gmock.h>

#include "broker_fixture.hpp"

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;
using testing::admin_timeout;
using ::testing::HasSubstr;

class TopicsBrokerTest : public testing::BrokerTest {
 protected:
  std::vector<std::string> wrongs(const TopicSettings& settings) {
    std::vector<std::string> out;
    const auto findings = check_topics(options, settings, admin_timeout);
    EXPECT_TRUE(findings) << findings.error().message;
    if (findings)
      for (const auto& finding : *findings)
        if (!finding.ok) out.push_back(finding.topic + ": " + finding.whole());
    return out;
  }
};

TEST_F(TopicsBrokerTest, WhatIsMissingIsToldThenMadeThenGood) {
  const TopicSettings settings{.partitions = 3};
  EXPECT_EQ(wrongs(settings).size(), 3U);
  const auto made = create_topics(options, settings, admin_timeout);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 3U);
  EXPECT_EQ(made->front().topic, name_of(ports::Topic::results));
  EXPECT_EQ(made->back().topic, name_of(ports::Topic::requests));
  EXPECT_EQ(made->back().text, "created with 3 partitions");
  EXPECT_THAT(wrongs(settings), ::testing::IsEmpty());
}

TEST_F(TopicsBrokerTest, CreatingTwiceChangesNothingAndGrowingAddsPartitions) {
  create(2);
  auto again = create_topics(options, {.partitions = 2}, admin_timeout).value();
  for (const auto& finding : again) EXPECT_EQ(finding.text, "is there with 2 partitions");
  again = create_topics(options, {.partitions = 4}, admin_timeout).value();
  for (const auto& finding : again) EXPECT_EQ(finding.text, "grown from 2 to 4 partitions");
  again = create_topics(options, {.partitions = 3}, admin_timeout).value();
  for (const auto& finding : again) EXPECT_EQ(finding.text, "is there with 4 partitions");
  EXPECT_THAT(wrongs({.partitions = 4}), ::testing::IsEmpty());
}

TEST_F(TopicsBrokerTest, AChangedSettingIsFoundAndCreateLeavesItAlone) {
  create(2);
  alter_topic(name_of(ports::Topic::requests), "message.timestamp.type", "CreateTime");
  const auto found = wrongs({.partitions = 2});
  ASSERT_FALSE(found.empty());
  EXPECT_THAT(found[0], HasSubstr("message.timestamp.type is CreateTime"));
  create(2);
  EXPECT_FALSE(wrongs({.partitions = 2}).empty());
}

TEST_F(TopicsBrokerTest, ProductionIsNotSatisfiedWithOneBroker) {
  create(2);
  const auto found = wrongs({.partitions = 2, .production = true});
  ASSERT_EQ(found.size(), 3U);
  for (const auto& one : found) EXPECT_THAT(one, HasSubstr("at least 3 in production; Kafka shows 1 brokers"));
}

TEST_F(TopicsBrokerTest, MoreReplicasThanBrokersAreRefusedWithTheReason) {
  const auto made = create_topics(options, {.partitions = 1, .replication_factor = 3}, admin_timeout);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("replication"));
  options.topics.clear();
}

TEST_F(TopicsBrokerTest, ABrokerThatIsNotThereIsUnavailable) {
  auto nowhere = options;
  nowhere.brokers = "127.0.0.1:1";
  const auto found = check_topics(nowhere, {}, 500ms);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Error::Kind::unavailable);
  options.topics.clear();
}

}  // namespace
}  // namespace openrun::kafka
