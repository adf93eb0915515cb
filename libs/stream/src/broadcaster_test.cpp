// The broadcaster before listeners that are written by hand, rude ones among them.
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/ports/testing/recording.hpp>
#include <openrun/stream/stream.hpp>

#include "address.hpp"
#include "testing/sockets.hpp"

namespace openrun::stream {
namespace {

using testing::becomes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Heard;
using testing::RawListener;
using testing::Wire;

constexpr std::size_t greetings_expected = 16;  // connections without an answer, beside the listeners

class Broadcasts : public ::testing::Test {
 protected:
  Broadcasts() { options_.greeting_timeout = testing::never; }

  void begin() {
    auto made = make_broadcaster(options_, logger_, metrics_);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    broadcaster_ = std::move(*made);
    invitation_ = read_invitation(broadcaster_->invitation()).value();
  }
  bool listen(double count) {
    return becomes([&] { return metrics_.value("openrun_stream_listeners") == count; });
  }
  std::string failure() {
    const auto made = make_broadcaster(options_, logger_, metrics_);
    return made ? "" : made.error().message;
  }

  BroadcastOptions options_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  std::unique_ptr<ports::Broadcaster> broadcaster_;
  Invitation invitation_;
};

TEST_F(Broadcasts, ReachWhoAnswersInPieces) {
  begin();
  RawListener listener(invitation_);
  ASSERT_TRUE(listener.was_let_in());
  for (const char byte : listener.make_answer()) listener.wire().send(std::string(1, byte));
  ASSERT_TRUE(listen(1));
  broadcaster_->send("heard");
  EXPECT_THAT(listener.hear(1), ElementsAre("heard"));
}

TEST_F(Broadcasts, CloseAConnectionThatSaysNothing) {
  options_.greeting_timeout = std::chrono::milliseconds(20);
  begin();
  const RawListener silent(invitation_);
  EXPECT_TRUE(silent.was_let_in());
  EXPECT_TRUE(silent.wire().ends());
}

TEST_F(Broadcasts, CloseAConnectionThatStopsWithinItsAnswer) {
  options_.greeting_timeout = std::chrono::milliseconds(20);
  begin();
  RawListener half(invitation_);
  ASSERT_TRUE(half.was_let_in());
  half.wire().send(half.make_answer().substr(0, answer_bytes - 1));
  EXPECT_TRUE(half.wire().ends());
}

TEST_F(Broadcasts, KeepAListenerWhoseGreetingWasLongAgo) {
  options_.greeting_timeout = std::chrono::milliseconds(100);
  begin();
  std::unique_ptr<RawListener> listener;
  const auto is_counted = [&] { return metrics_.value("openrun_stream_listeners") == 1; };
  // Again where this thread was held up for longer than its greeting may take.
  ASSERT_TRUE(becomes([&] {
    listener = std::make_unique<RawListener>(invitation_);
    if (listener->was_let_in()) listener->greet();
    return becomes([&] { return is_counted() || listener->wire().has_more(); }) && is_counted();
  }));
  // Closed after its time, and so after the listener's.
  EXPECT_TRUE(RawListener(invitation_).wire().ends());
  broadcaster_->send("later");
  EXPECT_THAT(listener->hear(1), ElementsAre("later"));
}

TEST_F(Broadcasts, CloseAConnectionThatAnswersWithGarbage) {
  begin();
  for (const std::string& garbage :
       {std::string(answer_bytes, 'x'), std::string(answer_bytes, '\0'), std::string(100'000, 'y'),
        "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(64, ' ')}) {
    const Wire wire(invitation_.port);
    EXPECT_EQ(wire.read(nonce_bytes).size(), nonce_bytes);
    wire.send(garbage);
    EXPECT_TRUE(wire.ends()) << garbage.substr(0, 10);
  }
  EXPECT_EQ(metrics_.value("openrun_stream_listeners"), 0);
}

TEST_F(Broadcasts, DoNotTakeAnAnswerTwice) {
  begin();
  RawListener listener(invitation_);
  ASSERT_TRUE(listener.was_let_in());
  const std::string answer = listener.make_answer();
  listener.wire().send(answer);
  ASSERT_TRUE(listen(1));
  const RawListener thief(invitation_);
  thief.wire().send(answer);
  EXPECT_TRUE(thief.wire().ends());
  EXPECT_EQ(metrics_.value("openrun_stream_listeners"), 1);
}

TEST_F(Broadcasts, CloseAListenerThatTalks) {
  begin();
  RawListener listener(invitation_);
  listener.greet();
  ASSERT_TRUE(listen(1));
  listener.wire().send("!");
  EXPECT_TRUE(listener.wire().ends());
  EXPECT_TRUE(listen(0));
}

TEST_F(Broadcasts, CloseWhatIsTooMuchBeforeItAnswers) {
  options_.listeners_max = 2;
  begin();
  std::vector<std::unique_ptr<RawListener>> silent;
  for (std::size_t i = 0; i < options_.listeners_max + greetings_expected; ++i) {
    silent.push_back(std::make_unique<RawListener>(invitation_));
    EXPECT_TRUE(silent.back()->was_let_in()) << i;
  }
  EXPECT_FALSE(RawListener(invitation_).was_let_in());
  silent.pop_back();
  EXPECT_TRUE(becomes([&] { return RawListener(invitation_).was_let_in(); })) << "one has gone";
}

TEST_F(Broadcasts, CloseMoreListenersThanMayBe) {
  options_.listeners_max = 2;
  begin();
  RawListener one(invitation_);
  RawListener two(invitation_);
  RawListener three(invitation_);
  ASSERT_TRUE(three.was_let_in()) << "none of them had answered";
  one.greet();
  two.greet();
  ASSERT_TRUE(listen(2));
  three.greet();
  EXPECT_TRUE(three.wire().ends());
  EXPECT_FALSE(RawListener(invitation_).was_let_in());
  broadcaster_->send("for two");
  EXPECT_THAT(one.hear(1), ElementsAre("for two"));
  EXPECT_THAT(two.hear(1), ElementsAre("for two"));
  EXPECT_EQ(metrics_.value("openrun_stream_listeners"), 2);
}

TEST_F(Broadcasts, CutOffWhoDoesNotReadAndNobodyElse) {
  options_.backlog_bytes_max = 1'000'000;
  begin();
  RawListener lazy(invitation_, 200'000);
  lazy.greet();
  Heard heard;
  const auto made = make_listener({}, [&](std::string_view message) { heard.add(message); }, logger_, metrics_);
  made->invited(broadcaster_->invitation());
  ASSERT_TRUE(listen(2));
  const auto cut = [&] { return metrics_.value("openrun_stream_listeners_cut_total"); };
  std::vector<std::string> sent;
  // Far more than the system keeps of what is not read. send() is called by this thread: were it to block, it would
  // stay here for ever.
  while (cut() == 0 && sent.size() < 150) {
    sent.emplace_back(200'000, static_cast<char>('a' + sent.size() % 26));
    broadcaster_->send(sent.back());
    ASSERT_EQ(heard.wait_for(sent.size()).size(), sent.size());
  }
  EXPECT_EQ(cut(), 1);
  EXPECT_EQ(logger_.messages_with("fell too far behind"), 1U);
  EXPECT_TRUE(listen(1));
  sent.emplace_back("after the cut");
  broadcaster_->send(sent.back());
  EXPECT_TRUE(heard.wait_for(sent.size()) == sent);
  // What it was told before it was cut off is true.
  const auto told = lazy.hear(sent.size());
  EXPECT_LT(told.size(), sent.size());
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_TRUE(told[i] == sent[i]) << i;
}

TEST_F(Broadcasts, KeepWhatASlowListenerHasNotRead) {
  options_.backlog_bytes_max = 64'000'000;
  begin();
  RawListener slow(invitation_, 200'000);
  slow.greet();
  ASSERT_TRUE(listen(1));
  std::vector<std::string> sent;
  for (int i = 0; i < 40; ++i) {
    sent.emplace_back(std::size_t{500'000} + static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    broadcaster_->send(sent.back());
  }
  EXPECT_TRUE(slow.hear(sent.size()) == sent);
  // And it is as fast as any again.
  broadcaster_->send("now");
  EXPECT_THAT(slow.hear(1), ElementsAre("now"));
  EXPECT_EQ(metrics_.value("openrun_stream_listeners_cut_total"), 0);
}

TEST_F(Broadcasts, InviteToTheAddressThatTheyListenOn) {
  begin();
  EXPECT_EQ(invitation_.host, "127.0.0.1");
  EXPECT_NE(invitation_.port, 0);
  EXPECT_LT(broadcaster_->invitation().size(), 256U);
}

TEST_F(Broadcasts, HaveAKeyOfTheirOwn) {
  begin();
  const Invitation first = invitation_;
  begin();
  EXPECT_NE(invitation_.key, first.key);
}

TEST_F(Broadcasts, OnAnyAddressInviteToOne) {
  options_.address = "0.0.0.0";
  begin();
  const auto address = numeric_address(invitation_.host, invitation_.port);
  ASSERT_TRUE(address.has_value());
  EXPECT_FALSE(address->is_any()) << invitation_.host;
}

TEST_F(Broadcasts, InviteToTheHostThatTheyAreGiven) {
  options_.address = "0.0.0.0";
  options_.host = "192.0.2.7";
  begin();
  EXPECT_EQ(invitation_.host, "192.0.2.7");
}

TEST_F(Broadcasts, SayWhatToChangeWhereTheyCannotBegin) {
  begin();
  options_.port = invitation_.port;
  EXPECT_EQ(failure(), "cannot listen on 127.0.0.1 port " + std::to_string(options_.port) +
                           ": Address already in use; give an address of this host and a free port");
  options_.port = 0;
  options_.address = "issuer.example";
  EXPECT_EQ(failure(),
            "cannot listen on issuer.example port 0: 'issuer.example' is no numeric address, such as 192.0.2.1 or ::1; "
            "give an address of this host and a free port");
  options_.address = "192.0.2.1";
  EXPECT_THAT(failure(), HasSubstr("cannot listen on 192.0.2.1 port 0: Cannot assign requested address; give"));
  options_.address = "127.0.0.1";
  options_.host = "issuer.example";
  EXPECT_EQ(failure(),
            "cannot invite listeners: 'issuer.example' is no numeric address, such as 192.0.2.1 or ::1; "
            "give the host as an address at which they reach this one");
  options_.host = "0.0.0.0";
  EXPECT_EQ(failure(),
            "cannot invite listeners: 0.0.0.0 is where to listen, not where to connect to; "
            "give the host as an address at which they reach this one");
}

}  // namespace
}  // namespace openrun::stream
