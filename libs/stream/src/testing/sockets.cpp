#include "sockets.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/mac.hpp>

#include "../address.hpp"

namespace openrun::stream::testing {
namespace {

bool waits_until_readable(const Socket& socket, std::chrono::milliseconds time) {
  pollfd polled{socket.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&polled, 1, static_cast<int>(time.count()));
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

SocketAddress local(std::uint16_t port) {
  return numeric_address("127.0.0.1", port).value();
}

template <class Bytes>
std::string text_of(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void Heard::add(std::string_view message) {
  const std::lock_guard lock(mutex_);
  messages_.emplace_back(message);
  grown_.notify_all();
}

std::vector<std::string> Heard::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  grown_.wait_for(lock, patience, [&] { return messages_.size() >= count; });
  return messages_;
}

Wire::Wire(std::uint16_t port, int receive_bytes) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_bytes != 0) socket_.set(SOL_SOCKET, SO_RCVBUF, receive_bytes);
  socket_.set(IPPROTO_TCP, TCP_NODELAY, 1);
  const SocketAddress address = local(port);
  if (::connect(socket_.get(), address.get(), address.length) != 0) socket_ = Socket();
}

bool Wire::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno != EINTR) return false;
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

std::ptrdiff_t Wire::receive(std::string& into) const {
  return waits_until_readable(socket_, patience) ? ::recv(socket_.get(), into.data(), into.size(), 0) : -1;
}

std::string Wire::read(std::size_t bytes) const {
  std::string out;
  while (out.size() < bytes) {
    std::string piece(bytes - out.size(), '\0');
    const std::ptrdiff_t read_bytes = receive(piece);
    if (read_bytes <= 0) break;
    out.append(piece, 0, static_cast<std::size_t>(read_bytes));
  }
  return out;
}

std::string Wire::read_some() const {
  std::string piece(65'536, '\0');
  piece.resize(static_cast<std::size_t>(std::max<std::ptrdiff_t>(receive(piece), 0)));
  return piece;
}

bool Wire::has_more() const {
  return waits_until_readable(socket_, std::chrono::milliseconds(0));
}

bool Wire::ends() const {
  std::string piece(1, '\0');
  if (!waits_until_readable(socket_, patience)) return false;
  const ssize_t read_bytes = ::recv(socket_.get(), piece.data(), piece.size(), 0);
  return read_bytes == 0 || (read_bytes < 0 && errno == ECONNRESET);
}

RawListener::RawListener(const Invitation& invitation, int receive_bytes)
    : invitation_(invitation), wire_(invitation.port, receive_bytes) {
  const std::string bytes = wire_.read(nonce_bytes);
  if (bytes.size() == nonce_bytes) std::ranges::copy(bytes, nonce_.emplace().begin());
}

std::string RawListener::make_answer() {
  const Answer made = answer(invitation_, nonce_.value());
  frames_.emplace(made.session);
  return text_of(made.bytes);
}

std::vector<std::string> RawListener::hear(std::size_t count) {
  std::vector<std::string> messages;
  while (messages.size() < count) {
    const std::string piece = wire_.read_some();
    if (piece.empty()) break;
    received_ += piece;
    if (!frames_->take(received_, [&](std::string_view message) { messages.emplace_back(message); })) break;
  }
  return messages;
}

RawBroadcaster::RawBroadcaster(bool is_open) : door_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  const SocketAddress address = local(0);
  OPENRUN_ASSERT(::bind(door_.get(), address.get(), address.length) == 0, "a port is free");
  invitation_ = {"127.0.0.1", bound_address(door_.get()).port(), {}};
  crypto::random_bytes(invitation_.key);
  if (is_open) open();
}

void RawBroadcaster::open() {
  OPENRUN_ASSERT(::listen(door_.get(), SOMAXCONN) == 0, "a bound socket can listen");
}

bool RawBroadcaster::has_caller() const {
  return waits_until_readable(door_, std::chrono::milliseconds(0));
}

Wire RawBroadcaster::accept() const {
  if (!waits_until_readable(door_, patience)) return {};
  Socket socket(::accept4(door_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  socket.set(IPPROTO_TCP, TCP_NODELAY, 1);
  return Wire(std::move(socket));
}

RawBroadcaster::Session RawBroadcaster::greet(Wire wire) const {
  const Nonce nonce = random_nonce();
  wire.send(text_of(nonce));
  const std::string bytes = wire.read(answer_bytes);
  Session session{std::move(wire), std::nullopt, std::nullopt};
  if (bytes.size() != answer_bytes) return session;
  std::array<std::uint8_t, answer_bytes> answer{};
  std::ranges::copy(bytes, answer.begin());
  session.key = check_answer(invitation_, nonce, answer);
  if (session.key) session.sealer.emplace(*session.key);
  return session;
}

}  // namespace openrun::stream::testing
