#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <openrun/base/assert.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/sealing.hpp>
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

constexpr std::size_t greetings_max = 16;  // connections that have not answered yet, beside the listeners
constexpr std::size_t buffer_bytes_kept = 1'048'576;
constexpr milliseconds accept_pause{1'000};  // after a descriptor or memory was lacking

// One connection. With the broadcaster's lock.
class Peer {
 public:
  Peer(Socket socket, steady_clock::time_point greet_by) : socket_(std::move(socket)), greet_by_(greet_by) {
    socket_.tune();
    nonce_ = random_nonce();
    backlog_.assign(nonce_.begin(), nonce_.end());
    flush();
  }

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] bool listens() const { return sealer_.has_value(); }
  [[nodiscard]] bool is_lost() const { return lost_; }
  [[nodiscard]] steady_clock::time_point greet_by() const { return greet_by_; }
  [[nodiscard]] std::size_t unsent() const { return backlog_.size() - sent_; }
  void lose() { lost_ = true; }

  void tell(std::string_view message) {
    const bool waits = unsent() != 0;
    write_frame(*sealer_, message, backlog_);
    if (!waits) flush();
  }

  void flush() {
    while (unsent() != 0) {
      const ssize_t written = ::send(socket_.get(), backlog_.data() + sent_, unsent(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) lost_ = true;
        break;
      }
      sent_ += static_cast<std::size_t>(written);
    }
    if (unsent() != 0 && sent_ < buffer_bytes_kept) return;
    backlog_.erase(0, sent_);
    sent_ = 0;
    if (backlog_.empty() && backlog_.capacity() > buffer_bytes_kept) std::string().swap(backlog_);
  }

  // What the listener says: its answer, and nothing after it.
  void hear(const Invitation& invitation) {
    const auto room = std::span(answer_).subspan(answered_);
    std::uint8_t more = 0;
    const ssize_t read_bytes = room.empty() ? ::recv(socket_.get(), &more, 1, MSG_DONTWAIT)
                                            : ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (read_bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (read_bytes <= 0 || room.empty()) {
      lost_ = true;
      return;
    }
    answered_ += static_cast<std::size_t>(read_bytes);
    if (answered_ < answer_.size()) return;
    const auto session = check_answer(invitation, nonce_, answer_);
    if (session) {
      sealer_.emplace(*session);
    } else {
      lost_ = true;
    }
  }

 private:
  Socket socket_;
  steady_clock::time_point greet_by_;
  Nonce nonce_{};
  std::array<std::uint8_t, answer_bytes> answer_{};
  std::size_t answered_ = 0;
  std::optional<crypto::Sealer> sealer_;  // once it has answered as only an invited listener can
  std::string backlog_;
  std::size_t sent_ = 0;  // of backlog_
  bool lost_ = false;
};

class TcpBroadcaster final : public ports::Broadcaster {
 public:
  TcpBroadcaster(const BroadcastOptions& options, Socket door, Invitation invitation, ports::Logger& logger,
                 ports::Metrics& metrics)
      : options_(options),
        logger_(logger),
        listeners_(
            metrics.gauge("openrun_stream_listeners", "Gateways that hear outcomes as soon as they are decided")),
        cut_(metrics.counter("openrun_stream_listeners_cut_total",
                             "Listeners that were cut off because they fell too far behind")),
        door_(std::move(door)),
        invitation_(std::move(invitation)),
        text_(invitation_.text()),
        thread_([this] { run(); }) {}

  ~TcpBroadcaster() override {
    stopping_ = true;
    wake_.wake();
    thread_.join();
    listeners_.set(0);
  }

  void send(std::string_view message) override;
  [[nodiscard]] const std::string& invitation() const override { return text_; }

 private:
  void run();
  [[nodiscard]] steady_clock::time_point prepare(std::vector<pollfd>& polled);
  void serve(const std::vector<pollfd>& polled);
  void let_in();
  [[nodiscard]] std::size_t listening() const;
  void let_go();

  const BroadcastOptions options_;
  ports::Logger& logger_;
  ports::Gauge& listeners_;
  ports::Counter& cut_;
  const Socket door_;
  const Invitation invitation_;
  const std::string text_;
  Wake wake_;
  std::atomic<bool> stopping_{false};
  steady_clock::time_point accept_from_;  // of the thread

  std::mutex mutex_;
  std::vector<Peer> peers_;  // added and removed by the thread alone
  std::thread thread_;
};

void TcpBroadcaster::send(std::string_view message) {
  OPENRUN_ASSERT(message.size() <= message_bytes_max, "a message fits its bound");
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    for (Peer& peer : peers_) {
      if (!peer.listens() || peer.is_lost()) continue;
      const bool waited = peer.unsent() != 0;
      if (peer.unsent() + message.size() > options_.backlog_bytes_max) {
        peer.lose();
        cut_.add();
        logger_.warning("a listener fell too far behind and is cut off; it reads the log");
      } else {
        peer.tell(message);
      }
      wakes = wakes || peer.is_lost() || (!waited && peer.unsent() != 0);
    }
  }
  if (wakes) wake_.wake();
}

