// Whole runs against servers of the test's own.
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openrun/load/load.hpp>

#include "server.hpp"

namespace openrun::load {
namespace {

using testing::http;
using testing::issued;
using testing::options_for;
using testing::Server;

constexpr std::string_view issued_later =
    R"({"receipt":"r1","status":"issued","coupon":{"code":"c","sequence":1,"issued_at":"t"}})";

// A process that does nothing until it is ended.
class Idler {
 public:
  Idler() : pid_(::fork()) {
    while (pid_ == 0) ::pause();
  }
  ~Idler() { end(); }
  Idler(const Idler&) = delete;
  Idler& operator=(const Idler&) = delete;
  [[nodiscard]] int pid() const { return pid_; }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  int pid_;
};

TEST(LoadRun, ArrivalsAreEvenAndDoNotWaitForAnswers) {
  Server server(issued);
  Options options = options_for({server.endpoint()}, 200);
  options.rate = 1'000;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcomes.at("issued"), 200U);
  EXPECT_GE(report->seconds, 0.198);
}

TEST(LoadRun, WithoutKeepAliveEachRequestHasAConnectionOfItsOwn) {
  Server server([first = true](const std::string&) mutable {
    return std::exchange(first, false) ? http(202, R"({"receipt":"r1","status":"waiting","poll_after_ms":1})")
                                       : http(200, issued_later);
  });
  Options options = options_for({server.endpoint()}, 5);
  options.keep_alive = false;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcomes.at("issued"), 5U);
  EXPECT_EQ(report->transport_errors, 0U);
  EXPECT_EQ(server.requests().size(), 6U);  // one of them has a receipt to ask with
  EXPECT_EQ(server.connections(), 6U);
}

TEST(LoadRun, AStallShowsInTheLatencyOfAllWhoWereDueMeanwhile) {
  std::mutex mutex;
  std::condition_variable never;
  bool is_first = true;
  Server server([&](const std::string& request) {
    std::unique_lock lock(mutex);
    if (std::exchange(is_first, false)) never.wait_for(lock, std::chrono::milliseconds(400), [] { return false; });
    return issued(request);
  });
  for (const bool poisson : {false, true}) {
    is_first = true;
    Options options = options_for({server.endpoint()}, 100);
    options.rate = 1'000;
    options.poisson = poisson;
    const auto report = run(options);
    ASSERT_TRUE(report);
    // All were due within 100 ms or so, and nobody but the first was kept waiting by the server itself.
    EXPECT_GE(report->decided_us.percentile_us(50), 150'000);
  }
}

TEST(LoadRun, AWarmUpCountsForExactnessAlone) {
  Server server(issued);
  Options options = options_for({server.endpoint()}, 50);
  options.warmup_ms = 30'000;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcomes.at("issued"), 50U);
  EXPECT_EQ(report->winners.size(), 50U);
  EXPECT_EQ(report->decided_us.count(), 0U);
  EXPECT_EQ(report->accepted_us.count(), 0U);
  EXPECT_TRUE(report->cpu.uses.empty());
}

TEST(LoadRun, TheCpuIsLookedAtBeforeTheFirstRequestAndBehindTheLastOutcome) {
  Server server(issued);
  Options options = options_for({server.endpoint()}, 50);
  options.processes = {{"this test", ::getpid()}};
  const auto report = run(options);
  ASSERT_TRUE(report);
  ASSERT_EQ(report->cpu.uses.size(), 2U);
  EXPECT_EQ(report->cpu.uses[0].name, "this test");
  EXPECT_EQ(report->cpu.uses[0].ended, 0U);
  EXPECT_EQ(report->cpu.uses[1].name, "openrun load");
  EXPECT_EQ(report->cpu.decided, 50U);
  EXPECT_GE(report->cpu.seconds, report->seconds);
}

TEST(LoadRun, TheCpuOfAWarmUpIsNotCounted) {
  std::mutex mutex;
  std::condition_variable never;
  int answers = 0;
  Server server([&](const std::string& request) {
    std::unique_lock lock(mutex);
    // The second one's answer comes when the warm-up is over.
    if (++answers == 2) never.wait_for(lock, std::chrono::milliseconds(1'300), [] { return false; });
    return issued(request);
  });
  Options options = options_for({server.endpoint()}, 3);
  options.warmup_ms = 1'200;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->cpu.decided, 2U);
  EXPECT_LT(report->cpu.seconds, report->seconds);
}

TEST(LoadRun, AProcessThatEndsMeanwhileSpoilsNothing) {
  Idler idler;
  Server server([&](const std::string& request) {
    idler.end();
    return issued(request);
  });
  Options options = options_for({server.endpoint()}, 2);
  options.processes = {{"gateway", idler.pid()}};
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcomes.at("issued"), 2U);
  EXPECT_EQ(report->cpu.uses.at(0).ended, 1U);
}

TEST(LoadRun, WhatIsReadAgainAtTheEndIsNotInTheCpu) {
  Idler idler;
  Server server([&](const std::string& request) {
    if (request.starts_with("POST")) return issued();
    idler.end();
    return http(200, issued_later);
  });
  Options options = options_for({server.endpoint()}, 2);
  options.processes = {{"gateway", idler.pid()}};
  options.reread = true;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->reread_us.count(), 2U);
  EXPECT_EQ(report->cpu.uses.at(0).ended, 0U);
}

TEST(LoadRun, TheTimelineHoldsEveryRequestAndOutcome) {
  Server server(issued);
  const auto report = run(options_for({server.endpoint()}, 50));
  ASSERT_TRUE(report);
  std::uint64_t sent = 0;
  std::uint64_t decided = 0;
  for (const Second& second : report->timeline) {
    sent += second.sent;
    decided += second.decided;
  }
  EXPECT_EQ(sent, 50U);
  EXPECT_EQ(decided, 50U);
}

TEST(LoadRun, ConnectionsAreSpreadOverTheAddresses) {
  Server one(issued);
  Server other(issued);
  Options options = options_for({one.endpoint(), other.endpoint()}, 100);
  options.connections = 2;
  ASSERT_TRUE(run(options));
  EXPECT_FALSE(one.texts().empty());
  EXPECT_FALSE(other.texts().empty());
}

TEST(LoadRun, EveryUserSendsTheirOwnToken) {
  Server server(issued);
  Options options = options_for({server.endpoint()}, 3);
  options.tokens = {"t0", "t1", "t2"};
  ASSERT_TRUE(run(options));
  const std::vector<std::string> requests = server.texts();
  ASSERT_EQ(requests.size(), 3U);
  for (std::size_t user = 0; user < 3; ++user) {
    const std::string number = std::to_string(user);
    EXPECT_NE(requests[user].find("Authorization: Bearer t" + number + "\r\n"), std::string::npos);
    EXPECT_NE(requests[user].find("user-" + number + "\""), std::string::npos);
  }
}

TEST(LoadRun, FewerTokensThanUsersIsAnError) {
  Options options = options_for({{"127.0.0.1", 1}}, 3);
  options.tokens = {"t0"};
  const auto report = run(options);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("give one a line"), std::string::npos);
}

TEST(LoadRun, ReceiptsAreReadAgainAlsoWhereNotAllUsersHaveSent) {
  Server server(
      [](const std::string& request) { return request.starts_with("GET") ? http(200, issued_later) : issued(); });
  Options options = options_for({server.endpoint()}, 10'000);
  options.rate = 100;
  options.send_ms_max = 50;
  options.reread = true;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->reread_us.count(), report->sent);
  EXPECT_EQ(report->changed, 0U);
}

TEST(LoadRun, PollingIsOneSubmitAndOneLongPoll) {
  Server server([](const std::string& request) {
    if (request.starts_with("POST")) return http(202, R"({"receipt":"r1","status":"waiting","poll_after_ms":1})");
    return http(200, issued_later);
  });
  Options options = options_for({server.endpoint()}, 1);
  options.mode = Mode::poll;
  const auto report = run(options);
  ASSERT_TRUE(report);
  const std::vector<std::string> requests = server.texts();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].find("Prefer"), std::string::npos);
  EXPECT_TRUE(requests[1].starts_with("GET /v1/requests/r1 "));
  EXPECT_NE(requests[1].find("Prefer: wait=10"), std::string::npos);
  EXPECT_EQ(report->outcomes.at("issued"), 1U);
}

}  // namespace
}  // namespace openrun::load
