// Self-signed certificates, and a blocking TLS client with a deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace openrun::http::testing {

struct PemPair {
  std::string certificate;
  std::string key;
};
[[nodiscard]] PemPair self_signed(const std::string& common_name);

struct TlsWishes {
  int version_max = 0;  // TLS1_1_VERSION and so on; 0: the newest
  // ALPN in its wire form; empty: none.
  std::string protocols = {};  // NOLINT(readability-redundant-member-init): as in ServerOptions
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const TlsWishes& wishes = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  [[nodiscard]] bool is_established() const { return is_established_; }
  [[nodiscard]] std::string version() const;
  [[nodiscard]] std::string protocol() const;     // by ALPN
  [[nodiscard]] std::string common_name() const;  // of the server's certificate
  bool send(std::string_view bytes);
  // What arrives up to and with `text`; empty where patience or the connection ends before.
  std::string read_through(std::string_view text);
  // Everything to the end; was_closed_properly() then says whether the server told that it was the end.
  std::string read_to_end();
  [[nodiscard]] bool was_closed_properly() const { return was_closed_properly_; }

 private:
  bool receive_more();

  int socket_ = -1;
  ssl_ctx_st* context_ = nullptr;
  ssl_st* session_ = nullptr;
  bool is_established_ = false;
  bool was_closed_properly_ = false;
  std::string buffer_;
};

}  // namespace openrun::http::testing
