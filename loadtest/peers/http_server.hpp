// The HTTP side that both peers share, as cheap as we can make it: one thread on epoll, Beast's parser without storage
// for fields, one receive and one send a request, answers sent in one go at the end of a turn. It understands what
// `openrun load` sends to a gateway, and nothing else.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace openrun::peers {

// Names a request that is to be answered; stale where its connection has gone since.
struct Token {
  std::uint32_t connection = 0;
  std::uint32_t generation = 0;
};

class HttpServer {
 public:
  // A POST of a request for a coupon by this user; the view lives as long as the call.
  using OnRequest = std::function<void(Token, std::string_view user)>;
  using OnReady = std::function<void(std::uint32_t events)>;

  // Listens on 127.0.0.1; throws std::system_error where that is impossible. The campaign has the id 1.
  HttpServer(std::uint16_t port, std::uint64_t stock, OnRequest on_request);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Another descriptor of the same loop, for reading or for both directions; again to change that.
  void watch(int descriptor, bool writes, OnReady on_ready);

  // Each answers one request; call each token once, from the loop's thread.
  void issued(Token token, std::uint64_t sequence);
  void already_issued(Token token, std::uint64_t sequence);
  void sold_out(Token token);

  // What GET /v1/campaigns/1 tells.
  void set_issued(std::uint64_t issued) { issued_ = issued; }

  // Until SIGTERM or SIGINT. `end_of_turn` runs after all that was ready has been read, before answers are sent.
  void run(const std::function<void()>& end_of_turn);

 private:
  struct Connection {
    int descriptor = -1;
    std::uint32_t generation = 0;
    std::string in;
    std::string out;
    bool answers = false;  // stands in with_answers_
    bool writes = false;   // epoll reports room to write
  };
  struct Watched {
    int descriptor = -1;
    bool writes = false;
    OnReady on_ready;
  };

  void accept_all();
  void on_connection(std::uint32_t index, std::uint32_t events);
  bool read(std::uint32_t index);
  // Bytes that were used; 0 where the request is not whole yet.
  std::size_t take_request(std::uint32_t index, std::string_view bytes);
  void answer(Token token, std::string_view status, std::string_view body);
  void coupon_answer(Token token, std::string_view status, std::string_view head, std::uint64_t sequence,
                     std::string_view issued_at);
  void send_all();
  void close(std::uint32_t index);
  void tell_time();

  std::uint64_t stock_;
  std::uint64_t issued_ = 0;
  OnRequest on_request_;
  int poll_ = -1;
  int listener_ = -1;
  int signals_ = -1;
  bool stopping_ = false;
  std::deque<Connection> connections_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> with_answers_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<std::int64_t> issued_ms_;  // of each sequence
  std::int64_t now_ms_ = 0;
  std::string now_;  // RFC 3339, of this turn
  std::string body_;
};

// A code that no two sequences share: what the coupon of this sequence shows.
std::string code_of(std::uint64_t sequence);

}  // namespace openrun::peers
