// The listener and its connections, over epoll and the parser of Beast: HTTP/1.1, keep-alive, pipelining answered in
// order. Knows no routes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <openrun/base/result.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/log.hpp>

namespace openrun::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;                         // 0: any free one
  std::uint16_t second_port = 0;                     // serves the same; 0: there is none
  unsigned threads = 1;                              // one event loop each, SO_REUSEPORT between them
  std::size_t connections_max = 10'000;              // more are accepted and closed at once with 503
  std::size_t header_bytes_max = 8 * 1024;           // above: 431
  std::size_t body_bytes_max = 16 * 1024;            // above: 413
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a request to its end; of a handshake too
  std::chrono::milliseconds idle_timeout{75'000};    // between requests
  std::chrono::milliseconds write_timeout{30'000};
  // TLS 1.2 and above where both are named, in PEM; read again every tls_refresh, so that a new pair is taken for new
  // connections, on both ports. Connections above the limit are then closed without a word.
  // NOLINTBEGIN(readability-redundant-member-init): who names only other members would be warned without
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  // NOLINTEND(readability-redundant-member-init)
  std::chrono::milliseconds tls_refresh{3'000};
};

class Server {
 public:
  virtual ~Server() = default;
  // Binds and starts the threads. Fails with a message that names address and port, or the file of TLS.
  [[nodiscard]] virtual Result<void> start(ports::HttpHandler handler, ports::HttpLine line = {}) = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual std::size_t threads() const = 0;
  [[nodiscard]] virtual ports::IoThread& thread(std::size_t index) = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;
  // Stops accepting, answers what has arrived with Connection: close, closes idle connections, waits at most `grace`
  // for the others, and closes them: who streams without an end should end it before.
  virtual void drain(std::chrono::milliseconds grace) = 0;
};

[[nodiscard]] std::unique_ptr<Server> make_server(ServerOptions options, ports::Logger& logger);

// A small server of its own for /metrics, /livez and /readyz of daemons that serve nothing else: the same class, one
// thread.

}  // namespace openrun::http
