// A raw client for tests: sends bytes as they are and reads answers with a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace openrun::http::testing {

inline constexpr std::chrono::milliseconds patience{10'000};

struct Answer {
  unsigned status = 0;  // 0: the connection ended, or patience did, before a whole answer was there
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // False where the other side has gone.
  bool send(std::string_view bytes);
  // The next whole answer. `has_body` is false for an answer to HEAD.
  Answer read(bool has_body = true);
  Answer ask(std::string_view bytes) {
    send(bytes);
    return read();
  }
  // What arrives up to and with `text`, as it is; empty where patience or the connection ends before.
  std::string read_through(std::string_view text);
  // Everything up to the end of the connection, with what was not read before.
  std::string read_to_end();
  // True where the server closes within patience without sending anything more.
  bool is_closed();
  // True where nothing arrives and nothing is closed for that long; returns as soon as something does.
  bool is_quiet_for(std::chrono::milliseconds time);
  void finish_sending();                                       // half-close
  void reset();                                                // closes so that the server sees a reset
  [[nodiscard]] bool was_reset() const { return was_reset_; }  // by the server, as far as was read

 private:
  // False at the end of the connection or of patience.
  bool receive_more(std::chrono::milliseconds timeout);

  int socket_ = -1;
  bool was_reset_ = false;
  std::string buffer_;
};

[[nodiscard]] std::string get(std::string_view target, std::string_view extra_headers = "");
[[nodiscard]] std::string post(std::string_view target, std::string_view body, std::string_view extra_headers = "");

}  // namespace openrun::http::testing
