#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/sim/stream.hpp>

namespace openrun::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SimStream : public ::testing::Test {
 protected:
  void run() {
    while (scheduler.step()) continue;
  }
  void invite() {
    listener->invited(broadcaster->invitation());
    run();
  }

  Scheduler scheduler;
  StreamFate fate;
  Stream stream{scheduler, [this] { return fate; }};
  std::vector<std::string> heard;
  std::unique_ptr<ports::Broadcaster> broadcaster = stream.make_broadcaster();
  std::unique_ptr<ports::Listener> listener =
      stream.make_listener([this](std::string_view message) { heard.emplace_back(message); });
};

TEST_F(SimStream, WhoWasInvitedHearsInTheOrderOfSending) {
  broadcaster->send("nobody listens");
  invite();
  invite();
  fate.arrives_after_us = 5'000;
  broadcaster->send("1");
  fate.arrives_after_us = 10;
  fate.twice = true;
  broadcaster->send("2");
  run();
  EXPECT_THAT(heard, ElementsAre("1", "2", "2"));
}

TEST_F(SimStream, TwoBroadcastersAreHeardInAnyOrder) {
  const auto other = stream.make_broadcaster();
  invite();
  listener->invited(other->invitation());
  run();
  fate.arrives_after_us = 5'000;
  broadcaster->send("1");
  fate.arrives_after_us = 10;
  other->send("2");
  run();
  EXPECT_THAT(heard, ElementsAre("2", "1"));
}

TEST_F(SimStream, WhatIsCutStaysSilentUntilItIsInvitedAWhileLater) {
  invite();
  fate.cut = true;
  broadcaster->send("1");
  fate.cut = false;
  broadcaster->send("2");
  invite();
  broadcaster->send("3");
  run();
  EXPECT_THAT(heard, IsEmpty());
  scheduler.run_until(scheduler.now_us() + Stream::retry_us);
  invite();
  broadcaster->send("4");
  stream.cut();
  broadcaster->send("5");
  run();
  EXPECT_THAT(heard, ElementsAre("4"));
}

TEST_F(SimStream, WhatWasSentArrivesWhenItsBroadcasterIsGone) {
  invite();
  broadcaster->send("1");
  const std::string invitation = broadcaster->invitation();
  broadcaster = stream.make_broadcaster();
  run();
  scheduler.run_until(scheduler.now_us() + Stream::retry_us);
  listener->invited(invitation);
  run();
  broadcaster->send("2");
  run();
  EXPECT_THAT(heard, ElementsAre("1"));
}

TEST_F(SimStream, AListenerThatIsGoneHearsNothing) {
  invite();
  broadcaster->send("1");
  listener.reset();
  run();
  broadcaster->send("2");
  run();
  EXPECT_THAT(heard, IsEmpty());
}

}  // namespace
}  // namespace openrun::sim
