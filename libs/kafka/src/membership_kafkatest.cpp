#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "broker_fixture.hpp"

namespace openrun::kafka {
namespace {

using namespace std::chrono_literals;
using testing::eventually;

// A member with a thread of its own that polls, as the issuer has.
class Polled {
 public:
  Polled(const Options& options, const std::string& group, ports::Logger& logger) {
    ports::Membership::Callbacks callbacks;
    callbacks.assigned = [this](std::span<const Partition> given) { change(given, true, "assigned"); };
    callbacks.revoked = [this](std::span<const Partition> taken) { change(taken, false, "revoked"); };
    callbacks.lost = [this](std::span<const Partition> taken) { change(taken, false, "lost"); };
    membership_ = make_membership(options, ports::Topic::requests, group, std::move(callbacks), logger).value();
    thread_ = std::thread([this] {
      while (!stopping_) {
        std::unique_lock frozen(frozen_);
        membership_->poll(50ms);
      }
      if (leaving_) membership_->leave();
    });
  }
  ~Polled() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void leave() {
    leaving_ = true;
    stopping_ = true;
    thread_.join();
  }
  std::set<std::int32_t> held() {
    std::lock_guard lock(mutex_);
    return held_;
  }
  bool saw(const std::string& event) {
    std::lock_guard lock(mutex_);
    return events_.contains(event);
  }

 private:
  void change(std::span<const Partition> partitions, bool given, const char* event) {
    std::lock_guard lock(mutex_);
    events_.insert(event);
    for (const auto partition : partitions) {
      if (given)
        held_.insert(partition.value);
      else
        held_.erase(partition.value);
    }
  }

  std::mutex mutex_;
  std::mutex frozen_;
  std::set<std::int32_t> held_;
  std::set<std::string> events_;
  std::unique_ptr<ports::Membership> membership_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> leaving_{false};
  std::thread thread_;
};

using Set = std::set<std::int32_t>;

class MembershipBrokerTest : public testing::BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    if (!IsSkipped()) create(4);
  }
};

TEST_F(MembershipBrokerTest, OneMemberHoldsEverything) {
  Polled one(options, prefix, logger);
  EXPECT_TRUE(eventually([&] { return one.held() == Set{0, 1, 2, 3}; }));
}

TEST_F(MembershipBrokerTest, TwoMembersShareAndTheOneThatLeavesGivesItsShareBackAtOnce) {
  Polled one(options, prefix, logger);
  ASSERT_TRUE(eventually([&] { return one.held().size() == 4; }));
  Polled two(options, prefix, logger);
  ASSERT_TRUE(eventually([&] { return one.held().size() == 2 && two.held().size() == 2; }));
  auto all = one.held();
  all.merge(two.held());
  EXPECT_EQ(all, (Set{0, 1, 2, 3}));
  EXPECT_TRUE(one.saw("revoked"));
  EXPECT_FALSE(one.saw("lost"));

  two.leave();
  EXPECT_TRUE(two.saw("revoked"));
  EXPECT_TRUE(two.held().empty());
  EXPECT_TRUE(eventually([&] { return one.held().size() == 4; }));
}

TEST_F(MembershipBrokerTest, AMemberThatDiesIsReplacedAfterItsSession) {
  auto one = std::make_unique<Polled>(options, prefix, logger);
  ASSERT_TRUE(eventually([&] { return one->held().size() == 4; }));
  auto doomed = options;
  doomed.instance_id = prefix + "-doomed";  // a static member is not taken out of the group when it goes
  {
    Polled two(doomed, prefix, logger);
    ASSERT_TRUE(eventually([&] { return two.held().size() == 2; }));
  }
  EXPECT_TRUE(eventually([&] { return one->held().size() == 4; }));
}

TEST_F(MembershipBrokerTest, AStaticMemberThatComesBackKeepsItsShare) {
  auto first = options;
  first.instance_id = prefix + "-first";
  auto second = options;
  second.instance_id = prefix + "-second";
  second.session_timeout = 30s;
  Polled one(first, prefix, logger);
  Set share;
  {
    Polled two(second, prefix, logger);
    ASSERT_TRUE(eventually([&] { return two.held().size() == 2 && one.held().size() == 2; }));
    share = two.held();
  }
  Polled again(second, prefix, logger);
  ASSERT_TRUE(eventually([&] { return again.held().size() == 2; }));
  EXPECT_EQ(again.held(), share);
}

TEST_F(MembershipBrokerTest, OfTwoWithTheSameInstanceIdTheOlderLosesItsPartitions) {
  auto same = options;
  same.instance_id = prefix + "-same";
  same.session_timeout = 6s;
  Polled one(same, prefix, logger);
  ASSERT_TRUE(eventually([&] { return one.held().size() == 4; }));
  Polled two(same, prefix, logger);
  EXPECT_TRUE(eventually([&] { return one.saw("lost"); }));
  EXPECT_GT(logger.messages_with("refused this member for good"), 0U);
}

TEST_F(MembershipBrokerTest, ANewPartitionIsHandedOut) {
  options.extra = {{"topic.metadata.refresh.interval.ms", "500"}};
  Polled one(options, prefix, logger);
  ASSERT_TRUE(eventually([&] { return one.held().size() == 4; }));
  create(5);
  EXPECT_TRUE(eventually([&] { return one.held() == Set{0, 1, 2, 3, 4}; }));
}

}  // namespace
}  // namespace openrun::kafka
