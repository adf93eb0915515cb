#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/load/load.hpp>

namespace openrun::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view cut = "";
constexpr int patience_s = 10;
constexpr std::chrono::milliseconds advised{150};

std::string answer(std::string_view status_line, std::string_view headers, std::string_view body) {
  return "HTTP/1.1 " + std::string(status_line) + "\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

const std::string issued =
    answer("200 OK", "", R"({"receipt":"r","status":"issued","coupon":{"code":"AB","sequence":1,"issued_at":"t"}})");

// A gateway of one connection at a time that answers as told, in turn; `cut` hangs up instead. Gives up after
// `patience_s`.
class ScriptedGateway {
 public:
  explicit ScriptedGateway(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{patience_s, 0};
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address_), size);
    ::listen(listener_, 8);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
    thread_ = std::jthread([this] { serve(); });
  }
  ~ScriptedGateway() {
    thread_ = {};
    ::close(listener_);
  }
  ScriptedGateway(const ScriptedGateway&) = delete;
  ScriptedGateway& operator=(const ScriptedGateway&) = delete;

  [[nodiscard]] Report load_of_one_user() const {
    Options options;
    options.endpoints = {{"127.0.0.1", ntohs(address_.sin_port)}};
    options.campaigns = {7};
    options.users = 1;
    options.connections = 1;
    options.retries_max = 10;
    options.duration_ms_max = patience_s * 1'000;
    return run(options).value();
  }
  // What was asked, after the load.
  [[nodiscard]] const std::vector<std::string>& requests() {
    thread_ = {};
    return requests_;
  }
  [[nodiscard]] const std::vector<std::chrono::steady_clock::time_point>& came_at() {
    thread_ = {};
    return came_at_;
  }

 private:
  void serve() {
    int connection = -1;
    for (const std::string& answer : answers_) {
      if (connection < 0) connection = ::accept(listener_, nullptr, nullptr);
      const timeval patience{patience_s, 0};
      ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      std::array<char, 4096> bytes{};
      std::string request;
      while (!request.ends_with(request.starts_with("POST") ? "}" : "\r\n\r\n")) {
        const ssize_t n = ::recv(connection, bytes.data(), bytes.size(), 0);
        if (n <= 0) break;
        request.append(bytes.data(), static_cast<std::size_t>(n));
      }
      requests_.push_back(request);
      came_at_.push_back(std::chrono::steady_clock::now());
      if (answer == cut) {
        ::close(std::exchange(connection, -1));
      } else {
        ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    }
    ::close(connection);
  }

  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  std::vector<std::chrono::steady_clock::time_point> came_at_;
  int listener_ = -1;
  sockaddr_in address_{};
  std::jthread thread_;
};

TEST(LoadRunner, CountsAnswersThatDoNotSayWhenToAskAgain) {
  ScriptedGateway gateway({answer("503 Service Unavailable", "", ""),
                           answer("503 Service Unavailable", "Retry-After: 0\r\n", ""),
                           answer("429 Too Many Requests", "", ""), issued});
  const Report report = gateway.load_of_one_user();
  EXPECT_EQ(report.statuses.at(503), 2U);
  EXPECT_EQ(report.unadvised, 2U);
  EXPECT_EQ(report.outcomes.at("issued"), 1U);
}

TEST(LoadRunner, AsksAgainForTheSameUserWhenItWasCutOff) {
  ScriptedGateway gateway({std::string(cut), issued});
  const Report report = gateway.load_of_one_user();
  EXPECT_EQ(report.transport_errors, 1U);
  EXPECT_EQ(report.outcomes.at("issued"), 1U);
  EXPECT_THAT(gateway.requests(), ElementsAre(HasSubstr("user-0"), HasSubstr("user-0")));
}

TEST(LoadRunner, RepeatsAWaitThatEndedEarlyNoSoonerThanAdvised) {
  const std::string waiting =
      answer("202 Accepted", "",
             R"({"receipt":"r","status":"waiting","poll_after_ms":)" + std::to_string(advised.count()) + "}");
  ScriptedGateway gateway({waiting, waiting, waiting, issued});
  const Report report = gateway.load_of_one_user();
  EXPECT_EQ(report.outcomes.at("issued"), 1U);
  const auto& came_at = gateway.came_at();
  ASSERT_EQ(came_at.size(), 4U);
  // Two pauses, of which the machine may have hidden a part: the client counts from when it asks, which is before that
  // comes here.
  EXPECT_GE(came_at[3] - came_at[1], advised);
}

}  // namespace
}  // namespace openrun::load
