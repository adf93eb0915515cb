#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <openrun/base/assert.hpp>
#include <openrun/stream/stream.hpp>

#include "address.hpp"
#include "frames.hpp"
#include "greeting.hpp"
#include "poll_until.hpp"
#include "socket.hpp"
#include "wake.hpp"

namespace openrun::stream {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t received_at_once = 262'144;

// One connection; the thread's own.
class Connection {
 public:
  enum class State : std::uint8_t { connecting, greeting, hearing, lost };

  Connection(std::string text, Invitation invitation, steady_clock::time_point greet_by)
      : text_(std::move(text)), invitation_(std::move(invitation)), used_at_(greet_by), greet_by_(greet_by) {
    const auto address = numeric_address(invitation_.host, invitation_.port);
    OPENRUN_ASSERT(address.has_value(), "an invitation that was read names an address");
    socket_ = Socket(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    socket_.tune();
    if (!socket_ || (::connect(socket_.get(), address->get(), address->length) != 0 && errno != EINPROGRESS)) lose();
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const Invitation& invitation() const { return invitation_; }
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool was_heard() const { return frames_.has_value(); }
  [[nodiscard]] short events() const { return state_ == State::connecting ? POLLOUT : POLLIN; }
  [[nodiscard]] steady_clock::time_point greet_by() const { return greet_by_; }
  [[nodiscard]] steady_clock::time_point used_at() const { return used_at_; }
  void lose() { state_ = State::lost; }

  // After its socket became ready.
  void go_on(steady_clock::time_point now, const std::function<void(std::string_view)>& on_message) {
    used_at_ = now;
    if (state_ == State::connecting) {
      int error = 0;
      socklen_t length = sizeof error;
      ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
      state_ = error == 0 ? State::greeting : State::lost;
      return;
    }
    const std::size_t at = received_.size();
    ssize_t read_bytes = 0;
    received_.resize_and_overwrite(at + received_at_once, [&](char* bytes, std::size_t) {
      read_bytes = ::recv(socket_.get(), bytes + at, received_at_once, MSG_DONTWAIT);
      return at + static_cast<std::size_t>(std::max<ssize_t>(read_bytes, 0));
    });
    if (read_bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (read_bytes <= 0) return lose();
    if (state_ == State::greeting) greet();
    if (state_ == State::hearing && !frames_->take(received_, on_message)) lose();
  }

 private:
  void greet() {
    if (received_.size() < nonce_bytes) return;
    Nonce nonce{};
    std::copy_n(received_.begin(), nonce_bytes, nonce.begin());
    received_.erase(0, nonce_bytes);
    const Answer made = answer(invitation_, nonce);
    // So few bytes always fit into a connection on which nothing was sent.
    const ssize_t written = ::send(socket_.get(), made.bytes.data(), made.bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written != std::ssize(made.bytes)) return lose();
    frames_.emplace(made.session);
    state_ = State::hearing;
  }

  std::string text_;
  Invitation invitation_;
  Socket socket_;
  State state_ = State::connecting;
  steady_clock::time_point used_at_;
  steady_clock::time_point greet_by_;
  std::optional<FrameReader> frames_;  // once it has answered
  std::string received_;
};

class TcpListener final : public ports::Listener {
 public:
  TcpListener(const ListenOptions& options, std::function<void(std::string_view)> on_message, ports::Logger& logger,
              ports::Metrics& metrics)
      : options_(options),
        on_message_(std::move(on_message)),
        logger_(logger),
        heard_(metrics.gauge("openrun_stream_connections", "Issuers whose outcomes are heard as soon as they decide")),
        thread_([this] { run(); }) {}

  ~TcpListener() override {
    stopping_ = true;
    wake_.wake();
    thread_.join();
    heard_.set(0);
  }

  void invited(std::string_view text) override;

 private:
  // Of an invitation.
  struct Known {
    bool is_in_use = true;
    steady_clock::time_point again_from;
  };

  void run();
  [[nodiscard]] steady_clock::time_point prepare(std::vector<pollfd>& polled) const;
  void accept_invitations();
  void connect(std::string text);
  void let_go(steady_clock::time_point now);
  void forget(const Connection& connection, steady_clock::time_point now);

  const ListenOptions options_;
  const std::function<void(std::string_view)> on_message_;
  ports::Logger& logger_;
  ports::Gauge& heard_;
  Wake wake_;
  std::atomic<bool> stopping_{false};
  std::vector<Connection> connections_;  // the thread's own

  std::mutex mutex_;
  std::map<std::string, Known, std::less<>> known_;
  std::vector<std::string> wanted_;
  std::thread thread_;
};

void TcpListener::invited(std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(text);
    if (found != known_.end()) {
      if (found->second.is_in_use || steady_clock::now() < found->second.again_from) return;
      found->second.is_in_use = true;
    } else {
      if (known_.size() >= options_.connections_max) {
        std::erase_if(known_, [](const auto& entry) { return !entry.second.is_in_use; });
      }
      // All of them in use: the thread makes room, and the next invitation finds it.
      if (known_.size() >= options_.connections_max + 1) return;
      known_.emplace(text, Known{});
    }
    wanted_.emplace_back(text);
  }
  wake_.wake();
}

void TcpListener::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    const auto wake_at = prepare(polled);
    if (!poll_until(polled, wake_at)) continue;
    const auto now = steady_clock::now();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (polled[i + 1].revents != 0) connections_[i].go_on(now, on_message_);
    }
    let_go(now);
    if (polled[0].revents != 0) {
      wake_.settle();
      accept_invitations();
    }
  }
}

