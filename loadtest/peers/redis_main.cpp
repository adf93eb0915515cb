// The peer that most people build: a counter and a set of users in Redis, changed by one Lua script, behind an HTTP
// server that does nothing else. Commands of a turn go out in one write, replies of a wake-up are read and answered
// together; nothing is on disk, and nothing survives a kill. openrun-bench-redis PORT STOCK REDIS_SOCKET
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <hiredis/hiredis.h>
#include <sys/epoll.h>

#include "http_server.hpp"

namespace openrun::peers {
namespace {

// The hash of users to sequences is the counter as well: its length is what has been issued.
constexpr std::string_view script =
    "local issued = redis.call('HLEN', KEYS[1]) "
    "if issued >= tonumber(ARGV[2]) then return -(tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)) end "
    "if redis.call('HSETNX', KEYS[1], ARGV[1], issued + 1) == 1 then return issued + 1 end "
    "return -tonumber(redis.call('HGET', KEYS[1], ARGV[1]))";

using Context = std::unique_ptr<redisContext, decltype(&redisFree)>;
using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "openrun-bench-redis: %s\n", why.c_str());
  std::exit(1);
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

class Counter {
 public:
  Counter(const char* socket, std::uint64_t stock) : context_(connect(socket)) {
    redisContext* blocking = redisConnectUnix(socket);
    if (blocking == nullptr || blocking->err != 0) stop("no Redis listens on the socket");
    const Context guard(blocking, redisFree);
    const Reply emptied(static_cast<redisReply*>(redisCommand(blocking, "FLUSHALL")), freeReplyObject);
    const Reply loaded(static_cast<redisReply*>(redisCommand(blocking, "SCRIPT LOAD %b", script.data(), script.size())),
                       freeReplyObject);
    if (!emptied || !loaded || loaded->type != REDIS_REPLY_STRING) stop("Redis does not take the script");
    head_ = "*6\r\n" + bulk("EVALSHA") + bulk(loaded->str) + bulk("1") + bulk("users");
    tail_ = bulk(std::to_string(stock));
  }

  [[nodiscard]] int descriptor() const { return context_->fd; }

  void ask(Token token, std::string_view user) {
    command_ = head_;
    command_ += '$';
    command_ += std::to_string(user.size());
    command_ += "\r\n";
    command_ += user;
    command_ += "\r\n";
    command_ += tail_;
    redisAppendFormattedCommand(context_.get(), command_.data(), command_.size());
    asked_.push_back(token);
    unsent_ = true;
  }

  // False while there is more to send than Redis takes now.
  bool send() {
    if (!unsent_) return true;
    int done = 0;
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) stop(context_->errstr);
    unsent_ = done == 0;
    return !unsent_;
  }

  void receive(HttpServer& server) {
    if (redisBufferRead(context_.get()) != REDIS_OK) stop(context_->errstr);
    for (;;) {
      void* raw = nullptr;
      if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) stop(context_->errstr);
      if (raw == nullptr) return;
      const Reply reply(static_cast<redisReply*>(raw), freeReplyObject);
      if (reply->type != REDIS_REPLY_INTEGER) stop(reply->str == nullptr ? "a reply of another kind" : reply->str);
      const Token token = asked_.front();
      asked_.pop_front();
      answer(server, token, reply->integer);
    }
  }

 private:
  static redisContext* make(const char* socket) { return redisConnectUnixNonBlock(socket); }
  static Context connect(const char* socket) {
    Context context(make(socket), redisFree);
    if (!context || context->err != 0) stop("no Redis listens on the socket");
    return context;
  }

  void answer(HttpServer& server, Token token, long long result) {
    if (result > 0) {
      issued_ = static_cast<std::uint64_t>(result);
      server.set_issued(issued_);
      server.issued(token, issued_);
    } else if (result < 0) {
      server.already_issued(token, static_cast<std::uint64_t>(-result));
    } else {
      server.sold_out(token);
    }
  }

  Context context_;
  std::string head_;
  std::string tail_;
  std::string command_;
  std::deque<Token> asked_;  // Redis answers in this order
  std::uint64_t issued_ = 0;
  bool unsent_ = false;
};

void run(std::uint16_t port, std::uint64_t stock, const char* socket) {
  Counter counter(socket, stock);
  HttpServer server(port, stock, [&](Token token, std::string_view user) { counter.ask(token, user); });
  server.watch(counter.descriptor(), false, [&](std::uint32_t events) {
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) counter.receive(server);
  });
  server.run([&] { server.watch(counter.descriptor(), !counter.send(), nullptr); });
}

}  // namespace
}  // namespace openrun::peers

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: openrun-bench-redis PORT STOCK REDIS_SOCKET\n");
    return 2;
  }
  try {
    openrun::peers::run(static_cast<std::uint16_t>(std::atoi(argv[1])), std::strtoull(argv[2], nullptr, 10), argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "openrun-bench-redis: %s\n", error.what());
    return 1;
  }
  return 0;
}
