// A server on a free port with a handler that tests can steer.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <openrun/http/server.hpp>
#include <openrun/ports/testing/recording.hpp>

#include "client.hpp"

namespace openrun::http::testing {

// Replies that the handler has put aside; taken from the test's thread, answered on the I/O thread.
class HeldReplies {
 public:
  struct Held {
    ports::IoThread* thread;
    std::shared_ptr<ports::HttpReply> reply;
    std::string path;
  };
  void put(ports::IoThread& thread, std::shared_ptr<ports::HttpReply> reply, std::string path) {
    {
      std::lock_guard lock(mutex_);
      held_.push_back({&thread, std::move(reply), std::move(path)});
    }
    arrived_.notify_all();
  }
  // Waits for the next one; its reply is null when patience ends.
  Held take() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, patience, [&] { return !held_.empty(); })) return {};
    Held first = std::move(held_.front());
    held_.erase(held_.begin());
    return first;
  }
  [[nodiscard]] std::size_t size() const {
    std::lock_guard lock(mutex_);
    return held_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Held> held_;
};

inline ports::HttpResponse text_response(std::string body) {
  ports::HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

// Runs `work` on the I/O thread and waits for it.
inline void on_thread(ports::IoThread& thread, std::function<void()> work) {
  auto state = std::make_shared<std::pair<std::mutex, std::condition_variable>>();
  bool is_done = false;
  thread.post([&, state] {
    work();
    std::lock_guard lock(state->first);
    is_done = true;
    state->second.notify_all();
  });
  std::unique_lock lock(state->first);
  ASSERT_TRUE(state->second.wait_for(lock, patience, [&] { return is_done; }));
}

class ServerTest : public ::testing::Test {
 protected:
  // /hold waits in `held_`, /drop is never answered, /throw throws, /large has a large body, /post is answered at once
  // and posts `posted_`; anything else echoes the request.
  void start(ServerOptions options = {}, ports::HttpLine line = {}) {
    options.port = 0;
    server_ = make_server(options, logger_);
    const auto started = server_->start(
        [this](ports::IoThread& thread, const ports::HttpRequest& request, std::shared_ptr<ports::HttpReply> reply) {
          if (request.path.starts_with("/hold")) return held_.put(thread, std::move(reply), std::string(request.path));
          if (request.path == "/drop") return;
          if (request.path == "/count") return reply->send(text_response(std::to_string(thread.awake_connections())));
          if (request.path == "/post") {
            thread.post(posted_);
            return reply->send(text_response("posted"));
          }
          if (request.path == "/throw") throw std::runtime_error("a bug");
          if (request.path == "/large") return reply->send(text_response(std::string(large_bytes, 'x')));
          std::string text = std::to_string(static_cast<int>(request.method)) + " " + std::string(request.path) + "?" +
                             std::string(request.query) + " " + std::string(request.header("x-test")) + " [" +
                             std::string(request.body) + "] " + std::string(request.remote_address);
          if (request.is_overdue) text += " overdue";
          reply->send(text_response(std::move(text)));
        },
        std::move(line));
    ASSERT_TRUE(started) << started.error().message;
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  void answer(HeldReplies::Held held, const std::string& text) {
    ASSERT_NE(held.reply, nullptr);
    on_thread(*held.thread, [&] { held.reply->send(text_response(text)); });
  }
  // Waits until as many connections are open.
  [[nodiscard]] bool has_connections(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (server_->connections() != count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  static constexpr std::size_t large_bytes = 32 * 1024 * 1024;
  ports::testing::RecordingLogger logger_;
  HeldReplies held_;
  std::function<void()> posted_;
  std::unique_ptr<Server> server_;
};

}  // namespace openrun::http::testing
