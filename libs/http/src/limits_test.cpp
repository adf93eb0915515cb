// Every limit, time-out and refusal of the server, over a real socket.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using testing::post;

class HttpLimits : public testing::ServerTest {
 protected:
  // The answer is a problem of that status and code, and the connection ends with it.
  static void expect_refusal(Client& client, unsigned status, const std::string& code) {
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("content-type"), "application/problem+json");
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_THAT(answer.body, HasSubstr("\"status\":" + std::to_string(status)));
    EXPECT_THAT(answer.body, HasSubstr("\"code\":\"" + code + "\""));
    for (const char* member : {"\"type\":", "\"title\":", "\"detail\":"}) EXPECT_THAT(answer.body, HasSubstr(member));
    EXPECT_TRUE(client.is_closed());
  }
};

TEST_F(HttpLimits, ABodyAboveTheLimitIs413AndReadableThoughTheClientStillSends) {
  start({.body_bytes_max = 1'000});
  Client fits(port());
  EXPECT_EQ(fits.ask(post("/", std::string(1'000, 'x'))).status, 200U);
  Client client(port());
  ASSERT_TRUE(client.send(post("/", std::string(200'000, 'x'))));
  expect_refusal(client, 413, "TOO_LARGE");
}

TEST_F(HttpLimits, AChunkedBodyAboveTheLimitIs413) {
  start({.body_bytes_max = 1'000});
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  Client client(port());
  ASSERT_TRUE(client.send(head + "1f4\r\n" + std::string(500, 'x') + "\r\n1f5\r\n"));
  ASSERT_TRUE(client.send(std::string(501, 'x') + "\r\n0\r\n\r\n"));
  expect_refusal(client, 413, "TOO_LARGE");
  // Small chunks whose framing outweighs the body by far, never ended.
  Client framing(port());
  ASSERT_TRUE(framing.send(head));
  for (int i = 0; i < 900; ++i) framing.send("1;padding=padding\r\nx\r\n");
  expect_refusal(framing, 413, "TOO_LARGE");
}

TEST_F(HttpLimits, AnExpectedBodyAboveTheLimitIsRefusedBeforeItIsSent) {
  start({.body_bytes_max = 1'000});
  Client client(port());
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"));
  expect_refusal(client, 413, "TOO_LARGE");
}

TEST_F(HttpLimits, AHeaderAboveTheLimitIs431) {
  start({.header_bytes_max = 1'000});
  Client fits(port());
  EXPECT_EQ(fits.ask(get("/", "X-Test: " + std::string(900, 'x') + "\r\n")).status, 200U);
  Client whole(port());
  ASSERT_TRUE(whole.send(get("/", "X-Test: " + std::string(1'000, 'x') + "\r\n")));
  expect_refusal(whole, 431, "TOO_LARGE");
  Client endless(port());
  ASSERT_TRUE(endless.send("GET / HTTP/1.1\r\n"));
  ASSERT_TRUE(endless.send(std::string(1'000, 'x')));
  expect_refusal(endless, 431, "TOO_LARGE");
}

TEST_F(HttpLimits, ARequestThatDoesNotArriveInTimeIs408) {
  start({.header_timeout = milliseconds{40}});
  Client in_header(port());
  ASSERT_TRUE(in_header.send("GET / HTTP/1.1\r\nHo"));
  expect_refusal(in_header, 408, "REQUEST_TIMEOUT");
  Client in_body(port());
  ASSERT_TRUE(in_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"));
  expect_refusal(in_body, 408, "REQUEST_TIMEOUT");
}

TEST_F(HttpLimits, TheTimeOfARequestCountsFromItsFirstByteHoweverItTrickles) {
  start({.header_timeout = milliseconds{200}});
  Client client(port());
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nX-Test: "));
  while (client.is_quiet_for(milliseconds{5})) {
    if (!client.send("x") || std::chrono::steady_clock::now() - begin > testing::patience) break;
  }
  EXPECT_EQ(client.read().status, 408U);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, testing::patience);
}

TEST_F(HttpLimits, AnIdleConnectionIsClosedInSilence) {
  start({.idle_timeout = milliseconds{40}});
  Client fresh(port());
  EXPECT_TRUE(fresh.is_closed());
  Client used(port());
  EXPECT_EQ(used.ask(get("/")).status, 200U);
  EXPECT_TRUE(used.is_closed());
}

TEST_F(HttpLimits, AHeldRequestOutlivesTheTimeOutsOfReading) {
  start({.header_timeout = milliseconds{20}, .idle_timeout = milliseconds{20}});
  Client client(port());
  ASSERT_TRUE(client.send(get("/hold")));
  auto held = held_.take();
  EXPECT_TRUE(client.is_quiet_for(milliseconds{100}));
  answer(std::move(held), "still here");
  EXPECT_EQ(client.read().body, "still here");
}

TEST_F(HttpLimits, AClientThatDoesNotReadIsCutOff) {
  start({.write_timeout = milliseconds{40}});
  Client client(port());
  ASSERT_TRUE(client.send(get("/large")));
  EXPECT_FALSE(client.is_quiet_for(testing::patience));  // the answer has begun
  EXPECT_TRUE(has_connections(0));
  EXPECT_LT(client.read_to_end().size(), large_bytes);
}

TEST_F(HttpLimits, ConnectionsAboveTheLimitAreTold503) {
  start({.connections_max = 2});
  Client first(port());
  Client second(port());
  EXPECT_EQ(first.ask(get("/")).status, 200U);
  EXPECT_EQ(second.ask(get("/")).status, 200U);
  Client third(port());
  expect_refusal(third, 503, "OVERLOADED");
  {
    Client fourth(port());
    const Answer answer = fourth.ask(get("/"));
    EXPECT_EQ(answer.status, 503U);
    EXPECT_EQ(answer.header("retry-after"), "1");
  }
  first.reset();
  EXPECT_TRUE(has_connections(2) || has_connections(1));
}

TEST_F(HttpLimits, RoomIsFreeAgainWhenAConnectionHasEnded) {
  start({.connections_max = 1});
  {
    Client first(port());
    EXPECT_EQ(first.ask(get("/")).status, 200U);
  }
  ASSERT_TRUE(has_connections(0));
  Client second(port());
  EXPECT_EQ(second.ask(get("/")).status, 200U);
}

TEST_F(HttpLimits, AClientFarAheadOfItsAnswersIsHeldBackAndServedInTheEnd) {
  start({.body_bytes_max = 1'000});
  Client client(port());
  ASSERT_TRUE(client.send(get("/hold")));
  auto held = held_.take();
  std::string ahead;
  for (int i = 0; i < 500; ++i) ahead += post("/" + std::to_string(i), std::string(200, 'x'));
  ASSERT_TRUE(client.send(ahead));
  answer(std::move(held), "first");
  EXPECT_EQ(client.read().body, "first");
  for (int i = 0; i < 500; ++i) ASSERT_THAT(client.read().body, HasSubstr("/" + std::to_string(i) + "?"));
}

struct BadRequest {
  const char* why;
  std::string bytes;
  unsigned status;
  const char* code;
};

TEST_F(HttpLimits, WhatIsNotWellFormedOrAmbiguousIsRefusedAndEndsTheConnection) {
  start();
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string begin = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::vector<BadRequest> requests = {
      {"both lengths", begin + "Content-Length: 5\r\n" + chunked + "\r\n0\r\n\r\n", 400, "INVALID_REQUEST"},
      {"both lengths, the other way", begin + chunked + "Content-Length: 5\r\n\r\n0\r\n\r\n", 400, "INVALID_REQUEST"},
      {"two lengths", begin + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400, "INVALID_REQUEST"},
      {"a list of lengths", begin + "Content-Length: 1, 1\r\n\r\nx", 400, "INVALID_REQUEST"},
      {"a signed length", begin + "Content-Length: +1\r\n\r\nx", 400, "INVALID_REQUEST"},
      {"a length beyond 64 bits", begin + "Content-Length: 99999999999999999999\r\n\r\n", 400, "INVALID_REQUEST"},
      {"two codings", begin + chunked + chunked + "\r\n0\r\n\r\n", 400, "INVALID_REQUEST"},
      {"an unknown coding", begin + "Transfer-Encoding: gzip\r\n\r\n", 501, "NOT_IMPLEMENTED"},
      {"a coding before chunked", begin + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "NOT_IMPLEMENTED"},
      {"an obfuscated coding", begin + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, "NOT_IMPLEMENTED"},
      {"chunks in HTTP/1.0", "POST / HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n", 400, "INVALID_REQUEST"},
      {"a bad chunk size", begin + chunked + "\r\nxyz\r\n", 400, "INVALID_REQUEST"},
      {"a length among the trailers", begin + chunked + "\r\n0\r\nContent-Length: 5\r\n\r\n", 400, "INVALID_REQUEST"},
      {"a folded field", get("/", "X-Test: a\r\n b\r\n"), 400, "INVALID_REQUEST"},
      {"a field folded before its value", get("/", "X-Test:\r\n b\r\n"), 400, "INVALID_REQUEST"},
      {"a coding folded away", get("/", "Transfer-Encoding:\r\n chunked\r\n"), 400, "INVALID_REQUEST"},
      {"a space before the colon", get("/", "X-Test : a\r\n"), 400, "INVALID_REQUEST"},
      {"a bare line feed", "GET / HTTP/1.1\nHost: a\n\n", 400, "INVALID_REQUEST"},
      {"a NUL in a field", get("/", "X-Test: a" + std::string(1, '\0') + "b\r\n"), 400, "INVALID_REQUEST"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400, "INVALID_REQUEST"},
      {"two hosts", get("/", "Host: b\r\n"), 400, "INVALID_REQUEST"},
      {"a target without slash", get("x"), 400, "INVALID_REQUEST"},
      {"a TLS greeting", "\x16\x03\x01\x02\x01\x01", 400, "INVALID_REQUEST"},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP_VERSION_NOT_SUPPORTED"},
      {"another expectation", get("/", "Expect: the-unexpected\r\n"), 417, "EXPECTATION_FAILED"},
  };
  for (const BadRequest& request : requests) {
    SCOPED_TRACE(request.why);
    Client client(port());
    client.send(request.bytes + get("/smuggled"));
    expect_refusal(client, request.status, request.code);
  }
}

}  // namespace
}  // namespace openrun::http
