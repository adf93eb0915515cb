// gRPC in front of the handler of the HTTP server: each unary call is handed over as a POST of
// /{package.Service}/{Method} by the Connect protocol, which carries the same messages: the message as its body
// (application/proto), the metadata as headers, the deadline as Connect-Timeout-Ms. The answer's body is the message;
// an error of the protocol is the status (https://connectrpc.com/docs/protocol, "Error Codes": names and numbers are
// gRPC's). Streams are refused.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/ports/http.hpp>

namespace openrun::rpc {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 9090;                               // 0: any free one
  std::size_t calls_max = 20'000;                          // under way at once; more are RESOURCE_EXHAUSTED
  std::size_t message_bytes_max = std::size_t{16} * 1024;  // above: RESOURCE_EXHAUSTED
  std::string tls_certificate_file;                        // both or none: PEM; a new pair is taken within seconds
  std::string tls_key_file;
};

class Server {
 public:
  virtual ~Server() = default;
  // Binds and starts. Each call goes to one of `threads` in turn, which must outlive the server, and to `handler`
  // there. Fails with a message that names address and port.
  [[nodiscard]] virtual Result<void> start(ports::HttpHandler handler, std::vector<ports::IoThread*> threads) = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // Takes no more calls, and waits at most `grace` for those under way; what is left is cancelled. Every call must have
  // been answered or dropped before the server goes: the handler's waits end by themselves.
  virtual void drain(std::chrono::milliseconds grace) = 0;
};

[[nodiscard]] std::unique_ptr<Server> make_server(ServerOptions options);

}  // namespace openrun::rpc
