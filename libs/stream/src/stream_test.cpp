// A broadcaster and listeners that are both ours.
#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/recording.hpp>
#include <openrun/stream/stream.hpp>

#include "testing/sockets.hpp"

namespace openrun::stream {
namespace {

using ports::testing::RecordingLogger;
using ports::testing::RecordingMetrics;
using testing::becomes;
using ::testing::ElementsAre;
using testing::Heard;

class Streams : public ::testing::Test {
 protected:
  std::unique_ptr<ports::Broadcaster> broadcaster() {
    BroadcastOptions options;
    options.greeting_timeout = testing::never;
    auto made = make_broadcaster(options, logger_, metrics_);
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
  }
  std::unique_ptr<ports::Listener> listener(Heard& heard, RecordingLogger& logger, RecordingMetrics& metrics) {
    ListenOptions options;
    options.greeting_timeout = testing::never;
    return make_listener(options, [&heard](std::string_view message) { heard.add(message); }, logger, metrics);
  }
  std::unique_ptr<ports::Listener> listener(Heard& heard) { return listener(heard, logger_, metrics_); }
  bool listen(double count) {
    return becomes([&] { return metrics_.value("openrun_stream_listeners") == count; });
  }
  bool are_connected(double count) {
    return becomes([&] { return metrics_.value("openrun_stream_connections") == count; });
  }

  RecordingLogger logger_;
  RecordingMetrics metrics_;
  Heard heard_;
};

TEST_F(Streams, AreHeardInOrder) {
  const auto broadcasting = broadcaster();
  broadcasting->send("before anybody listens");
  const auto listening = listener(heard_);
  listening->invited(broadcasting->invitation());
  ASSERT_TRUE(listen(1));
  std::vector<std::string> sent{"first", "", std::string(message_bytes_max, 'x'), std::string("\0\n\xff", 3), ""};
  for (int i = 0; i < 1'000; ++i) sent.push_back(std::to_string(i));
  for (const std::string& message : sent) broadcasting->send(message);
  EXPECT_TRUE(heard_.wait_for(sent.size()) == sent) << heard_.all().size();
  EXPECT_TRUE(are_connected(1));
  EXPECT_EQ(metrics_.value("openrun_stream_listeners_cut_total"), 0);
}

TEST_F(Streams, AreHeardByAll) {
  const auto broadcasting = broadcaster();
  Heard other;
  const auto listening = listener(heard_);
  const auto listening_too = listener(other);
  listening->invited(broadcasting->invitation());
  listening_too->invited(broadcasting->invitation());
  ASSERT_TRUE(listen(2));
  broadcasting->send("one");
  broadcasting->send("two");
  EXPECT_THAT(heard_.wait_for(2), ElementsAre("one", "two"));
  EXPECT_THAT(other.wait_for(2), ElementsAre("one", "two"));
}

TEST_F(Streams, OfSeveralBroadcastersAreHeardByOneListener) {
  const auto one = broadcaster();
  const auto two = broadcaster();
  EXPECT_NE(one->invitation(), two->invitation());
  const auto listening = listener(heard_);
  listening->invited(one->invitation());
  listening->invited(two->invitation());
  ASSERT_TRUE(are_connected(2));
  // Each counts its own on the same gauge, so that it tells nothing here: the message says who hears.
  EXPECT_TRUE(becomes([&] {
    one->send("one");
    return !heard_.all().empty();
  }));
  EXPECT_TRUE(becomes([&] {
    two->send("two");
    return heard_.all().back() == "two";
  }));
}

TEST_F(Streams, AreNotHeardWithAnotherKey) {
  const auto broadcasting = broadcaster();
  const auto listening = listener(heard_);
  listening->invited(broadcasting->invitation());
  ASSERT_TRUE(listen(1));

  std::string guessed = broadcasting->invitation();
  guessed.back() = guessed.back() == '0' ? '1' : '0';
  Heard nothing;
  RecordingLogger strangers_lines;
  RecordingMetrics strangers_metrics;
  const auto stranger = listener(nothing, strangers_lines, strangers_metrics);
  stranger->invited(guessed);
  EXPECT_TRUE(becomes([&] { return strangers_lines.messages_with("a stream of outcomes has ended") == 1; }));
  EXPECT_EQ(metrics_.value("openrun_stream_listeners"), 1);
  broadcasting->send("for those who are invited");
  EXPECT_THAT(heard_.wait_for(1), ElementsAre("for those who are invited"));
  EXPECT_THAT(nothing.all(), ElementsAre());
}

TEST_F(Streams, GoOnWithTheNextBroadcaster) {
  auto first = broadcaster();
  const auto listening = listener(heard_);
  listening->invited(first->invitation());
  ASSERT_TRUE(listen(1));
  first->send("of the first");
  heard_.wait_for(1);
  first.reset();
  EXPECT_TRUE(are_connected(0));
  EXPECT_EQ(metrics_.value("openrun_stream_listeners"), 0);

  const auto second = broadcaster();
  listening->invited(second->invitation());
  ASSERT_TRUE(listen(1));
  second->send("of the second");
  EXPECT_THAT(heard_.wait_for(2), ElementsAre("of the first", "of the second"));
}

TEST_F(Streams, CountAListenerThatHasGoneNoMore) {
  const auto broadcasting = broadcaster();
  auto listening = listener(heard_);
  listening->invited(broadcasting->invitation());
  ASSERT_TRUE(listen(1));
  listening.reset();
  EXPECT_TRUE(listen(0));
  EXPECT_EQ(metrics_.value("openrun_stream_connections"), 0);
}

std::size_t threads() {
  return static_cast<std::size_t>(std::ranges::distance(std::filesystem::directory_iterator("/proc/self/task"),
                                                        std::filesystem::directory_iterator()));
}

TEST_F(Streams, EndWhileBothTalk) {
  const std::size_t threads_before = threads();
  for (int round = 0; round < 20; ++round) {
    Heard heard;
    Heard others;
    auto broadcasting = broadcaster();
    auto listening = listener(heard);
    auto listening_too = listener(others);
    std::atomic<bool> stopping = false;
    std::thread talking([&] {
      while (!stopping) broadcasting->send("and so on");
    });
    listening->invited(broadcasting->invitation());
    listening_too->invited(broadcasting->invitation());
    EXPECT_FALSE(heard.wait_for(1).empty());
    EXPECT_FALSE(others.wait_for(1).empty());
    listening.reset();
    stopping = true;
    talking.join();
    // What it still has to say is on its way while one of the two ends.
    broadcasting->send(std::string(message_bytes_max, 'x'));
    if (round % 2 == 0) {
      broadcasting.reset();
    } else {
      listening_too.reset();
    }
  }
  EXPECT_TRUE(becomes([&] { return threads() == threads_before; })) << threads() << ", before: " << threads_before;
}

}  // namespace
}  // namespace openrun::stream
