#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openrun/http/server.hpp>

#include "testing/client.hpp"
#include "testing/fixture.hpp"

namespace openrun::http {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::Client;
using testing::get;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::post;
using ::testing::StartsWith;

using HttpServer = testing::ServerTest;

TEST_F(HttpServer, HandsTheRequestToTheHandlerAndWritesItsAnswer) {
  start();
  Client client(port());
  const Answer answer = client.ask(post("/v1/x?a=b&c", "body", "X-Test: yes\r\n"));
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "2 /v1/x?a=b&c yes [body] 127.0.0.1");
  EXPECT_EQ(answer.header("content-type"), "text/plain");
  EXPECT_EQ(answer.header("connection"), "");
  EXPECT_THAT(answer.header("date"), MatchesRegex("..., .. ... .... ..:..:.. GMT"));
}

TEST_F(HttpServer, KeepsTheConnectionForFurtherRequests) {
  start();
  Client client(port());
  for (int i = 0; i < 100; ++i) {
    ASSERT_THAT(client.ask(get("/" + std::to_string(i))).body, StartsWith("0 /" + std::to_string(i) + "? "));
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(HttpServer, AThreadSaysFromHowManyConnectionsARequestMayCome) {
  start();
  Client client(port());
  EXPECT_EQ(client.ask(get("/count")).body, "1");
  {
    Client other(port());
    EXPECT_EQ(other.ask(get("/count")).body, "2") << "one that is idle since a moment ago counts";
  }
  ASSERT_TRUE(has_connections(1));
  EXPECT_EQ(client.ask(get("/count")).body, "1");
}

TEST_F(HttpServer, AConnectionThatHasGoneQuietIsLeftOutUntilItAsksAgain) {
  start({.header_timeout = std::chrono::milliseconds{40}});  // looks at its connections every 5 ms
  Client client(port());
  Client waits(port());
  auto quiet = std::make_unique<Client>(port());
  waits.send(get("/hold"));
  const auto held = held_.take();
  ASSERT_TRUE(held.reply);
  const auto count_is = [&](const char* count) {
    const auto deadline = std::chrono::steady_clock::now() + testing::patience;
    while (client.ask(get("/count")).body != count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  };
  EXPECT_TRUE(count_is("2")) << "one waits for its answer, however long";
  EXPECT_EQ(quiet->ask(get("/count")).body, "3");
  EXPECT_TRUE(count_is("2"));
  quiet.reset();
  ASSERT_TRUE(has_connections(2));
  EXPECT_EQ(client.ask(get("/count")).body, "2") << "it is not left out twice";
}

TEST_F(HttpServer, AClosedConnectionOfWhichAChildProcessHoldsACopyIsForgotten) {
  start();
  Client client(port());
  EXPECT_EQ(client.ask(get("/")).status, 200U);
  int end[2];
  ASSERT_EQ(pipe(end), 0);
  const pid_t child = fork();
  if (child == 0) {
    ::close(end[1]);
    char byte = 0;
    _exit(::read(end[0], &byte, 1) == 0 ? 0 : 1);  // until the test has ended
  }
  EXPECT_EQ(client.ask(get("/", "Connection: close\r\n")).status, 200U);
  ASSERT_TRUE(has_connections(0));
  client.send("more");
  Client other(port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(other.ask(get("/")).status, 200U);
  ::close(end[1]);
  int status = 1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(port());
  std::string all;
  for (int i = 0; i < 500; ++i) all += i % 2 == 0 ? get("/" + std::to_string(i)) : post("/" + std::to_string(i), "b");
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 500; ++i) {
    ASSERT_THAT(client.read().body, HasSubstr(" /" + std::to_string(i) + "? "));
  }
}

TEST_F(HttpServer, TheNextPipelinedRequestWaitsForTheAnswerBeforeIt) {
  start();
  Client client(port());
  ASSERT_TRUE(client.send(get("/hold/1") + get("/hold/2") + get("/3")));
  auto first = held_.take();
  EXPECT_EQ(first.path, "/hold/1");
  EXPECT_EQ(held_.size(), 0U);
  answer(std::move(first), "one");
  auto second = held_.take();
  EXPECT_EQ(second.path, "/hold/2");
  ASSERT_TRUE(client.send(get("/4")));  // arrives while the second one waits
  answer(std::move(second), "two");
  EXPECT_EQ(client.read().body, "one");
  EXPECT_EQ(client.read().body, "two");
  EXPECT_THAT(client.read().body, StartsWith("0 /3?"));
  EXPECT_THAT(client.read().body, StartsWith("0 /4?"));
}

TEST_F(HttpServer, ARequestMayArriveByteByByte) {
  start();
  Client client(port());
  for (const char byte : post("/slow", "0123456789")) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_THAT(client.read().body, HasSubstr("[0123456789]"));
}

TEST_F(HttpServer, AnswersHeadWithTheLengthAndWithoutTheBody) {
  start();
  Client client(port());
  ASSERT_TRUE(client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + get("/y")));
  const Answer head = client.read(false);
  EXPECT_EQ(head.status, 200U);
  EXPECT_GT(std::stoi(head.header("content-length")), 0);
  EXPECT_THAT(client.read().body, StartsWith("0 /y?"));
}

TEST_F(HttpServer, HonoursConnectionClose) {
  start();
  Client client(port());
  const Answer answer = client.ask(get("/", "Connection: close\r\n"));
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(has_connections(0));
}

TEST_F(HttpServer, AnAnswerIsReadableAlsoWhereMoreWasSentBehindConnectionClose) {
  start();
  Client client(port());
  ASSERT_TRUE(client.send(get("/", "Connection: close\r\n") + std::string(10'000, 'x')));
  EXPECT_EQ(client.read().status, 200U);
  EXPECT_TRUE(client.is_closed());
}

TEST_F(HttpServer, SpeaksHttp10) {
  start();
  {
    Client client(port());
    const Answer answer = client.ask("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(client.is_closed());
  }
  Client client(port());
  const std::string request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(client.ask(request).header("connection"), "keep-alive");
  EXPECT_EQ(client.ask(request).status, 200U);
}

TEST_F(HttpServer, AcceptsChunkedBodies) {
  start();
  Client client(port());
  const std::string head = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(client.ask(head + "4\r\nwiki\r\n6;ext=1\r\npedia \r\n0\r\nTrailer: x\r\n\r\n").body,
              HasSubstr("[wikipedia ]"));
  for (const char byte : head + "3\r\nabc\r\n0\r\n\r\n") ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_THAT(client.read().body, HasSubstr("[abc]"));
}

TEST_F(HttpServer, SaysContinueOnceToAClientThatWaitsForIt) {
  start();
  Client client(port());
  const std::string head = "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(client.ask(head).status, 100U);
  ASSERT_TRUE(client.send("bo"));
  EXPECT_THAT(client.ask("dy").body, HasSubstr("[body]"));
  // Who sends the body at once needs no leave.
  EXPECT_THAT(client.ask(head + "body").body, HasSubstr("[body]"));
}

TEST_F(HttpServer, AReplyThatIsDroppedUnansweredSends500) {
  start();
  Client client(port());
  EXPECT_EQ(client.ask(get("/drop")).status, 500U);
  ASSERT_TRUE(client.send(get("/hold")));
  held_.take();  // dropped on this thread, which is not its I/O thread
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  EXPECT_THAT(answer.body, HasSubstr("\"code\":\"INTERNAL_SERVER_ERROR\""));
}

TEST_F(HttpServer, AHandlerThatThrowsIsA500AndALogLine) {
  start();
  Client client(port());
  EXPECT_EQ(client.ask(get("/throw")).status, 500U);
  EXPECT_EQ(client.ask(get("/")).status, 200U);
  EXPECT_THAT(logger_.messages(), ::testing::ElementsAre("a request handler threw an exception"));
}

TEST_F(HttpServer, AWaitingReplyLearnsThatItsClientHasGone) {
  start();
  for (const bool is_reset : {true, false}) {
    auto client = std::make_unique<Client>(port());
    ASSERT_TRUE(client->send(get("/hold")));
    auto held = held_.take();
    bool abandoned = true;
    testing::on_thread(*held.thread, [&] { abandoned = held.reply->abandoned(); });
    EXPECT_FALSE(abandoned);
    if (is_reset) client->reset();
    client = nullptr;
    const auto deadline = std::chrono::steady_clock::now() + testing::patience;
    while (!abandoned && std::chrono::steady_clock::now() < deadline) {
      testing::on_thread(*held.thread, [&] { abandoned = held.reply->abandoned(); });
    }
    EXPECT_TRUE(abandoned);
    answer(std::move(held), "to nobody");
  }
  EXPECT_TRUE(has_connections(0));
}

TEST_F(HttpServer, AClientThatOnlySendsNoMoreStillGetsItsAnswers) {
  start();
  for (int round = 0; round < 100; ++round) {  // the end may be seen before the answer or after it
    Client client(port());
    ASSERT_TRUE(client.send(get("/hold") + get("/second")));
    auto held = held_.take();
    client.finish_sending();
    answer(std::move(held), "first");
    ASSERT_EQ(client.read().body, "first");
    ASSERT_THAT(client.read().body, StartsWith("0 /second?"));
    ASSERT_TRUE(client.is_closed());
  }
}

TEST_F(HttpServer, AnAnswerLargerThanTheSocketsBufferArrivesWhole) {
  start();
  Client client(port());
  ASSERT_TRUE(client.send(get("/large") + get("/after")));
  EXPECT_EQ(client.read().body.size(), large_bytes);
  EXPECT_THAT(client.read().body, StartsWith("0 /after?"));
}

TEST_F(HttpServer, ManyConnectionsOnSeveralThreadsAreAllServed) {
  start({.threads = 3});
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    clients.emplace_back([&] {
      for (int connection = 0; connection < 20; ++connection) {
        Client client(port());
        for (int i = 0; i < 10; ++i) good += client.ask(post("/x", "hello")).status == 200 ? 1 : 0;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 1'600);
  EXPECT_TRUE(has_connections(0));
}

TEST_F(HttpServer, APortThatIsTakenIsToldWithAddressAndPort) {
  start({.threads = 2});
  for (const unsigned threads : {1U, 2U}) {
    auto second = make_server({.port = port(), .threads = threads}, logger_);
    const auto started =
        second->start([](ports::IoThread&, const ports::HttpRequest&, std::shared_ptr<ports::HttpReply>) {});
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message, HasSubstr("127.0.0.1 port " + std::to_string(port())));
  }
}

TEST_F(HttpServer, ASecondPortServesTheSameUntilTheServerDrains) {
  start();
  const std::uint16_t second = port();
  server_.reset();
  start({.second_port = second, .threads = 2});
  ASSERT_NE(port(), second);
  for (const std::uint16_t each : {port(), second}) EXPECT_EQ(Client(each).ask(get("/")).status, 200U);
  server_->drain(testing::patience);
  for (const std::uint16_t each : {port(), second}) EXPECT_EQ(Client(each).ask(get("/")).status, 0U);
}

TEST_F(HttpServer, ASecondPortThatIsTakenIsToldAndNothingIsServed) {
  start();
  auto other = make_server({.port = 0, .second_port = port(), .threads = 2}, logger_);
  const auto started =
      other->start([](ports::IoThread&, const ports::HttpRequest&, std::shared_ptr<ports::HttpReply>) {});
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("127.0.0.1 port " + std::to_string(port())));
  EXPECT_EQ(Client(other->port()).ask(get("/")).status, 0U);
}

TEST_F(HttpServer, AnAddressThatIsNoneIsRefused) {
  auto server = make_server({.address = "no address"}, logger_);
  EXPECT_FALSE(server->start([](ports::IoThread&, const ports::HttpRequest&, std::shared_ptr<ports::HttpReply>) {}));
}

}  // namespace
}  // namespace openrun::http
