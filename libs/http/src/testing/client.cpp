#include "client.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace openrun::http::testing {

Client::Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

Client::~Client() {
  if (socket_ >= 0) ::close(socket_);
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Client::receive_more(std::chrono::milliseconds timeout) {
  if (socket_ < 0) return false;  // it was never connected
  pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&waited, 1, static_cast<int>(timeout.count())) <= 0) return false;
  char bytes[16 * 1024];
  const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
  was_reset_ = count < 0 && errno == ECONNRESET;
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

Answer Client::read(bool has_body) {
  Answer answer;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more(patience)) return answer;
  }
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  for (std::size_t begin = head.find("\r\n") + 2, stop = 0; begin < head.size(); begin = stop + 2) {
    stop = head.find("\r\n", begin);
    const std::string line = head.substr(begin, stop - begin);
    std::string name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = line.substr(line.find(':') + 2);
  }
  const std::size_t length = static_cast<std::size_t>(std::atol(answer.header("content-length").c_str()));
  while (has_body && buffer_.size() < length) {
    if (!receive_more(patience)) return answer;
  }
  answer.body = has_body ? buffer_.substr(0, length) : "";
  if (has_body) buffer_.erase(0, length);
  answer.status = static_cast<unsigned>(std::atol(head.substr(9, 3).c_str()));
  return answer;
}

std::string Client::read_through(std::string_view text) {
  std::size_t at = 0;
  while ((at = buffer_.find(text)) == std::string::npos) {
    if (!receive_more(patience)) return {};
  }
  std::string read = buffer_.substr(0, at + text.size());
  buffer_.erase(0, read.size());
  return read;
}

std::string Client::read_to_end() {
  while (receive_more(patience)) continue;
  return std::move(buffer_);
}

bool Client::is_closed() {
  if (!buffer_.empty()) return false;
  pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&waited, 1, static_cast<int>(patience.count())) <= 0) return false;
  char byte = 0;
  return ::recv(socket_, &byte, 1, 0) <= 0;
}

bool Client::is_quiet_for(std::chrono::milliseconds time) {
  pollfd waited{.fd = socket_, .events = POLLIN, .revents = 0};
  return buffer_.empty() && ::poll(&waited, 1, static_cast<int>(time.count())) == 0;
}

void Client::finish_sending() {
  ::shutdown(socket_, SHUT_WR);
}

void Client::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket_);
  socket_ = -1;
}

std::string get(std::string_view target, std::string_view extra_headers) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: openrun\r\n" + std::string(extra_headers) + "\r\n";
}

std::string post(std::string_view target, std::string_view body, std::string_view extra_headers) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: openrun\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(extra_headers) + "\r\n" + std::string(body);
}

}  // namespace openrun::http::testing
