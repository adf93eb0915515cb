// The listener before broadcasters that are written by hand, false ones among them.
#include <functional>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/crypto/mac.hpp>
#include <openrun/ports/testing/recording.hpp>
#include <openrun/stream/stream.hpp>

#include "testing/sockets.hpp"

namespace openrun::stream {
namespace {

using testing::becomes;
using ::testing::ElementsAre;
using testing::Heard;
using testing::RawBroadcaster;
using testing::Wire;

class Listens : public ::testing::Test {
 protected:
  Listens() {
    options_.greeting_timeout = testing::never;
    options_.retry = std::chrono::milliseconds(1);
  }

  void begin() {
    listener_ = make_listener(options_, [this](std::string_view message) { heard_.add(message); }, logger_, metrics_);
  }
  void invite(const RawBroadcaster& to) { listener_->invited(to.invitation().text()); }
  // Invites until it comes, as the log does.
  bool comes_again(const RawBroadcaster& to) {
    return becomes([&] {
      invite(to);
      return to.has_caller();
    });
  }
  bool are_connected(double count) {
    return becomes([&] { return metrics_.value("openrun_stream_connections") == count; });
  }
  // The invitations that came before have been followed: one that came last was.
  void follow_all() {
    const RawBroadcaster last;
    invite(last);
    EXPECT_TRUE(last.accept().is_open());
  }

