// TLS 1.2 and 1.3 for the server's connections: the certificate, which may be exchanged while the server runs, and one
// session a connection over its non-blocking socket. HTTP/1.1 only (ALPN).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <sys/types.h>

#include <openrun/base/result.hpp>
#include <openrun/ports/log.hpp>

struct ssl_st;
struct ssl_ctx_st;

namespace openrun::http {

struct TlsFiles {
  std::string certificate;  // PEM: the server's own, then those that lead to the root
  std::string key;          // PEM, not encrypted
};

// Of one connection, on its thread. Outlives neither the socket nor the connection.
class TlsSession {
 public:
  explicit TlsSession(ssl_st* session) : session_(session) {}
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // As recv() and send(): bytes, 0 at the end of the input, or -1 with errno, which is EAGAIN where the socket has to
  // become ready first. Both go on with the handshake until it is done. A read buffer of record_bytes_max or more takes
  // all that has been decrypted: nothing is left behind that epoll does not know of.
  [[nodiscard]] ssize_t read(char* buffer, std::size_t size);
  [[nodiscard]] ssize_t write(const char* bytes, std::size_t size);
  // Tells the client that nothing follows, as far as the socket takes it now.
  void finish_output();
  [[nodiscard]] bool is_established() const;
  // Whether the last call waits for the socket to become writable, else readable.
  [[nodiscard]] bool wants_write() const { return wants_write_; }

  static constexpr std::size_t record_bytes_max = 16 * 1024;

 private:
  ssize_t outcome_of(int result);

  ssl_st* session_;
  bool wants_write_ = false;
  bool is_broken_ = false;
};

// Of one server. Any thread.
class TlsContext {
 public:
  // Fails with a message that names the file and says what is wrong with it.
  [[nodiscard]] static Result<std::unique_ptr<TlsContext>> load(TlsFiles files, ports::Logger& logger);

  // The server's side, with the certificate as it is now; connections keep the one they began with.
  [[nodiscard]] std::unique_ptr<TlsSession> session(int socket);
  // Reads the files, and takes what they hold for new connections where it has changed. Whatever is wrong with it is
  // logged once, and the old pair stays.
  void refresh();

 private:
  struct Pair {
    std::string certificate;
    std::string key;
    bool operator==(const Pair&) const = default;
  };
  using Context = std::shared_ptr<ssl_ctx_st>;
  TlsContext(TlsFiles files, ports::Logger& logger) : files_(std::move(files)), logger_(logger) {}
  [[nodiscard]] Result<Pair> read_files() const;
  [[nodiscard]] Result<Context> made_of(const Pair& pair) const;

  const TlsFiles files_;
  ports::Logger& logger_;
  std::mutex mutex_;
  Context context_;           // under mutex_
  Pair current_;              // what context_ was made of; touched by refresh() alone
  Pair refused_;              // the same of the last pair that was not taken
  std::string last_failure_;  // the same of the message that was logged last
};

}  // namespace openrun::http