void TcpBroadcaster::run() {
  std::vector<pollfd> polled;
  while (!stopping_) {
    const auto wake_at = prepare(polled);
    if (!poll_until(polled, wake_at)) continue;
    if (polled[0].revents != 0) wake_.settle();
    const std::lock_guard lock(mutex_);
    serve(polled);
    let_go();
    if (polled[1].revents != 0) let_in();
  }
}

// Returns when something needs to be done without an event.
steady_clock::time_point TcpBroadcaster::prepare(std::vector<pollfd>& polled) {
  const bool accepts = steady_clock::now() >= accept_from_;
  auto wake_at = accepts ? no_deadline : accept_from_;
  polled.assign({{wake_.descriptor(), POLLIN, 0}, {accepts ? door_.get() : -1, POLLIN, 0}});
  const std::lock_guard lock(mutex_);
  for (const Peer& peer : peers_) {
    polled.push_back({peer.socket(), static_cast<short>(peer.unsent() != 0 ? POLLIN | POLLOUT : POLLIN), 0});
    if (!peer.listens()) wake_at = std::min(wake_at, peer.greet_by());
  }
  return wake_at;
}

void TcpBroadcaster::serve(const std::vector<pollfd>& polled) {
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    const short events = polled[i + 2].revents;
    if ((events & POLLOUT) != 0) peers_[i].flush();
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const bool has_answered = peers_[i].listens();
    peers_[i].hear(invitation_);
    // They were let in before they said who they are: more of them than may listen.
    if (!has_answered && listening() > options_.listeners_max) peers_[i].lose();
  }
}

std::size_t TcpBroadcaster::listening() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(peers_, [](const Peer& peer) { return peer.listens() && !peer.is_lost(); }));
}

void TcpBroadcaster::let_in() {
  while (true) {
    Socket socket(::accept4(door_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        accept_from_ = steady_clock::now() + accept_pause;
      return;
    }
    const bool has_room =
        listening() < options_.listeners_max && peers_.size() < options_.listeners_max + greetings_max;
    if (has_room) peers_.emplace_back(std::move(socket), steady_clock::now() + options_.greeting_timeout);
  }
}

void TcpBroadcaster::let_go() {
  const auto now = steady_clock::now();
  std::erase_if(peers_,
                [&](const Peer& peer) { return peer.is_lost() || (!peer.listens() && now >= peer.greet_by()); });
  listeners_.set(static_cast<double>(listening()));
}

Result<Socket> open_door(const BroadcastOptions& options) {
  const auto trouble = [&](const std::string& why) {
    return fail(Error::Kind::invalid, "cannot listen on " + options.address + " port " + std::to_string(options.port) +
                                          ": " + why + "; give an address of this host and a free port");
  };
  const auto address = numeric_address(options.address, options.port);
  if (!address) return trouble(address.error().message);
  Socket door(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!door) return trouble(std::strerror(errno));
  door.set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(door.get(), address->get(), address->length) != 0 || ::listen(door.get(), SOMAXCONN) != 0) {
    return trouble(std::strerror(errno));
  }
  return door;
}

Result<std::string> host_of(const BroadcastOptions& options, const SocketAddress& bound) {
  const auto trouble = [](const std::string& why) {
    return fail(Error::Kind::invalid,
                "cannot invite listeners: " + why + "; give the host as an address at which they reach this one");
  };
  if (options.host.empty()) {
    if (!bound.is_any()) return bound.host();
    auto own = own_address(bound.storage.ss_family);
    if (!own) return trouble(own.error().message);
    return own;
  }
  const auto host = numeric_address(options.host, bound.port());
  if (!host) return trouble(host.error().message);
  if (host->is_any()) return trouble(options.host + " is where to listen, not where to connect to");
  return host->host();
}

}  // namespace

Result<std::unique_ptr<ports::Broadcaster>> make_broadcaster(const BroadcastOptions& options, ports::Logger& logger,
                                                             ports::Metrics& metrics) {
  auto door = open_door(options);
  if (!door) return std::unexpected(std::move(door.error()));
  const SocketAddress bound = bound_address(door->get());
  auto host = host_of(options, bound);
  if (!host) return std::unexpected(std::move(host.error()));
  Invitation invitation{std::move(*host), bound.port(), {}};
  crypto::random_bytes(invitation.key);
  return std::make_unique<TcpBroadcaster>(options, std::move(*door), std::move(invitation), logger, metrics);
}

}  // namespace openrun::stream
