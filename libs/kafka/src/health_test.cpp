#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/kafka/health.hpp>

#include "refusals.hpp"
#include "testing.hpp"

namespace openrun::kafka {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class HealthTest : public ::testing::Test {
 protected:
  void refuse(int& handle, Trouble trouble) { health_.refused(&handle, {trouble, "what the broker said"}, now_); }
  [[nodiscard]] double gauge(const std::string& cause) const {
    return metrics_.value("openrun_log_trouble", {{"cause", cause}});
  }

  ports::testing::RecordingLogger log_;
  ports::testing::RecordingMetrics metrics_;
  Health health_{log_, metrics_};
  Health::Clock::time_point now_{seconds(1'000)};
  int reader_ = 0;
  int writer_ = 0;
};

TEST_F(HealthTest, ATroubleStandsUntilEveryHandleIsServed) {
  EXPECT_EQ(health_.trouble(now_), "");
  EXPECT_EQ(gauge("UNTRUSTED"), 0);
  refuse(reader_, Trouble::unauthenticated);
  refuse(writer_, Trouble::unauthenticated);
  EXPECT_GT(log_.messages_with("Kafka does not let this daemon in"), 0U);
  EXPECT_EQ(gauge("UNAUTHENTICATED"), 1);
  health_.served(&reader_);
  EXPECT_THAT(health_.trouble(now_), HasSubstr("kafka.sasl_password_file"));
  EXPECT_EQ(log_.messages_with("again"), 0U);
  health_.served(&writer_);
  EXPECT_EQ(health_.trouble(now_), "");
  EXPECT_EQ(gauge("UNAUTHENTICATED"), 0);
  EXPECT_GT(log_.messages_with("Kafka lets this daemon in again"), 0U);
}

TEST_F(HealthTest, AHandleThatIsGoneSaysNothingMore) {
  refuse(reader_, Trouble::cut_off);
  health_.gone(&reader_);
  EXPECT_EQ(health_.trouble(now_), "");
  EXPECT_EQ(log_.messages_with("again"), 0U) << "nobody was let in";
}

TEST_F(HealthTest, ATroubleThatIsNotMetAgainIsForgotten) {
  refuse(reader_, Trouble::untrusted);
  now_ += Health::forgotten_after;
  EXPECT_EQ(health_.trouble(now_), "");
  EXPECT_EQ(gauge("UNTRUSTED"), 0);
}

TEST(RefusedByKafka, IsToldFromWhatLibrdkafkaSays) {
  EXPECT_EQ(trouble_in("sasl_ssl://h:1/bootstrap: SASL authentication error: Authentication failed during "
                       "authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512"),
            Trouble::unauthenticated);
  EXPECT_EQ(trouble_in("ssl://h:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify "
                       "failed: broker certificate could not be verified"),
            Trouble::untrusted);
  EXPECT_EQ(trouble_in("h:1/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect "
                       "security.protocol configuration (connecting to a SSL listener?)"),
            Trouble::cut_off);
  EXPECT_EQ(trouble_in("h:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused"), std::nullopt);
}

TEST(RefusedByKafka, ExplainsTheErrorsOfItsHandleUntilThatIsServed) {
  Refusals refusals(nullptr);
  const Error outage{Error::Kind::unavailable, "asking Kafka about t: Local: Timed out"};
  EXPECT_EQ(refusals.explained(outage).message, outage.message);
  refusals.heard("h:1: SASL authentication error: no");
  EXPECT_THAT(refusals.explained(outage).message,
              AllOf(HasSubstr("Local: Timed out; Kafka does not let this daemon in"), HasSubstr("error: no")));
  EXPECT_EQ(refusals.explained({Error::Kind::not_found, "no topic"}).message, "no topic");
  refusals.served();
  EXPECT_EQ(refusals.explained(outage).message, outage.message);
}

}  // namespace
}  // namespace openrun::kafka
