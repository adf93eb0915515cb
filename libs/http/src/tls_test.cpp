// HTTPS over a real socket, with OpenSSL's own client.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <openrun/http/server.hpp>
#include <openrun/ports/testing/quiet.hpp>

#include "testing/client.hpp"
#include "testing/fixture.hpp"
#include "testing/tls_client.hpp"

namespace openrun::http {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using ::testing::EndsWith;
using testing::get;
using ::testing::HasSubstr;
using testing::PemPair;
using testing::post;
using testing::self_signed;
using ::testing::StartsWith;
using testing::TlsClient;

class HttpsServer : public testing::ServerTest {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "openrun_tls_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    write(self_signed("first.example"));
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  // Nobody sees half of it.
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    std::filesystem::rename(folder_ / "new", folder_ / name);
  }
  void write(const PemPair& pair) const {
    write("tls.crt", pair.certificate);
    write("tls.key", pair.key);
  }
  [[nodiscard]] ServerOptions with_tls(ServerOptions options = {}) const {
    options.tls_certificate_file = (folder_ / "tls.crt").string();
    options.tls_key_file = (folder_ / "tls.key").string();
    options.tls_refresh = milliseconds{5};
    return options;
  }
  [[nodiscard]] std::string start_failure() const {
    ports::testing::QuietLogger logger;
    auto options = with_tls();
    options.port = 0;
    const auto started = make_server(options, logger)->start({});
    return started ? "it has started" : started.error().message;
  }
  template <class Condition>
  static bool becomes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + testing::patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::filesystem::path folder_;
};

TEST_F(HttpsServer, AnswersOverTls13And12AndKeepsTheConnection) {
  start(with_tls());
  for (const auto& [version, name] : {std::pair(TLS1_3_VERSION, "TLSv1.3"), std::pair(TLS1_2_VERSION, "TLSv1.2")}) {
    TlsClient client(port(), {.version_max = version});
    ASSERT_TRUE(client.is_established());
    EXPECT_EQ(client.version(), name);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(client.send(post("/echo", "body " + std::to_string(i))));
      EXPECT_THAT(client.read_through("127.0.0.1"), HasSubstr("[body " + std::to_string(i) + "]"));
    }
  }
}

TEST_F(HttpsServer, RefusesWhatIsOlderOrNoTls) {
  start(with_tls());
  EXPECT_FALSE(TlsClient(port(), {.version_max = TLS1_1_VERSION}).is_established());
  Client plain(port());
  plain.send(get("/"));
  EXPECT_THAT(plain.read_to_end(), ::testing::Not(HasSubstr("200")));
  EXPECT_TRUE(has_connections(0));
  EXPECT_TRUE(TlsClient(port()).is_established());
}

TEST_F(HttpsServer, SpeaksHttp11AndNothingElse) {
  start(with_tls());
  EXPECT_EQ(TlsClient(port(), {.protocols = std::string("\x02h2\x08http/1.1")}).protocol(), "http/1.1");
  EXPECT_FALSE(TlsClient(port(), {.protocols = std::string("\x02h2")}).is_established());
  EXPECT_TRUE(TlsClient(port()).is_established()) << "without ALPN it is HTTP/1.1";
}

TEST_F(HttpsServer, LargeBodiesPassInBothDirections) {
  start(with_tls({.body_bytes_max = 1'000'000}));
  TlsClient client(port());
  const std::string body(900'000, 'b');
  ASSERT_TRUE(client.send(post("/echo", body)));
  EXPECT_THAT(client.read_through("] 127.0.0.1"), HasSubstr("[" + body + "]"));
  ASSERT_TRUE(client.send(get("/large", "Connection: close\r\n")));
  EXPECT_GT(client.read_to_end().size(), large_bytes);
  EXPECT_TRUE(client.was_closed_properly());
}

TEST_F(HttpsServer, PipelinedRequestsAreAnsweredInOrder) {
  start(with_tls());
  TlsClient client(port());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += get("/" + std::to_string(i) + "_");
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 500; ++i)
    ASSERT_THAT(client.read_through("127.0.0.1"), HasSubstr(" /" + std::to_string(i) + "_"));
}