// Returns when something needs to be done without an event.
steady_clock::time_point TcpListener::prepare(std::vector<pollfd>& polled) const {
  auto wake_at = no_deadline;
  polled.assign({{wake_.descriptor(), POLLIN, 0}});
  for (const Connection& connection : connections_) {
    polled.push_back({connection.socket(), connection.events(), 0});
    if (connection.state() != Connection::State::hearing) wake_at = std::min(wake_at, connection.greet_by());
  }
  return wake_at;
}

void TcpListener::accept_invitations() {
  std::vector<std::string> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted.swap(wanted_);
  }
  for (std::string& text : wanted) connect(std::move(text));
}

void TcpListener::connect(std::string text) {
  const auto now = steady_clock::now();
  auto invitation = read_invitation(text);
  if (!invitation) {
    logger_.warning("an invitation to listen is not understood; outcomes come through the log alone");
    const std::lock_guard lock(mutex_);
    known_.find(text)->second = {false, steady_clock::time_point::max()};
    return;
  }
  if (connections_.size() >= options_.connections_max) {
    std::ranges::min_element(connections_, {}, &Connection::used_at)->lose();
    let_go(now);
  }
  connections_.emplace_back(std::move(text), std::move(*invitation), now + options_.greeting_timeout);
  let_go(now);
}

void TcpListener::let_go(steady_clock::time_point now) {
  for (Connection& connection : connections_) {
    if (connection.state() != Connection::State::hearing && now >= connection.greet_by()) connection.lose();
    if (connection.state() == Connection::State::lost) forget(connection, now);
  }
  std::erase_if(connections_,
                [](const Connection& connection) { return connection.state() == Connection::State::lost; });
  heard_.set(static_cast<double>(std::ranges::count(connections_, Connection::State::hearing, &Connection::state)));
}

void TcpListener::forget(const Connection& connection, steady_clock::time_point now) {
  logger_.info(connection.was_heard() ? "a stream of outcomes has ended; they come through the log"
                                      : "an issuer cannot be listened to; outcomes come through the log",
               {{"address", connection.invitation().host}, {"port", std::int64_t{connection.invitation().port}}});
  const std::lock_guard lock(mutex_);
  known_.find(connection.text())->second = {false, now + options_.retry};
}

}  // namespace

std::unique_ptr<ports::Listener> make_listener(const ListenOptions& options,
                                               std::function<void(std::string_view)> on_message, ports::Logger& logger,
                                               ports::Metrics& metrics) {
  OPENRUN_ASSERT(options.connections_max > 0, "a listener may connect");
  return std::make_unique<TcpListener>(options, std::move(on_message), logger, metrics);
}

}  // namespace openrun::stream
