#include "http_server.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace openrun::peers {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint64_t listener_id = 1ULL << 40;
constexpr std::uint64_t signals_id = listener_id + 1;
constexpr std::uint64_t watched_id = listener_id + 2;
constexpr std::size_t request_bytes_max = 16 * 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Keeps what a peer needs to know of a request, and checks all of it as Beast does.
class Parser : public http::basic_parser<true> {
 public:
  [[nodiscard]] bool is_post() const { return is_post_; }
  [[nodiscard]] std::string_view target() const { return target_; }
  [[nodiscard]] std::string_view body() const { return body_; }

 private:
  void on_request_impl(http::verb method, beast::string_view /*name*/, beast::string_view target, int /*version*/,
                       beast::error_code& /*error*/) override {
    is_post_ = method == http::verb::post;
    target_ = {target.data(), target.size()};
  }
  void on_response_impl(int /*code*/, beast::string_view /*reason*/, int /*version*/,
                        beast::error_code& /*error*/) override {}
  void on_field_impl(http::field /*name*/, beast::string_view /*name_text*/, beast::string_view /*value*/,
                     beast::error_code& /*error*/) override {}
  void on_header_impl(beast::error_code& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, beast::error_code& /*error*/) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code& /*error*/) override {
    body_ = {body.data(), body.size()};
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/, beast::string_view /*extensions*/,
                            beast::error_code& error) override {
    error = http::error::bad_transfer_encoding;
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, beast::string_view /*body*/,
                                 beast::error_code& error) override {
    error = http::error::bad_transfer_encoding;
    return 0;
  }
  void on_finish_impl(beast::error_code& /*error*/) override {}

  bool is_post_ = false;
  std::string_view target_;
  std::string_view body_;
};

// The value of user_id; empty where it is not there or holds what a peer need not understand.
std::string_view user_of(std::string_view body) {
  constexpr std::string_view name = "\"user_id\":\"";
  const std::size_t at = body.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = body.substr(at + name.size());
  const std::size_t end = rest.find('"');
  if (end == std::string_view::npos || end > 64) return {};
  for (const char c : rest.substr(0, end)) {
    if (c == '\\' || static_cast<unsigned char>(c) < 0x20) return {};
  }
  return rest.substr(0, end);
}

void put_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  out.append(digits.data() + at, digits.size() - at);
}

std::string format_time(std::int64_t ms) {
  const time_t seconds = ms / 1'000;
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms % 1'000));
  return text.data();
}

}  // namespace

std::string code_of(std::uint64_t sequence) {
  static constexpr std::string_view symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::uint64_t spread = sequence * 0x9E3779B97F4A7C15ULL;  // odd: a bijection
  std::string code(13, '0');
  for (char& symbol : code) {
    symbol = symbols[spread & 31];
    spread >>= 5;
  }
  return code;
}

HttpServer::HttpServer(std::uint16_t port, std::uint64_t stock, OnRequest on_request)
    : stock_(stock), on_request_(std::move(on_request)), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  sigset_t ends{};
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  signals_ = ::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(listener_, 4096) != 0) fail("listen");
  for (const auto& [descriptor, id] : {std::pair{listener_, listener_id}, std::pair{signals_, signals_id}}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
  }
}

HttpServer::~HttpServer() {
  for (const Connection& connection : connections_) {
    if (connection.descriptor >= 0) ::close(connection.descriptor);
  }
  ::close(listener_);
  ::close(signals_);
  ::close(poll_);
}

void HttpServer::watch(int descriptor, bool writes, OnReady on_ready) {
  std::size_t index = 0;
  while (index < watched_.size() && watched_[index]->descriptor != descriptor) ++index;
  const bool is_new = index == watched_.size();
  if (is_new) watched_.push_back(std::make_unique<Watched>(Watched{descriptor, false, nullptr}));
  Watched& watched = *watched_[index];
  if (on_ready) watched.on_ready = std::move(on_ready);
  if (!is_new && watched.writes == writes) return;
  watched.writes = writes;
  epoll_event event{};
  event.events = EPOLLIN | (writes ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  event.data.u64 = watched_id + index;
  if (::epoll_ctl(poll_, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event) != 0) fail("epoll_ctl");
}

void HttpServer::run(const std::function<void()>& end_of_turn) {
  std::array<epoll_event, 1024> events{};
  while (!stopping_) {
    const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
    tell_time();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == listener_id) {
        accept_all();
      } else if (event.data.u64 == signals_id) {
        stopping_ = true;
      } else if (event.data.u64 >= watched_id) {
        watched_[event.data.u64 - watched_id]->on_ready(event.events);
      } else {
        on_connection(static_cast<std::uint32_t>(event.data.u64), event.events);
      }
    }
    end_of_turn();
    send_all();
  }
}

void HttpServer::accept_all() {
  for (;;) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(connections_.size()));
      connections_.emplace_back();
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    connections_[index].descriptor = descriptor;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, descriptor, &event) != 0) close(index);
  }
}

void HttpServer::on_connection(std::uint32_t index, std::uint32_t events) {
  Connection& connection = connections_[index];
  if (connection.descriptor < 0) return;
  if ((events & EPOLLOUT) != 0 && !connection.answers) {
    connection.answers = true;
    with_answers_.push_back(index);
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 && !read(index)) close(index);
}

