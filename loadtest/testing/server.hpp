// A gateway of the test's own on a port that was free: a thread a connection, answers as told.
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/load/load.hpp>

namespace openrun::load::testing {

// What is said to a request; empty hangs up instead. Called for one request at a time.
using Answer = std::function<std::string(const std::string& request)>;

inline std::string http(int status, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string issued(const std::string& /*request*/ = "") {
  return http(201, R"({"receipt":"r","status":"issued","coupon":{"code":"c","sequence":1,"issued_at":"t"}})");
}

// These answers, one after the other; after the last it hangs up.
inline Answer in_turn(std::vector<std::string> answers) {
  return [left = std::move(answers), next = std::size_t{0}](const std::string&) mutable {
    return next < left.size() ? left[next++] : std::string();
  };
}

// Options for a run that ends by itself even where the server never answers.
inline Options options_for(std::vector<Endpoint> endpoints, std::uint64_t users) {
  Options options;
  options.endpoints = std::move(endpoints);
  options.campaigns = {7};
  options.users = users;
  options.connections = 1;
  options.duration_ms_max = 60'000;
  return options;
}

inline std::uint16_t bind_to_free_port(int socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

class Server {
 public:
  struct Request {
    std::string text;
    std::chrono::steady_clock::time_point came_at;
  };

  explicit Server(Answer answer)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        port_(bind_to_free_port(listener_)),
        answer_(std::move(answer)) {
    EXPECT_EQ(::listen(listener_, 64), 0);
    acceptor_ = std::jthread([this] {
      for (int peer = ::accept(listener_, nullptr, nullptr); peer >= 0; peer = ::accept(listener_, nullptr, nullptr))
        lanes_.emplace_back([this, peer] { serve(peer); });
    });
  }
  // After the run that used it: a lane ends when its client has hung up.
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    lanes_.clear();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return {"127.0.0.1", port_}; }
  // In the order in which they came.
  [[nodiscard]] std::vector<Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // How often somebody connected.
  [[nodiscard]] std::size_t connections() {
    const std::lock_guard lock(mutex_);
    return connections_;
  }
  [[nodiscard]] std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (const Request& request : requests()) out.push_back(request.text);
    return out;
  }

 private:
  static std::size_t size_of(std::string_view bytes) {
    const std::size_t head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos) return std::string_view::npos;
    constexpr std::string_view name = "Content-Length: ";
    const std::size_t at = bytes.substr(0, head).find(name);
    std::size_t body = 0;
    if (at != std::string_view::npos) std::from_chars(bytes.data() + at + name.size(), bytes.data() + head, body);
    return head + 4 + body;
  }

  // The next whole request; empty where the client has hung up.
  static std::string read_request(int peer) {
    std::string request;
    std::array<char, 4096> bytes{};
    while (request.size() < size_of(request)) {
      const ssize_t count = ::recv(peer, bytes.data(), bytes.size(), 0);
      if (count <= 0) return {};
      request.append(bytes.data(), static_cast<std::size_t>(count));
    }
    return request;
  }

  std::string take(const std::string& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back({request, std::chrono::steady_clock::now()});
    return answer_(request);
  }

  void serve(int peer) {
    {
      const std::lock_guard lock(mutex_);
      ++connections_;
    }
    for (std::string request = read_request(peer); !request.empty(); request = read_request(peer)) {
      const std::string text = take(request);
      if (text.empty()) break;
      if (::send(peer, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) break;
    }
    ::close(peer);
  }

  int listener_;
  std::uint16_t port_;
  std::mutex mutex_;
  Answer answer_;                    // under mutex_
  std::vector<Request> requests_;    // under mutex_
  std::size_t connections_ = 0;      // under mutex_
  std::vector<std::jthread> lanes_;  // of the acceptor, until it has ended
  std::jthread acceptor_;
};

// A port on which nobody listens, nor can while this lives.
class RefusingPort {
 public:
  RefusingPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(bind_to_free_port(socket_)) {}
  ~RefusingPort() { ::close(socket_); }
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return {"127.0.0.1", port_}; }

 private:
  int socket_;
  std::uint16_t port_;
};

}  // namespace openrun::load::testing
