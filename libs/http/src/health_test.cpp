#include <mutex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/http/health.hpp>
#include <openrun/http/server.hpp>
#include <openrun/ports/testing/quiet.hpp>
#include <openrun/ports/testing/recording.hpp>

#include "testing/client.hpp"
#include "testing/fixture.hpp"

namespace openrun::http {
namespace {

using testing::Answer;
using testing::Client;
using testing::get;
using ::testing::HasSubstr;
using testing::post;

class Health : public ::testing::Test {
 protected:
  void SetUp() override {
    metrics_.gauge("openrun_x", "").set(1);
    server_ = make_server({.port = 0}, logger_);
    const auto started = server_->start(health_handler(metrics_, [this] {
      std::lock_guard lock(mutex_);
      return reason_;
    }));
    ASSERT_TRUE(started) << started.error().message;
  }
  Answer ask(const std::string& bytes) { return Client(server_->port()).ask(bytes); }

  ports::testing::RecordingMetrics metrics_;
  ports::testing::QuietLogger logger_;
  std::mutex mutex_;
  std::string reason_;
  std::unique_ptr<Server> server_;
};

TEST_F(Health, IsAliveAndShowsItsMetrics) {
  EXPECT_EQ(ask(get("/livez")).status, 200U);
  const Answer metrics = ask(get("/metrics"));
  EXPECT_EQ(metrics.body, "openrun_x 1.000000\n");
  EXPECT_EQ(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(Health, IsReadyUnlessThereIsAReason) {
  EXPECT_EQ(ask(get("/readyz")).status, 200U);
  {
    std::lock_guard lock(mutex_);
    reason_ = "Postgres is down";
  }
  const Answer answer = ask(get("/readyz"));
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  EXPECT_THAT(answer.body, HasSubstr("\"detail\":\"Postgres is down\""));
  EXPECT_EQ(ask(get("/livez")).status, 200U);
}

TEST_F(Health, OtherPathsAndMethodsAreRefused) {
  EXPECT_EQ(ask(get("/")).status, 404U);
  const Answer answer = ask(post("/metrics", ""));
  EXPECT_EQ(answer.status, 405U);
  EXPECT_EQ(answer.header("allow"), "GET, HEAD");
}

}  // namespace
}  // namespace openrun::http
