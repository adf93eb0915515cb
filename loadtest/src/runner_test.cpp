#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openrun/load/load.hpp>

#include "server.hpp"

namespace openrun::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using testing::http;
using testing::issued;
using testing::Server;

const std::string cut;  // hangs up
constexpr std::chrono::milliseconds advised{150};

Report load_of_one_user(const Server& server) {
  Options options = testing::options_for({server.endpoint()}, 1);
  options.retries_max = 10;
  return run(options).value();
}

TEST(LoadRunner, CountsAnswersThatDoNotSayWhenToAskAgain) {
  Server gateway(testing::in_turn({http(503, ""), http(503, "", "Retry-After: 0\r\n"), http(429, ""), issued()}));
  const Report report = load_of_one_user(gateway);
  EXPECT_EQ(report.statuses.at(503), 2U);
  EXPECT_EQ(report.unadvised, 2U);
  EXPECT_EQ(report.outcomes.at("issued"), 1U);
}

TEST(LoadRunner, AsksAgainForTheSameUserWhenItWasCutOff) {
  Server gateway(testing::in_turn({cut, issued()}));
  const Report report = load_of_one_user(gateway);
  EXPECT_EQ(report.transport_errors, 1U);
  EXPECT_EQ(report.outcomes.at("issued"), 1U);
  EXPECT_THAT(gateway.texts(), ElementsAre(HasSubstr("user-0"), HasSubstr("user-0")));
}

TEST(LoadRunner, ARefusingServerDoesNotSpendAllUsersAtOnce) {
  const testing::RefusingPort nobody;
  Options options = testing::options_for({nobody.endpoint()}, 10'000);
  options.connections = 4;
  options.duration_ms_max = 300;
  const Report report = run(options).value();
  EXPECT_GE(report.sent, 4U);
  EXPECT_LE(report.sent, 40U) << "a round every 100 ms, and a few to spare";
  EXPECT_EQ(report.transport_errors, report.sent);
}

TEST(LoadRunner, RepeatsAWaitThatEndedEarlyNoSoonerThanAdvised) {
  const std::string waiting =
      http(202, R"({"receipt":"r","status":"waiting","poll_after_ms":)" + std::to_string(advised.count()) + "}");
  Server gateway(testing::in_turn({waiting, waiting, waiting, issued()}));
  const Report report = load_of_one_user(gateway);
  EXPECT_EQ(report.outcomes.at("issued"), 1U);
  const auto requests = gateway.requests();
  ASSERT_EQ(requests.size(), 4U);
  // Two pauses, of which the machine may have hidden a part: the client counts from when it asks, which is before that
  // comes here.
  EXPECT_GE(requests[3].came_at - requests[1].came_at, advised);
}

}  // namespace
}  // namespace openrun::load
