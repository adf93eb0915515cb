#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/sim/producer.hpp>

namespace openrun::sim {
namespace {

constexpr auto results = ports::Topic::results;
using Fate = ports::Delivery::Fate;

class SimProducer : public ::testing::Test {
 protected:
  void append(std::uint64_t token) {
    accepted = producer->append(Partition{0}, "k", std::to_string(token), {}, token).has_value();
  }
  void run() {
    while (scheduler.step()) continue;
  }
  [[nodiscard]] std::size_t stored() const { return broker.records(results, Partition{0}).size(); }

  Scheduler scheduler;
  Broker broker{scheduler, 1};
  ProduceFate fate;
  std::vector<ports::Delivery> deliveries;
  bool accepted = false;
  std::unique_ptr<Producer> producer = std::make_unique<Producer>(
      scheduler, broker, results, [this] { return fate; },
      [this](const ports::Delivery& delivery) { deliveries.push_back(delivery); });
};

TEST_F(SimProducer, StoresInOrderAndTellsThePlace) {
  fate.arrives_after_us = 5'000;
  append(1);
  fate.arrives_after_us = 10;
  append(2);
  run();
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[0].token, 1U);
  EXPECT_EQ(deliveries[1].offset, Offset{1});
  EXPECT_EQ(broker.records(results, Partition{0}).at(0).value, "1");
}

TEST_F(SimProducer, EachFateIsToldAsTheProducerWouldKnowIt) {
  fate.dropped = true;
  append(1);
  fate.told = false;
  append(2);
  fate.dropped = false;
  append(3);
  run();
  ASSERT_EQ(deliveries.size(), 3U);
  EXPECT_EQ(deliveries[0].fate, Fate::failed);
  EXPECT_EQ(deliveries[1].fate, Fate::unknown);
  EXPECT_EQ(deliveries[2].fate, Fate::unknown);
  EXPECT_EQ(stored(), 1U);
  fate = {.refused = true};
  append(4);
  EXPECT_FALSE(accepted);
  fate = {.told_twice = true};
  append(5);
  run();
  EXPECT_EQ(deliveries.size(), 5U);
}

TEST_F(SimProducer, TriesAgainWhileTheBrokerIsAwayAndThenDoesNotKnow) {
  broker.set_available(false);
  append(1);
  scheduler.run_until(1'000'000);
  EXPECT_TRUE(deliveries.empty());
  broker.set_available(true);
  run();
  EXPECT_EQ(deliveries.at(0).fate, Fate::stored);
  broker.set_available(false);
  append(2);
  run();
  EXPECT_EQ(deliveries.at(1).fate, Fate::unknown);
}

TEST_F(SimProducer, WhatIsStoredTwiceIsToldOnceAsTheSecond) {
  fate = {.stored_twice = true};
  append(1);
  run();
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].fate, Fate::stored);
  EXPECT_EQ(deliveries[0].offset, Offset{1});
  EXPECT_EQ(stored(), 2U);
}

TEST_F(SimProducer, WhatWasSentArrivesWithoutItsSender) {
  append(1);
  producer.reset();
  run();
  EXPECT_EQ(stored(), 1U);
  EXPECT_TRUE(deliveries.empty());
}

}  // namespace
}  // namespace openrun::sim
