#include <cerrno>
#include <cstring>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>
#include <openrun/http/server.hpp>

#include "worker.hpp"

namespace openrun::http {
namespace {

constexpr int backlog = 4'096;  // an open run's first second; the kernel may lower it (net.core.somaxconn)
constexpr std::chrono::milliseconds forced_close_grace{2'000};

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

Result<Endpoint> resolve(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0 || found == nullptr) {
    return fail(Error::Kind::invalid,
                "cannot listen on " + address + ": " + gai_strerror(code) + "; give an address of this host");
  }
  Endpoint endpoint;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.length = found->ai_addrlen;
  freeaddrinfo(found);
  return endpoint;
}

int enable(int socket, int level, int option) {
  const int on = 1;
  return setsockopt(socket, level, option, &on, sizeof on);
}

// A bound socket, or -1 with errno. Accepted sockets inherit TCP_NODELAY.
int bind_socket(const Endpoint& endpoint, bool is_shared) {
  const int socket = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  if (enable(socket, SOL_SOCKET, SO_REUSEADDR) == 0 && (!is_shared || enable(socket, SOL_SOCKET, SO_REUSEPORT) == 0) &&
      enable(socket, IPPROTO_TCP, TCP_NODELAY) == 0 &&
      ::bind(socket, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.length) == 0) {
    return socket;
  }
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  OPENRUN_ASSERT(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0, "a bound socket has a name");
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

class EpollServer final : public Server {
 public:
  EpollServer(ServerOptions options, ports::Logger& logger)
      : shared_(std::make_shared<Shared>(std::move(options), logger)) {
    OPENRUN_ASSERT(shared_->options.threads >= 1, "a server has a thread");
    for (unsigned i = 0; i < shared_->options.threads; ++i) workers_.push_back(std::make_shared<Worker>(shared_, i));
  }
  ~EpollServer() override {
    for (const auto& worker : workers_) worker->stop();
  }
  EpollServer(const EpollServer&) = delete;
  EpollServer& operator=(const EpollServer&) = delete;

  Result<void> start(ports::HttpHandler handler, ports::HttpLine line) override {
    const ServerOptions& options = shared_->options;
    if (!options.tls_certificate_file.empty()) {
      auto tls = TlsContext::load({options.tls_certificate_file, options.tls_key_file}, shared_->logger);
      if (!tls) return std::unexpected(tls.error());
      shared_->tls = std::move(*tls);
    }
    std::vector<std::vector<int>> sockets(workers_.size());
    auto listening = listen(options.port, workers_.size(), sockets);
    if (listening) {
      port_ = *listening;
      // Few come to the second port: one worker answers them.
      if (options.second_port != 0) listening = listen(options.second_port, 1, sockets);
    }
    Result<void> started;
    std::size_t taken = 0;
    if (!listening) started = std::unexpected(listening.error());
    for (; started && taken < workers_.size(); ++taken) {
      started = workers_[taken]->start(sockets[taken], handler, line);
    }
    if (!started) {
      for (; taken < sockets.size(); ++taken) {
        for (const int socket : sockets[taken]) ::close(socket);
      }
      return started;
    }
    is_started_ = true;
    return {};
  }
  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] std::size_t threads() const override { return workers_.size(); }
  [[nodiscard]] ports::IoThread& thread(std::size_t index) override { return workers_.at(index)->loop(); }
  [[nodiscard]] std::size_t connections() const override {
    return shared_->connections.load(std::memory_order_acquire);
  }

  void drain(std::chrono::milliseconds grace) override {
    if (!is_started_) return;
    for (const auto& worker : workers_) worker->begin_drain();
    if (wait_until_empty(grace)) return;
    for (const auto& worker : workers_) worker->close_connections();
    (void)wait_until_empty(forced_close_grace);
  }

 private:
  bool wait_until_empty(std::chrono::milliseconds timeout) {
    std::unique_lock lock(shared_->mutex);
    return shared_->emptied.wait_for(
        lock, timeout, [this] { return connections() == 0 && shared_->workers_draining == workers_.size(); });
  }

  [[nodiscard]] std::unexpected<Error> cannot_listen(std::uint16_t port) const {
    return fail(Error::Kind::unavailable, "cannot listen on " + shared_->options.address + " port " +
                                              std::to_string(port) + ": " + std::strerror(errno) +
                                              "; choose another port or stop who holds it");
  }

  // One listening socket for each of the first `count` workers, put into `sockets` also where it then fails. Returns
  // the port.
  Result<std::uint16_t> listen(std::uint16_t port, std::size_t count, std::vector<std::vector<int>>& sockets) {
    auto endpoint = resolve(shared_->options.address, port);
    if (!endpoint) return std::unexpected(endpoint.error());
    const bool is_shared = count > 1;
    if (is_shared && port != 0) {
      // SO_REUSEPORT would let a second daemon take a part of the first one's connections: without it this bind fails.
      const int probe = bind_socket(*endpoint, false);
      if (probe < 0) return cannot_listen(port);
      ::close(probe);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const int socket = bind_socket(*endpoint, is_shared);
      if (socket < 0) return cannot_listen(port);
      sockets[i].push_back(socket);
      if (::listen(socket, backlog) != 0) return cannot_listen(port);
      if (i > 0) continue;
      port = port_of(socket);
      endpoint = resolve(shared_->options.address, port);
      if (!endpoint) return std::unexpected(endpoint.error());
    }
    return port;
  }

  const std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::uint16_t port_ = 0;
  bool is_started_ = false;
};

}  // namespace

std::unique_ptr<Server> make_server(ServerOptions options, ports::Logger& logger) {
  return std::make_unique<EpollServer>(std::move(options), logger);
}

}  // namespace openrun::http
