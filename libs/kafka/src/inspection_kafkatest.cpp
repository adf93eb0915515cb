#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include <openrun/kafka/inspection.hpp>

#include "broker_fixture.hpp"

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;
using testing::admin_timeout;
using testing::eventually;

// A member that is polled until it is destroyed.
class Joined {
 public:
  Joined(const Options& options, const std::string& group, ports::Logger& logger)
      : membership_(make_membership(options, ports::Topic::requests, group, {}, logger).value()),
        thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) membership_->poll(50ms);
          membership_->leave();
        }) {}

 private:
  std::unique_ptr<ports::Membership> membership_;
  std::jthread thread_;
};

class InspectionBrokerTest : public testing::BrokerTest {
 protected:
  ports::LogState inspect() {
    auto state = inspect_log(options, {{prefix, ports::Topic::requests}}, admin_timeout);
    EXPECT_TRUE(state) << state.error().message;
    return state.value_or(ports::LogState{});
  }
  ports::GroupState group() {
    auto state = inspect().groups.at(prefix);
    EXPECT_TRUE(state) << state.error().message;
    return state.value_or(ports::GroupState{});
  }
};

TEST_F(InspectionBrokerTest, EachPartitionTellsItsLeaderItsReplicasAndItsBounds) {
  create(3);
  store(5, Partition{1});
  delete_records_before(name_of(ports::Topic::requests), 1, 2);
  const auto state = inspect();
  const auto& requests = state.topics.at(ports::Topic::requests).value();
  ASSERT_EQ(requests.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const auto& one = requests[static_cast<std::size_t>(i)];
    EXPECT_EQ(one.partition, Partition{i});
    EXPECT_TRUE(one.has_leader);
    EXPECT_EQ(one.replicas, 1);
    EXPECT_EQ(one.in_sync, 1);
    ASSERT_TRUE(one.bounds);
    EXPECT_EQ(one.bounds->begin, Offset{i == 1 ? 2 : 0});
    EXPECT_EQ(one.bounds->end, Offset{i == 1 ? 5 : 0});
  }
  ASSERT_EQ(state.topics.at(ports::Topic::results)->size(), 3U);
  EXPECT_FALSE(state.topics.at(ports::Topic::results)->front().bounds);
}

TEST_F(InspectionBrokerTest, ATopicThatIsMissingIsNotFoundAndTheOthersAreTold) {
  create(1);
  delete_topic(name_of(ports::Topic::dead_letters));
  ASSERT_TRUE(eventually([&] { return !inspect().topics.at(ports::Topic::dead_letters); }));
  const auto state = inspect();
  EXPECT_EQ(state.topics.at(ports::Topic::dead_letters).error().kind, Error::Kind::not_found);
  EXPECT_TRUE(state.topics.at(ports::Topic::requests));
}

TEST_F(InspectionBrokerTest, AGroupTellsItsMembersByTheirInstanceIdsAndWhatEachHolds) {
  create(2);
  EXPECT_TRUE(group().members.empty());
  auto first = options;
  first.instance_id = "first";
  auto second = options;
  second.instance_id = "second";
  const Joined one(first, prefix, logger);
  ASSERT_TRUE(eventually([&] {
    const auto told = group();
    return told.is_stable && told.members.size() == 1 && told.members[0].partitions.size() == 2;
  }));
  EXPECT_EQ(group().members[0].name, "first");
  EXPECT_FALSE(group().members[0].host.empty());
  const Joined two(second, prefix, logger);
  ASSERT_TRUE(eventually([&] {
    const auto told = group();
    return told.is_stable && told.members.size() == 2 && told.members[0].partitions.size() == 1 &&
           told.members[1].partitions.size() == 1;
  }));
  const Joined three(options, prefix, logger);
  EXPECT_TRUE(eventually([&] {
    const auto told = group();
    return told.is_stable && told.members.size() == 3;
  })) << "one that stands by is a member without partitions";
}

TEST_F(InspectionBrokerTest, ABrokerThatIsNotThereIsUnavailable) {
  auto nowhere = options;
  nowhere.brokers = "127.0.0.1:1";
  const auto state = inspect_log(nowhere, {}, 500ms);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().kind, Error::Kind::unavailable);
  options.topics.clear();
}

}  // namespace
}  // namespace openrun::kafka