bool HttpServer::read(std::uint32_t index) {
  std::array<char, request_bytes_max> room;  // NOLINT: filled by the kernel
  Connection& connection = connections_[index];
  const ssize_t count = ::recv(connection.descriptor, room.data(), room.size(), 0);
  if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
  std::string_view bytes(room.data(), static_cast<std::size_t>(count));
  if (!connection.in.empty()) bytes = connection.in.append(bytes);
  std::size_t used = 0;
  for (std::size_t taken = 1; taken > 0 && used < bytes.size(); used += taken) {
    taken = take_request(index, bytes.substr(used));
    if (taken == std::string_view::npos) return false;
  }
  connection.in = bytes.size() == used ? std::string() : std::string(bytes.substr(used));
  return connection.in.size() < request_bytes_max;
}

std::size_t HttpServer::take_request(std::uint32_t index, std::string_view bytes) {
  Parser parser;
  parser.eager(true);
  beast::error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != http::error::need_more) return std::string_view::npos;
  if (!parser.is_done()) return 0;
  const Token token{index, connections_[index].generation};
  if (parser.is_post()) {
    const std::string_view user = user_of(parser.body());
    if (user.empty()) {
      answer(token, "400 Bad Request", R"({"title":"Bad request","status":400,"code":"INVALID_REQUEST"})");
    } else {
      on_request_(token, user);
    }
    return used;
  }
  body_ = R"({"id":1,"name":"peer","stock":)" + std::to_string(stock_) + R"(,"issued":)" + std::to_string(issued_) +
          R"(,"remaining":)" + std::to_string(stock_ - issued_) +
          R"(,"state":"open","starts_at":"2026-01-01T00:00:00.000Z"})";
  answer(token, "200 OK", body_);
  return used;
}

void HttpServer::issued(Token token, std::uint64_t sequence) {
  if (issued_ms_.size() < sequence) issued_ms_.resize(sequence);
  issued_ms_[sequence - 1] = now_ms_;
  coupon_answer(token, "201 Created", R"({"receipt":"peer-)", sequence, now_);
}

void HttpServer::already_issued(Token token, std::uint64_t sequence) {
  coupon_answer(token, "409 Conflict",
                R"({"title":"Already issued","status":409,"code":"ALREADY_ISSUED","receipt":"peer-)", sequence,
                format_time(issued_ms_.at(sequence - 1)));
}

void HttpServer::coupon_answer(Token token, std::string_view status, std::string_view head, std::uint64_t sequence,
                               std::string_view issued_at) {
  body_ = head;
  put_number(body_, sequence);
  body_ += status.starts_with("201") ? R"(","campaign_id":1,"status":"issued","coupon":{"code":")"
                                     : R"(","campaign_id":1,"coupon":{"code":")";
  body_ += code_of(sequence);
  body_ += R"(","sequence":)";
  put_number(body_, sequence);
  body_ += R"(,"issued_at":")";
  body_ += issued_at;
  body_ += "\"}}";
  answer(token, status, body_);
}

void HttpServer::sold_out(Token token) {
  answer(token, "409 Conflict",
         R"({"type":"about:blank","title":"Sold out","status":409,"code":"SOLD_OUT","campaign_id":1})");
}

void HttpServer::answer(Token token, std::string_view status, std::string_view body) {
  Connection& connection = connections_[token.connection];
  if (connection.generation != token.generation || connection.descriptor < 0) return;
  std::string& out = connection.out;
  out += "HTTP/1.1 ";
  out += status;
  out += "\r\nContent-Type: application/json\r\nContent-Length: ";
  put_number(out, body.size());
  out += "\r\n\r\n";
  out += body;
  if (connection.answers) return;
  connection.answers = true;
  with_answers_.push_back(token.connection);
}

void HttpServer::send_all() {
  for (const std::uint32_t index : with_answers_) {
    Connection& connection = connections_[index];
    connection.answers = false;
    if (connection.descriptor < 0) continue;
    const ssize_t count = ::send(connection.descriptor, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      close(index);
      continue;
    }
    const bool all = count == static_cast<ssize_t>(connection.out.size());
    if (all) {
      connection.out.clear();
    } else if (count > 0) {
      connection.out.erase(0, static_cast<std::size_t>(count));
    }
    if (connection.writes == !all) continue;
    connection.writes = !all;
    epoll_event event{};
    event.events = EPOLLIN | (all ? 0U : static_cast<std::uint32_t>(EPOLLOUT));
    event.data.u64 = index;
    ::epoll_ctl(poll_, EPOLL_CTL_MOD, connection.descriptor, &event);
  }
  with_answers_.clear();
}

void HttpServer::close(std::uint32_t index) {
  Connection& connection = connections_[index];
  ::close(connection.descriptor);
  connection.descriptor = -1;
  connection.generation += 1;
  connection.in.clear();
  connection.out.clear();
  connection.writes = false;
  free_.push_back(index);
}

void HttpServer::tell_time() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t now_ms = now.tv_sec * 1'000LL + now.tv_nsec / 1'000'000;
  if (now_ms == now_ms_) return;
  now_ms_ = now_ms;
  now_ = format_time(now_ms);
}

}  // namespace openrun::peers
