#include "gateway/waits/lanes.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

constexpr Partition p{0};
constexpr std::size_t a_turn = Lane::answers_a_turn_max;

// Runs one turn at a time: what is posted in it waits for the next.
class SlowThread final : public ports::IoThread {
 public:
  [[nodiscard]] std::size_t index() const override { return 0; }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  void after(std::int64_t, std::function<void()>) override {}
  // False where nothing was to do.
  bool turn() {
    std::deque<std::function<void()>> now;
    now.swap(posted_);
    for (const auto& work : now) work();
    return !now.empty();
  }

 private:
  std::deque<std::function<void()>> posted_;
};

class CountingAppender final : public ports::LogAppender {
 public:
  Result<void> append(Partition, std::string_view, std::string_view, const ports::Headers&,
                      std::uint64_t token) override {
    tokens.push_back(token);
    return {};
  }
  bool flush(std::chrono::milliseconds) override { return true; }
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override { return {}; }

  std::vector<std::uint64_t> tokens;
};

struct Told {
  std::size_t stored = 0;
  std::size_t decided = 0;
};

class Wish final : public Submission {
 public:
  explicit Wish(Told& told) : told_(told) {}
  void stored(std::unique_ptr<Submission>, Partition, Offset) override { ++told_.stored; }
  void not_stored(Error::Kind) override {}
  void decided(const Found&) override { ++told_.decided; }
  void expired() override {}

 private:
  Told& told_;
};

class LaneTest : public ::testing::Test {
 protected:
  void publish(std::int64_t first, std::int64_t last) {
    wire::ResultBatch batch;
    batch.partition = p;
    batch.first_offset = Offset{first};
    batch.last_offset = Offset{last};
    for (std::int64_t offset = first; offset <= last; ++offset) {
      batch.entries.push_back({Offset{offset}, issuance::Outcome::sold_out, 1, CampaignId{1}, {}, {}, 0});
    }
    window.apply(batch, clock.monotonic_us());
    lane.applied(p, Offset{first}, Offset{last});
  }

  testing::FakeClock clock;
  ResultsWindow window{1'024};
  SlowThread io;
  Lane lane{io, window, clock};
  CountingAppender appender;
  Told told;
};

TEST_F(LaneTest, ATurnTellsSoManyDeliveriesAndTheNextTurnsTheRest) {
  const std::size_t all = 2 * a_turn + 3;
  for (std::size_t i = 0; i < all; ++i) lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
  std::vector<ports::Delivery> deliveries;
  for (const std::uint64_t token : appender.tokens) {
    deliveries.push_back({.token = token, .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}});
  }
  lane.deliver({deliveries.data(), all - 1});
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored, a_turn);
  lane.deliver({&deliveries.back(), 1});  // comes while the others are told
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.stored, 2 * a_turn);
  EXPECT_EQ(lane.pending(), 3);
  while (io.turn()) continue;
  EXPECT_EQ(told.stored, all);
  lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
  const ports::Delivery late{
      .token = appender.tokens.back(), .fate = ports::Delivery::Fate::stored, .partition = p, .offset = Offset{0}};
  lane.deliver({&late, 1});
  EXPECT_TRUE(io.turn()) << "it is posted again";
  EXPECT_EQ(told.stored, all + 1);
}

TEST_F(LaneTest, ATurnTellsSoManyOutcomesAndTheNextTurnsTheRest) {
  const std::size_t all = 2 * a_turn + 3;
  for (std::size_t i = 0; i < all; ++i) {
    lane.hold(p, Offset{static_cast<std::int64_t>(i)}, 1, std::make_unique<Wish>(told),
              clock.monotonic_us() + 10'000'000);
  }
  publish(0, static_cast<std::int64_t>(a_turn));
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn);
  publish(static_cast<std::int64_t>(a_turn) + 1, static_cast<std::int64_t>(all) - 1);
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, a_turn + 1) << "what was begun comes first";
  EXPECT_TRUE(io.turn());
  EXPECT_EQ(told.decided, 2 * a_turn + 1);
  while (io.turn()) continue;
  EXPECT_EQ(told.decided, all);
}

}  // namespace
}  // namespace openrun::gateway
