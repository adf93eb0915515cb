// A lane whose thread takes one turn at a time, and whose appender counts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"
#include "gateway/waits/lanes.hpp"

namespace openrun::gateway {

// Runs one turn at a time: what is posted in it waits for the next.
class SlowThread final : public ports::IoThread {
 public:
  [[nodiscard]] std::size_t index() const override { return 0; }
  [[nodiscard]] std::size_t awake_connections() const override { return awake; }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  void after(std::int64_t delay_ms, std::function<void()> work) override {
    delays_ms.push_back(delay_ms);
    timers.push_back(std::move(work));
  }
  // False where nothing was to do.
  bool turn() {
    std::deque<std::function<void()>> now;
    now.swap(posted_);
    for (const auto& work : now) work();
    return !now.empty();
  }

  std::size_t awake = 0;
  std::vector<std::int64_t> delays_ms;
  std::vector<std::function<void()>> timers;  // a test runs them

 private:
  std::deque<std::function<void()>> posted_;
};

class CountingAppender final : public ports::LogAppender {
 public:
  Result<void> append(Partition partition, std::string_view key, std::string_view value, const ports::Headers& headers,
                      std::uint64_t token) override {
    if (refuses) return fail(Error::Kind::overloaded, "the queue is full");
    tokens.push_back(token);
    texts.push_back(std::to_string(partition.value) + " " + std::string(key) + "=" + std::string(value) +
                    (headers.empty() ? "" : " " + headers.front().second));
    return {};
  }
  void send_now() override { sent_at.push_back(tokens.size()); }
  bool flush(std::chrono::milliseconds) override { return true; }
  [[nodiscard]] std::chrono::milliseconds oldest_unacknowledged() const override { return {}; }

  std::vector<std::uint64_t> tokens;
  std::vector<std::size_t> sent_at;  // how many had been appended each time
  std::vector<std::string> texts;
  bool refuses = false;
};

struct Told {
  std::size_t stored = 0;
  std::size_t not_stored = 0;
  std::size_t decided = 0;
  std::int64_t stored_us = 0;
  std::int64_t decided_us = 0;
};

class Wish final : public Submission {
 public:
  explicit Wish(Told& told) : told_(told) {}
  void stored(std::unique_ptr<Submission>, Partition, Offset, std::int64_t now_us) override {
    ++told_.stored;
    told_.stored_us = now_us;
  }
  void not_stored(Error::Kind) override { ++told_.not_stored; }
  void decided(const Found&, std::int64_t now_us) override {
    ++told_.decided;
    told_.decided_us = now_us;
  }
  void expired() override {}

 private:
  Told& told_;
};

class LaneTest : public ::testing::Test {
 protected:
  static constexpr Partition p{0};
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

  void append(std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) {
      lane.append(appender, p, "1", "v", std::nullopt, std::make_unique<Wish>(told));
    }
  }
  // So many calls come for so many partitions in turn, and are over.
  void meet(std::int32_t partitions, std::size_t calls) {
    io.awake = 1'000'000;
    appender.refuses = true;
    for (std::size_t i = 0; i < calls; ++i) {
      const Partition partition{static_cast<std::int32_t>(i) % partitions};
      lane.append(appender, partition, "1", "v", std::nullopt, std::make_unique<Wish>(told));
    }
    for (std::size_t i = 0; i < io.timers.size(); ++i) io.timers[i]();
    appender.refuses = false;
    appender.sent_at.clear();
    io.timers.clear();
    io.delays_ms.clear();
    clock.advance_ms(1);
  }
  // So many wait for their outcome, and the timers are those of what comes next.
  void hold(std::size_t waits) {
    for (std::size_t i = 0; i < waits; ++i) {
      lane.hold(p, Offset{static_cast<std::int64_t>(i)}, 1, std::make_unique<Wish>(told), clock.monotonic_us(),
                clock.monotonic_us() + 10'000'000);
    }
    io.timers.clear();
    io.delays_ms.clear();
  }

  testing::FakeClock clock;
  ResultsWindow window{1'024};
  SlowThread io;
  Lane lane{io, window, clock};
  CountingAppender appender;
  Told told;
};

}  // namespace openrun::gateway
