#include "topic_rules.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace openrun::kafka {
namespace {

using ::testing::HasSubstr;

TopicDescription good_topic(const TopicSettings& settings) {
  TopicDescription topic{.exists = true,
                         .partitions = settings.partitions,
                         .replicas = {},
                         .brokers = {1, 2, 3},
                         .configs = topic_configs_of(settings)};
  for (std::int32_t partition = 0; partition < settings.partitions; ++partition)
    for (std::int32_t broker = 1; broker <= settings.replication_factor; ++broker)
      topic.replicas[partition].push_back(broker);
  return topic;
}

// The findings that are wrong, each as a line.
std::vector<std::string> wrongs(const TopicDescription& topic, const TopicSettings& settings) {
  std::vector<std::string> out;
  for (const auto& finding : judge_topic("t", topic, settings))
    if (!finding.ok) out.push_back(finding.whole());
  return out;
}

TEST(TopicRules, ATopicAsOpenrunMakesItIsGood) {
  const TopicSettings settings;
  const auto findings = judge_topic("t", good_topic(settings), settings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_TRUE(findings[0].ok);
}

TEST(TopicRules, EverySettingThatLosesRequestsIsFoundWithTheWayToSetIt) {
  const TopicSettings settings;
  const std::vector<std::pair<std::string, std::string>> bad = {{"message.timestamp.type", "CreateTime"},
                                                                {"cleanup.policy", "compact"},
                                                                {"cleanup.policy", "compact,delete"},
                                                                {"retention.bytes", "1000000"},
                                                                {"max.message.bytes", "100000"},
                                                                {"unclean.leader.election.enable", "true"},
                                                                {"min.insync.replicas", "0"},
                                                                {"max.message.bytes", "many"}};
  for (const auto& [key, value] : bad) {
    auto topic = good_topic(settings);
    topic.configs[key] = value;
    const auto found = wrongs(topic, settings);
    ASSERT_EQ(found.size(), 1U) << key;
    EXPECT_THAT(found[0], HasSubstr(key + " is " + value));
    EXPECT_THAT(found[0], HasSubstr("--add-config " + key + "="));
  }
}

TEST(TopicRules, ASettingThatIsNotToldIsWrong) {
  const TopicSettings settings;
  for (const auto& [key, value] : topic_configs_of(settings)) {
    if (key == "retention.ms") continue;
    auto topic = good_topic(settings);
    topic.configs.erase(key);
    EXPECT_EQ(wrongs(topic, settings).size(), 1U) << key;
  }
}

TEST(TopicRules, ProductionNeedsThreeReplicasAndTwoInSync) {
  TopicSettings settings;
  settings.production = true;
  settings.replication_factor = 3;
  auto topic = good_topic(settings);
  const auto found = wrongs(topic, settings);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], HasSubstr("min.insync.replicas is 1 and must be at least 2"));
  settings.min_insync_replicas = 2;
  EXPECT_EQ(wrongs(good_topic(settings), settings).size(), 0U);
}

TEST(TopicRules, WhereReplicasAreMissingTheCommandAddsThemToThoseThatThereAre) {
  TopicSettings settings{.partitions = 3};
  auto topic = good_topic(settings);
  topic.replicas = {{0, {1}}, {1, {3}}, {2, {2, 1}}};
  topic.brokers = {1, 2, 3, 4};
  settings.production = true;
  EXPECT_THAT(wrongs(topic, settings),
              ::testing::ElementsAre(
                  "a partition has 1 replicas and must have at least 3 in production; mend it with: "
                  R"(echo '{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2,3]},)"
                  R"({"topic":"t","partition":1,"replicas":[3,2,4]},{"topic":"t","partition":2,"replicas":[2,1,3]}]}')"
                  R"( | kafka-reassign-partitions.sh --bootstrap-server "$OPENRUN_KAFKA" --execute )"
                  "--reassignment-json-file /dev/stdin"));
  topic.brokers = {1, 2};
  EXPECT_THAT(wrongs(topic, settings),
              ::testing::ElementsAre("a partition has 1 replicas and must have at least 3 in production; Kafka shows 2 "
                                     "brokers; mend it with: docs/configuration.md#what-must-be-set"));
}

TEST(TopicRules, MoreInSyncReplicasThanReplicasAreMendedInOneWay) {
  TopicSettings settings;
  settings.production = true;
  auto topic = good_topic(settings);
  topic.configs["min.insync.replicas"] = "2";
  auto found = wrongs(topic, settings);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], HasSubstr("3 in production: with min.insync.replicas 2 nothing can be appended"));
  EXPECT_THAT(found[0], HasSubstr("kafka-reassign-partitions.sh"));
  settings.production = false;
  found = wrongs(topic, settings);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], HasSubstr("a partition has 1 replicas: with min.insync.replicas 2 nothing can be appended"));
  EXPECT_THAT(found[0], HasSubstr("--add-config min.insync.replicas=1"));
  settings.min_insync_replicas = 2;
  found = wrongs(topic, settings);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0], HasSubstr("kafka-reassign-partitions.sh"));
}

TEST(TopicRules, MissingTopicsAndPartitionsNameTheCommandThatMakesThem) {
  TopicSettings settings;
  EXPECT_THAT(wrongs({}, settings), ::testing::ElementsAre(HasSubstr("openrun topics create")));
  auto topic = good_topic(settings);
  topic.partitions = 3;
  EXPECT_THAT(wrongs(topic, settings),
              ::testing::ElementsAre(HasSubstr("3 partitions of 4; mend it with: openrun topics create")));
}

TEST(TopicRules, AShorterRetentionIsAWarning) {
  const TopicSettings settings;
  auto topic = good_topic(settings);
  topic.configs["retention.ms"] = "1000";
  const auto findings = judge_topic("t", topic, settings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_TRUE(findings[1].ok);
  EXPECT_THAT(findings[1].text, HasSubstr("warning: retention.ms is 1000"));
  EXPECT_THAT(findings[1].fix, HasSubstr("--add-config retention.ms="));
}

TEST(TopicRules, ABrokerThatCreatesTopicsByItselfIsWrongAndASilentOneAWarning) {
  EXPECT_TRUE(judge_broker(1, ConfigMap{{"auto.create.topics.enable", "false"}}).ok);
  const auto wrong = judge_broker(1, ConfigMap{{"auto.create.topics.enable", "true"}});
  EXPECT_FALSE(wrong.ok);
  EXPECT_EQ(wrong.fix, R"(echo auto.create.topics.enable=false >>"$SERVER_PROPERTIES")");
  EXPECT_FALSE(judge_broker(1, ConfigMap{}).ok);
  const auto silent = judge_broker(1, fail(Error::Kind::internal, "not allowed"));
  EXPECT_TRUE(silent.ok);
  EXPECT_THAT(silent.text, HasSubstr("warning"));
}

}  // namespace
}  // namespace openrun::kafka