TEST_F(HttpsServer, WhatArrivesBehindAHeldRequestIsNotForgotten) {
  start(with_tls({.header_bytes_max = 1'024, .body_bytes_max = 1'024}));
  TlsClient client(port());
  ASSERT_TRUE(client.send(get("/hold")));
  auto held = held_.take();
  // Far more than is kept beside it.
  std::string requests;
  for (int i = 0; i < 400; ++i) requests += get("/" + std::to_string(i) + "_");
  std::thread sending([&] { EXPECT_TRUE(client.send(requests)); });
  sending.join();
  answer(std::move(held), "released");
  EXPECT_THAT(client.read_through("released"), HasSubstr("200 OK"));
  for (int i = 0; i < 400; ++i)
    ASSERT_THAT(client.read_through("127.0.0.1"), HasSubstr(" /" + std::to_string(i) + "_"));
}

TEST_F(HttpsServer, StreamsPassAndABrokenOneIsNoProperEnd) {
  start(with_tls());
  TlsClient client(port());
  ASSERT_TRUE(client.send(get("/hold")));
  auto held = held_.take();
  std::shared_ptr<ports::HttpStream> stream;
  testing::on_thread(*held.thread, [&] {
    stream = held.reply->stream(testing::text_response(""));
    stream->write("piece");
  });
  EXPECT_THAT(client.read_through("piece\r\n"), EndsWith("5\r\npiece\r\n"));
  testing::on_thread(*held.thread, [&] { stream.reset(); });
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_FALSE(client.was_closed_properly());
}

TEST_F(HttpsServer, AHandshakeThatDoesNotGetOnIsEndedInTime) {
  start(with_tls({.header_timeout = milliseconds{40}}));
  Client silent(port());
  EXPECT_TRUE(silent.is_closed());
  Client half(port());
  half.send("\x16\x03\x01\x02");  // a record's first bytes
  EXPECT_TRUE(half.is_closed());
}

TEST_F(HttpsServer, ANewPairIsTakenForNewConnectionsAndOldOnesGoOn) {
  start(with_tls());
  TlsClient old(port());
  EXPECT_EQ(old.common_name(), "first.example");
  write(self_signed("second.example"));
  EXPECT_TRUE(becomes([&] { return TlsClient(port()).common_name() == "second.example"; }));
  ASSERT_TRUE(old.send(get("/still")));
  EXPECT_THAT(old.read_through("127.0.0.1"), HasSubstr("/still"));
}

TEST_F(HttpsServer, ABadNewPairIsSaidOnceAndTheOldStays) {
  start(with_tls());
  write("tls.key", self_signed("other.example").key);
  ASSERT_TRUE(becomes([&] { return !logger_.messages().empty(); }));
  write("tls.crt", "no certificate");
  ASSERT_TRUE(becomes([&] { return logger_.messages().size() == 2; }));
  EXPECT_EQ(logger_.messages()[0], "the new certificate is not taken; the old one stays");
  EXPECT_EQ(TlsClient(port()).common_name(), "first.example");
  write(self_signed("third.example"));
  EXPECT_TRUE(becomes([&] { return TlsClient(port()).common_name() == "third.example"; }));
  EXPECT_EQ(logger_.messages().back(), "new connections get the new certificate");
}

TEST_F(HttpsServer, FilesThatCannotBeUsedAreNamedAtTheStart) {
  write("tls.key", self_signed("other.example").key);
  EXPECT_THAT(start_failure(), HasSubstr("tls.key is not the key of the certificate in "));
  write("tls.key", "-----BEGIN PRIVATE KEY-----\n");
  EXPECT_THAT(start_failure(), HasSubstr("tls.key holds no usable key"));
  write("tls.crt", "nothing");
  EXPECT_THAT(start_failure(), HasSubstr("tls.crt holds no usable certificate"));
  std::filesystem::remove(folder_ / "tls.crt");
  EXPECT_THAT(start_failure(), StartsWith("cannot read "));
}

TEST_F(HttpsServer, ConnectionsAboveTheLimitAreClosedBeforeAnyHandshake) {
  start(with_tls({.connections_max = 1}));
  TlsClient first(port());
  ASSERT_TRUE(first.is_established());
  EXPECT_FALSE(TlsClient(port()).is_established());
  ASSERT_TRUE(first.send(get("/")));
  EXPECT_THAT(first.read_through("127.0.0.1"), HasSubstr("200 OK"));
}

TEST_F(HttpsServer, DrainingEndsItAsPlainConnections) {
  start(with_tls());
  TlsClient idle(port());
  ASSERT_TRUE(idle.send(get("/")));
  EXPECT_THAT(idle.read_through("127.0.0.1"), HasSubstr("200 OK"));
  server_->drain(testing::patience);
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_TRUE(idle.was_closed_properly());
}

}  // namespace
}  // namespace openrun::http