  ListenOptions options_;
  ports::testing::RecordingLogger logger_;
  ports::testing::RecordingMetrics metrics_;
  Heard heard_;
  const RawBroadcaster broadcaster_;
  std::unique_ptr<ports::Listener> listener_;
};

TEST_F(Listens, ToBytesThatAreCutAnywhere) {
  begin();
  invite(broadcaster_);
  auto session = broadcaster_.greet();
  ASSERT_TRUE(session.key.has_value());
  std::string bytes;
  for (const char* message : {"first", "", "third"}) bytes += session.sealed(message);
  for (const char byte : bytes) session.wire.send(std::string(1, byte));
  EXPECT_THAT(heard_.wait_for(3), ElementsAre("first", "", "third"));
}

TEST_F(Listens, ToANonceThatIsCutAnywhere) {
  begin();
  invite(broadcaster_);
  const Wire wire = broadcaster_.accept();
  wire.send(std::string(nonce_bytes - 1, 'n'));
  follow_all();  // after it has read what there is
  wire.send("n");
  EXPECT_EQ(wire.read(answer_bytes).size(), answer_bytes);
}

using Session = RawBroadcaster::Session;
struct Falsehood {
  const char* name;
  std::function<std::string(Session&)> bytes;  // after one true message
  bool ends = false;                           // and then the connection does
};

class ListensToFalsehoods : public Listens, public ::testing::WithParamInterface<Falsehood> {};

TEST_P(ListensToFalsehoods, TellsNothingOfItAndComesAgain) {
  begin();
  invite(broadcaster_);
  {
    auto session = broadcaster_.greet();
    ASSERT_TRUE(session.key.has_value());
    session.wire.send(session.sealed("true"));
    EXPECT_THAT(heard_.wait_for(1), ElementsAre("true"));
    session.wire.send(GetParam().bytes(session));
    if (GetParam().ends) {
      session.wire = Wire();
    } else {
      EXPECT_TRUE(session.wire.ends());
    }
  }
  EXPECT_TRUE(are_connected(0));
  EXPECT_THAT(heard_.all(), ElementsAre("true"));
  ASSERT_TRUE(comes_again(broadcaster_));
  auto session = broadcaster_.greet();
  ASSERT_TRUE(session.key.has_value());
  session.wire.send(session.sealed("true again"));
  EXPECT_THAT(heard_.wait_for(2), ElementsAre("true", "true again"));
  EXPECT_TRUE(are_connected(1));
}

std::string changed(std::string bytes, std::size_t at) {
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1);
  return bytes;
}
std::string false_frame(const crypto::SealingKey& key) {
  std::string bytes;
  crypto::Sealer sealer(key);
  write_frame(sealer, "false", bytes);
  return bytes;
}

std::vector<Falsehood> falsehoods() {
  return {
      {"a_changed_byte", [](Session& s) { return changed(s.sealed("false"), length_bytes); }},
      {"a_changed_seal", [](Session& s) { return changed(s.sealed("false"), length_bytes + 5 + 15); }},
      {"a_changed_length", [](Session& s) { return changed(s.sealed("false"), 3) + "and more"; }},
      {"a_repeated_message",
       [](Session& s) {
         // The bytes that have come already.
         std::string bytes;
         crypto::Sealer again(*s.key);
         write_frame(again, "true", bytes);
         return bytes;
       }},
      {"a_message_left_out",
       [](Session& s) {
         (void)s.sealed("lost");
         return s.sealed("false");
       }},
      {"two_messages_in_another_order",
       [](Session& s) {
         const std::string first = s.sealed("first");
         return s.sealed("second") + first;
       }},
      {"another_key", [](Session&) { return false_frame({7}); }},
      {"an_absurd_length", [](Session&) { return std::string("\xff\xff\xff\xff", 4); }},
      {"a_length_one_too_long", [](Session&) { return std::string("\x00\x20\x00\x11", 4); }},
      {"a_length_without_a_seal", [](Session&) { return std::string("\x00\x00\x00\x0f", 4); }},
      {"a_length_of_nothing", [](Session&) { return std::string(4, '\0'); }},
      {"garbage", [](Session&) { return std::string(1'000, 'x'); }},
      {"half_a_message_and_the_end", [](Session& s) { return s.sealed("false").substr(0, 12); }, true},
      {"half_a_length_and_the_end", [](Session&) { return std::string(2, '\0'); }, true},
      {"the_end", [](Session&) { return std::string(); }, true},
  };
}
INSTANTIATE_TEST_SUITE_P(Stream, ListensToFalsehoods, ::testing::ValuesIn(falsehoods()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// It took the address of one that has gone, or stands between: it has no key, and greets by what it saw before.
TEST_F(Listens, ToNobodyWithoutTheKey) {
  begin();
  invite(broadcaster_);
  std::string seen;
  {
    const Wire wire = broadcaster_.accept();
    const std::string nonce(nonce_bytes, 'n');
    wire.send(nonce);
    std::array<std::uint8_t, answer_bytes> answer{};
    std::ranges::copy(wire.read(answer_bytes), answer.begin());
    Nonce sent{};
    std::ranges::copy(nonce, sent.begin());
    const auto key = check_answer(broadcaster_.invitation(), sent, answer);
    ASSERT_TRUE(key.has_value());
    crypto::Sealer sealer(*key);
    write_frame(sealer, "true", seen);
    wire.send(seen);
    EXPECT_THAT(heard_.wait_for(1), ElementsAre("true"));
  }
  ASSERT_TRUE(comes_again(broadcaster_));
  const Wire wire = broadcaster_.accept();
  wire.send(std::string(nonce_bytes, 'n'));
  EXPECT_EQ(wire.read(answer_bytes).size(), answer_bytes);
  wire.send(seen);
  EXPECT_TRUE(wire.ends());
  EXPECT_THAT(heard_.all(), ElementsAre("true"));
}

TEST_F(Listens, NoLongerToWhoDoesNotGreet) {
  options_.greeting_timeout = std::chrono::milliseconds(20);
  begin();
  invite(broadcaster_);
  const Wire wire = broadcaster_.accept();
  ASSERT_TRUE(wire.is_open());
  wire.send(std::string(nonce_bytes - 1, 'n'));
  EXPECT_TRUE(wire.ends());
  EXPECT_TRUE(comes_again(broadcaster_));
}

TEST_F(Listens, OnceByAnInvitationThatComesAThousandTimes) {
  begin();
  for (int i = 0; i < 500; ++i) invite(broadcaster_);
  const auto session = broadcaster_.greet();
  ASSERT_TRUE(are_connected(1));
  for (int i = 0; i < 500; ++i) invite(broadcaster_);
  follow_all();
  EXPECT_FALSE(broadcaster_.has_caller());
}

TEST_F(Listens, NotAgainBeforeItsTime) {
  options_.retry = testing::never;
  begin();
  invite(broadcaster_);
  (void)broadcaster_.greet();
  ASSERT_TRUE(becomes([&] { return logger_.messages_with("a stream of outcomes has ended") == 1; }));
  for (int i = 0; i < 100; ++i) invite(broadcaster_);
  follow_all();
  EXPECT_FALSE(broadcaster_.has_caller());
}

TEST_F(Listens, ToTheNewestWhereThereAreTooMany) {
  options_.connections_max = 2;
  begin();
  const RawBroadcaster second;
  const RawBroadcaster third;
  invite(broadcaster_);
  auto one = broadcaster_.greet();
  invite(second);
  auto two = second.greet();
  // The first is heard last, so that the second makes room.
  two.wire.send(two.sealed("two"));
  heard_.wait_for(1);
  one.wire.send(one.sealed("one"));
  heard_.wait_for(2);
  invite(third);
  auto three = third.greet();
  ASSERT_TRUE(three.key.has_value());
  EXPECT_TRUE(two.wire.ends());
  one.wire.send(one.sealed("one"));
  heard_.wait_for(3);
  three.wire.send(three.sealed("three"));
  EXPECT_THAT(heard_.wait_for(4), ElementsAre("two", "one", "one", "three"));
  EXPECT_TRUE(are_connected(2));
  // Whoever made room may come back, and the one heard least recently goes for it.
  EXPECT_TRUE(comes_again(second));
  EXPECT_TRUE(one.wire.ends());
}

TEST_F(Listens, LaterWhereNobodyIsThereYet) {
  begin();
  RawBroadcaster absent(false);
  invite(absent);
  ASSERT_TRUE(becomes([&] { return logger_.messages_with("an issuer cannot be listened to") == 1; }));
  EXPECT_EQ(logger_.lines_with("address=127.0.0.1 port=" + std::to_string(absent.invitation().port)), 1U);
  absent.open();
  ASSERT_TRUE(comes_again(absent));
  auto session = absent.greet();
  ASSERT_TRUE(session.key.has_value());
  session.wire.send(session.sealed("here now"));
  EXPECT_THAT(heard_.wait_for(1), ElementsAre("here now"));
}

TEST_F(Listens, NotByAnInvitationThatItDoesNotUnderstand) {
  begin();
  const std::string later = "2" + broadcaster_.invitation().text().substr(1);
  listener_->invited(later);
  ASSERT_TRUE(becomes([&] { return logger_.messages_with("an invitation to listen is not understood") == 1; }));
  for (int i = 0; i < 1'000; ++i) listener_->invited(later);
  listener_->invited(std::string(10'000, 'x'));
  follow_all();
  EXPECT_FALSE(broadcaster_.has_caller());
  EXPECT_EQ(logger_.messages_with("an invitation to listen is not understood"), 2U);
  EXPECT_EQ(logger_.lines_with(crypto::hex(broadcaster_.invitation().key)), 0U) << "a key is no text for a log";
}

// Whoever may write the log may write nonsense there; it must not push out what is heard.
TEST_F(Listens, OnWhileNonsenseInvites) {
  options_.connections_max = 4;
  begin();
  invite(broadcaster_);
  auto session = broadcaster_.greet();
  ASSERT_TRUE(are_connected(1));
  for (int i = 0; i < 1'000; ++i) listener_->invited("nonsense " + std::to_string(i));
  EXPECT_TRUE(becomes([&] {
    listener_->invited("last nonsense");
    return logger_.messages_with("not understood") > 4;
  }));
  session.wire.send(session.sealed("still heard"));
  EXPECT_THAT(heard_.wait_for(1), ElementsAre("still heard"));
  follow_all();
}

}  // namespace
}  // namespace openrun::stream
