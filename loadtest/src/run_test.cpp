// Whole runs against servers of the test's own.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/load/load.hpp>

namespace openrun::load {
namespace {

using Answer = std::function<std::string(const std::string& request)>;

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string issued(const std::string& /*request*/) {
  return http(201, R"({"receipt":"r","status":"issued","coupon":{"code":"c","sequence":1,"issued_at":"t"}})");
}

// Answers what it is told to, a thread a connection; bodies come with their heads.
class Server {
 public:
  explicit Server(Answer answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] {
      for (int peer = ::accept(listener_, nullptr, nullptr); peer >= 0; peer = ::accept(listener_, nullptr, nullptr))
        lanes_.emplace_back([this, peer] { serve(peer); });
    });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    lanes_.clear();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return {"127.0.0.1", port_}; }
  [[nodiscard]] std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve(int peer) {
    std::string bytes(8192, '\0');
    for (ssize_t count = ::recv(peer, bytes.data(), bytes.size(), 0); count > 0;
         count = ::recv(peer, bytes.data(), bytes.size(), 0)) {
      const std::string request = bytes.substr(0, static_cast<std::size_t>(count));
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const std::string text = answer_(request);
      if (::send(peer, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) break;
    }
    ::close(peer);
  }

  Answer answer_;
  int listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;  // under mutex_
  std::vector<std::jthread> lanes_;    // of the acceptor, until it has ended
  std::jthread acceptor_;
};

Options options_for(std::initializer_list<Endpoint> endpoints, std::uint64_t users) {
  Options options;
  options.endpoints = endpoints;
  options.campaigns = {7};
  options.users = users;
  options.connections = 1;
  options.duration_ms_max = 60'000;
  return options;
}

TEST(LoadRun, ArrivalsAreEvenAndDoNotWaitForAnswers) {
  Server server(issued);
  Options options = options_for({server.endpoint()}, 200);
  options.rate = 1'000;
  const auto report = run(options);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcomes.at("issued"), 200U);
  EXPECT_GE(report->seconds, 0.198);
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
  EXPECT_FALSE(one.requests().empty());
  EXPECT_FALSE(other.requests().empty());
}

TEST(LoadRun, EveryUserSendsTheirOwnToken) {
  Server server(issued);
  Options options = options_for({server.endpoint()}, 3);
  options.tokens = {"t0", "t1", "t2"};
  ASSERT_TRUE(run(options));
  const std::vector<std::string> requests = server.requests();
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

TEST(LoadRun, PollingIsOneSubmitAndOneLongPoll) {
  Server server([](const std::string& request) {
    if (request.starts_with("POST")) return http(202, R"({"receipt":"r1","status":"waiting","poll_after_ms":1})");
    return http(200, R"({"receipt":"r1","status":"issued","coupon":{"code":"c","sequence":1,"issued_at":"t"}})");
  });
  Options options = options_for({server.endpoint()}, 1);
  options.mode = Mode::poll;
  const auto report = run(options);
  ASSERT_TRUE(report);
  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].find("Prefer"), std::string::npos);
  EXPECT_TRUE(requests[1].starts_with("GET /v1/requests/r1 "));
  EXPECT_NE(requests[1].find("Prefer: wait=10"), std::string::npos);
  EXPECT_EQ(report->outcomes.at("issued"), 1U);
}

}  // namespace
}  // namespace openrun::load
