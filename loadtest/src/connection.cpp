#include "connection.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace openrun::load {
namespace {

constexpr std::size_t answer_bytes_max = 1 << 20;

bool same_name(std::string_view line, std::string_view lower_name) {
  if (line.size() < lower_name.size()) return false;
  for (std::size_t i = 0; i < lower_name.size(); ++i) {
    const char c = line[i] >= 'A' && line[i] <= 'Z' ? static_cast<char>(line[i] + 32) : line[i];
    if (c != lower_name[i]) return false;
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Connection::~Connection() {
  close();
}

bool Connection::open(std::uint32_t address, std::uint16_t port, std::uint32_t source) {
  close();
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return false;
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source != 0) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = source;
#ifdef IP_BIND_ADDRESS_NO_PORT
    ::setsockopt(descriptor_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#endif
    if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
      close();
      return false;
    }
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = address;
  to.sin_port = htons(port);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
    close();
    return false;
  }
  return true;
}

void Connection::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  out_.clear();
  written_ = 0;
  received_ = 0;
}

Connection::Step Connection::send(std::string request) {
  out_ = std::move(request);
  written_ = 0;
  received_ = 0;
  return write_some();
}

Connection::Step Connection::ready() {
  if (wants_write()) {
    const Step step = write_some();
    if (step != Step::again || wants_write()) return step;
  }
  return read_some();
}

Connection::Step Connection::write_some() {
  while (wants_write()) {
    const ssize_t n = ::send(descriptor_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (n > 0) {
      written_ += static_cast<std::size_t>(n);
    } else {
      return n < 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINTR) ? Step::again : Step::broken;
    }
  }
  return Step::again;
}

Connection::Step Connection::read_some() {
  for (;;) {
    if (in_.size() < received_ + 4096) in_.resize(received_ + 16 * 1024);
    if (received_ > answer_bytes_max) return Step::broken;
    const std::size_t room = in_.size() - received_;
    const ssize_t n = ::recv(descriptor_, in_.data() + received_, room, 0);
    if (n == 0) return Step::broken;
    if (n < 0) return errno == EAGAIN || errno == EINTR ? Step::again : Step::broken;
    received_ += static_cast<std::size_t>(n);
    if (parse()) return Step::answered;
    if (static_cast<std::size_t>(n) < room) return Step::again;
  }
}

// True once the whole answer is there. Answers carry Content-Length; a chunked one would never end here and time out.
bool Connection::parse() {
  const std::string_view all(in_.data(), received_);
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string_view::npos || all.size() < 12) return false;
  answer_ = Answer{};
  answer_.status = static_cast<int>(number(all.substr(9, 3)));
  std::size_t length = 0;
  std::size_t at = all.find("\r\n") + 2;
  while (at < end + 2) {
    const std::size_t line_end = all.find("\r\n", at);
    const std::string_view line = all.substr(at, line_end - at);
    const auto value = [&](std::size_t name) { return trimmed(line.substr(name)); };
    if (same_name(line, "content-length:")) length = static_cast<std::size_t>(number(value(15)));
    if (same_name(line, "retry-after:")) answer_.retry_after_s = number(value(12));
    if (same_name(line, "location:")) answer_.location = value(9);
    if (same_name(line, "connection:") && same_name(value(11), "close")) answer_.keep_alive = false;
    at = line_end + 2;
  }
  if (all.size() < end + 4 + length) return false;
  answer_.body = all.substr(end + 4, length);
  return true;
}

std::string_view json_member(std::string_view json, std::string_view name) {
  for (std::size_t at = json.find(name); at != std::string_view::npos; at = json.find(name, at + 1)) {
    if (at == 0 || json[at - 1] != '"') continue;
    std::size_t i = at + name.size();
    if (i >= json.size() || json[i] != '"') continue;
    ++i;
    while (i < json.size() && (json[i] == ' ' || json[i] == ':')) ++i;
    if (i >= json.size()) return {};
    if (json[i] == '"') {
      const std::size_t close = json.find('"', i + 1);
      return close == std::string_view::npos ? std::string_view{} : json.substr(i + 1, close - i - 1);
    }
    std::size_t j = i;
    while (j < json.size() && json[j] != ',' && json[j] != '}' && json[j] != ']') ++j;
    return json.substr(i, j - i);
  }
  return {};
}

}  // namespace openrun::load
