// Bodies that are sent piece by piece, over a real socket.
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/http/server.hpp>

#include "testing/client.hpp"
#include "testing/fixture.hpp"

namespace openrun::http {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using ::testing::EndsWith;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpStreams : public testing::ServerTest {
 protected:
  struct Open {
    ports::IoThread* thread = nullptr;
    std::shared_ptr<ports::HttpStream> stream;
  };
  // The client asks, and the handler answers with a stream's head.
  Open open(Client& client, const std::string& request = get("/hold")) {
    EXPECT_TRUE(client.send(request));
    testing::HeldReplies::Held held = held_.take();
    Open opened{.thread = held.thread, .stream = nullptr};
    testing::on_thread(*held.thread, [&] {
      opened.stream = held.reply->stream(testing::text_response(""));
      held.reply.reset();
    });
    return opened;
  }
  static void write(const Open& open, const std::string& piece) {
    testing::on_thread(*open.thread, [&] { open.stream->write(piece); });
  }
  static void finish(Open& open) {
    testing::on_thread(*open.thread, [&] {
      open.stream->finish();
      open.stream.reset();
    });
  }
  static void drop(Open& open) {
    testing::on_thread(*open.thread, [&] { open.stream.reset(); });
  }
  static bool is_abandoned(const Open& open) {
    bool is_abandoned = false;
    testing::on_thread(*open.thread, [&] { is_abandoned = open.stream->abandoned(); });
    return is_abandoned;
  }
  static std::size_t unsent(const Open& open) {
    std::size_t bytes = 0;
    testing::on_thread(*open.thread, [&] { bytes = open.stream->unsent(); });
    return bytes;
  }
  // Writes until the socket takes no more.
  static void fill(const Open& open, std::size_t unsent_bytes = 1) {
    while (unsent(open) < unsent_bytes) write(open, std::string(64 * 1024, 'x'));
  }
  // Whether `condition` comes true within patience.
  template <class Condition>
  static bool becomes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + testing::patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_F(HttpStreams, PiecesArriveAsChunksAsSoonAsTheyAreWritten) {
  start();
  Client client(port());
  Open opened = open(client);
  const std::string head = client.read_through("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  write(opened, "first");
  EXPECT_EQ(client.read_through("first\r\n"), "5\r\nfirst\r\n");
  write(opened, "");  // would be the end
  write(opened, "the second piece");
  EXPECT_EQ(client.read_through("piece\r\n"), "10\r\nthe second piece\r\n");
  finish(opened);
  EXPECT_EQ(client.read_through("\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(client.ask(get("/next")).status, 200U) << "the connection goes on";
}

TEST_F(HttpStreams, APipelinedRequestIsAnsweredBehindTheStream) {
  start();
  Client client(port());
  Open opened = open(client, get("/hold") + get("/behind"));
  write(opened, "body");
  EXPECT_THAT(client.read_through("body\r\n"), EndsWith("4\r\nbody\r\n"));
  EXPECT_TRUE(client.is_quiet_for(milliseconds{20}));
  finish(opened);
  EXPECT_EQ(client.read_through("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_THAT(client.read().body, HasSubstr("/behind"));
}

TEST_F(HttpStreams, ToHttp10TheBodyEndsWithTheConnection) {
  start();
  Client client(port());
  Open opened = open(client, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  write(opened, "no chunks");
  finish(opened);
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nno chunks"));
  EXPECT_FALSE(client.was_reset());
}

TEST_F(HttpStreams, ToHeadTheHeadIsAll) {
  start();
  Client client(port());
  Open opened = open(client, "HEAD /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(is_abandoned(opened));
  write(opened, "to nobody");
  finish(opened);
  EXPECT_EQ(client.read(false).header("transfer-encoding"), "chunked");
  EXPECT_EQ(client.ask(get("/next")).status, 200U);
}

TEST_F(HttpStreams, AStreamDroppedUnfinishedHasNoEnd) {
  start();
  Client chunked(port());
  Open opened = open(chunked);
  write(opened, "half");
  drop(opened);
  EXPECT_THAT(chunked.read_to_end(), EndsWith("4\r\nhalf\r\n"));
  // Without chunks only a reset tells it.
  Client old(port());
  opened = open(old, "GET /hold HTTP/1.0\r\n\r\n");
  drop(opened);
  (void)old.read_to_end();
  EXPECT_TRUE(old.was_reset());
  // From any thread.
  Client other(port());
  opened = open(other);
  opened.stream.reset();
  EXPECT_THAT(other.read_to_end(), EndsWith("\r\n\r\n"));
  EXPECT_TRUE(has_connections(0));
}

TEST_F(HttpStreams, WhoWritesIsToldWhenTheClientHasReadOn) {
  start();
  Client client(port());
  Open opened = open(client);
  fill(opened, 6'000'000);
  std::atomic<int> told{0};
  const auto watch = [&](std::size_t bytes) {
    testing::on_thread(*opened.thread, [&] { opened.stream->when_unsent_below(bytes, [&told] { ++told; }); });
  };
  watch(100'000'000);
  EXPECT_EQ(told, 1) << "at once";
  watch(5'900'000);
  EXPECT_EQ(told, 1);
  const auto read_on = [&] {
    (void)client.read_through("x\r\n");
    return told == 2;
  };
  ASSERT_TRUE(becomes(read_on));
  EXPECT_LT(unsent(opened), 5'900'000U);
  EXPECT_GT(unsent(opened), 0U) << "not only when all is there";
  EXPECT_FALSE(is_abandoned(opened));
}

TEST_F(HttpStreams, WhoWritesIsToldWhenTheClientHasGone) {
  start();
  Client client(port());
  Open opened = open(client);
  fill(opened);
  std::atomic<int> told{0};
  testing::on_thread(*opened.thread, [&] { opened.stream->when_unsent_below(1, [&told] { ++told; }); });
  client.reset();
  EXPECT_TRUE(becomes([&] { return told == 1; }));
  EXPECT_TRUE(is_abandoned(opened));
  write(opened, "to nobody");
  EXPECT_EQ(unsent(opened), 0U);
  finish(opened);
}

TEST_F(HttpStreams, AClientThatDoesNotReadIsCutOffHoweverMuchIsWritten) {
  start({.write_timeout = milliseconds{250}});
  Client client(port());
  Open opened = open(client);
  fill(opened, 6'000'000);  // so that the kernel takes not a byte more
  // Each write would put the end off if it counted.
  ASSERT_TRUE(becomes([&] {
    write(opened, "x");
    return is_abandoned(opened);
  }));
  EXPECT_TRUE(logger_.messages().empty());
  EXPECT_TRUE(has_connections(0));
}

TEST_F(HttpStreams, AStreamThatRestsOutlivesAllTimeOuts) {
  start({.header_timeout = milliseconds{20}, .idle_timeout = milliseconds{20}, .write_timeout = milliseconds{20}});
  Client client(port());
  Open opened = open(client);
  (void)client.read_through("\r\n\r\n");
  EXPECT_TRUE(client.is_quiet_for(milliseconds{100}));
  write(opened, "still here");
  EXPECT_THAT(client.read_through("here\r\n"), HasSubstr("still here"));
  finish(opened);
}

TEST_F(HttpStreams, AWriterThatDoesNotLookAtWhatIsUnsentLosesTheStream) {
  start();
  Client client(port());
  Open opened = open(client);
  write(opened, std::string(ports::http_stream_unsent_bytes_max, 'x'));
  ASSERT_FALSE(is_abandoned(opened));
  for (int i = 0; i < 64 && !is_abandoned(opened); ++i) write(opened, std::string(1'000'000, 'x'));
  EXPECT_TRUE(is_abandoned(opened));
  EXPECT_EQ(logger_.messages().size(), 1U);
}

TEST_F(HttpStreams, DrainingWaitsForAStreamsEndAndThenClosesTheConnection) {
  start();
  Client client(port());
  Open opened = open(client);
  write(opened, "before");
  std::thread draining([&] { server_->drain(testing::patience); });
  // Whoever still gets in is told to close: draining has begun.
  EXPECT_TRUE(becomes([&] { return Client(port()).ask(get("/")).status == 0; }));
  write(opened, "after");
  finish(opened);
  const auto begin = std::chrono::steady_clock::now();
  draining.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, testing::patience / 2);
  EXPECT_THAT(client.read_to_end(), EndsWith("5\r\nafter\r\n0\r\n\r\n"));
}

TEST_F(HttpStreams, DrainingClosesWhatIsStillStreamedAtTheEndOfItsGrace) {
  start();
  Client client(port());
  Open opened = open(client);
  write(opened, "endless");
  server_->drain(milliseconds{20});
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_THAT(client.read_to_end(), EndsWith("7\r\nendless\r\n"));
}

}  // namespace
}  // namespace openrun::http
