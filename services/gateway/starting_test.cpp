#include "gateway/starting.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "gateway/testing/fakes.hpp"

namespace openrun::gateway {
namespace {

using namespace testing;

class StartingTest : public ::testing::Test {
 protected:
  ports::HttpResponse ask(std::string_view path) {
    ports::HttpRequest request;
    request.method = ports::HttpMethod::get;
    request.path = path;
    const auto reply = std::make_shared<FakeReply>();
    starting_.handler()(io_, request, reply);
    return reply->response.value();
  }

  FakeClock clock_;
  FakeIoThread io_{0, clock_};
  std::string trouble_;
  Starting starting_{[this] { return trouble_; }};
};

TEST_F(StartingTest, AGatewayThatWaitsForAServerIsAliveAndSaysWhatItWaitsFor) {
  starting_.waiting_for("Postgres");
  EXPECT_EQ(ask("/livez").status, 200U);
  const ports::HttpResponse ready = ask("/readyz");
  EXPECT_EQ(ready.status, 503U);
  EXPECT_NE(ready.body.find("waits for Postgres"), std::string::npos) << ready.body;
  starting_.waiting_for("Kafka");
  EXPECT_NE(ask("/readyz").body.find("waits for Kafka"), std::string::npos);
}

TEST_F(StartingTest, SaysWhatKeepsItOut) {
  starting_.waiting_for("Kafka");
  trouble_ = "Kafka does not let this daemon in";
  EXPECT_NE(ask("/readyz").body.find("waits for Kafka: Kafka does not let this daemon in."), std::string::npos);
}

TEST_F(StartingTest, EverythingElseIs503AndMayBeAskedAgain) {
  const ports::HttpResponse response = ask("/v1/campaigns/1");
  EXPECT_EQ(response.status, 503U);
  EXPECT_NE(response.body.find("OVERLOADED"), std::string::npos);
  EXPECT_TRUE(std::ranges::any_of(response.headers, [](const auto& header) { return header.first == "Retry-After"; }));
}

}  // namespace
}  // namespace openrun::gateway
