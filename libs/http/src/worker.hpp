// One I/O thread of the server with its listening sockets and its connections.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/http/server.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/log.hpp>

#include "connection.hpp"
#include "event_loop.hpp"
#include "line.hpp"
#include "request_parser.hpp"
#include "response_writer.hpp"
#include "tls.hpp"

namespace openrun::http {

// What the workers of one server share. Outlives them.
struct Shared {
  Shared(ServerOptions server_options, ports::Logger& server_logger)
      : options(std::move(server_options)), logger(server_logger) {}

  const ServerOptions options;
  ports::Logger& logger;
  std::unique_ptr<TlsContext> tls;  // set before the workers start; null: none
  std::atomic<std::size_t> connections{0};
  std::mutex mutex;
  std::size_t workers_draining = 0;  // under mutex
  std::condition_variable emptied;   // connections or workers_draining has changed
};

class Worker final : public std::enable_shared_from_this<Worker> {
 public:
  static constexpr std::size_t scratch_bytes = 64 * 1024;

  Worker(std::shared_ptr<Shared> shared, std::size_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Takes the listening sockets. The thread runs until stop() and is joined by it.
  [[nodiscard]] Result<void> start(const std::vector<int>& sockets, ports::HttpHandler handler, ports::HttpLine line);
  void stop();
  void begin_drain();        // any thread
  void close_connections();  // any thread

  // From here on: on the worker's thread.
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] TlsContext* tls() { return shared_->tls.get(); }
  [[nodiscard]] const ServerOptions& options() const { return shared_->options; }
  [[nodiscard]] const ParseLimits& parse_limits() const { return parse_limits_; }
  [[nodiscard]] const ports::HttpHandler& handler() const { return handler_; }
  [[nodiscard]] char* scratch() { return scratch_.get(); }
  [[nodiscard]] ParsedRequest& parsed() { return parsed_; }
  [[nodiscard]] std::string_view date_line();
  [[nodiscard]] bool is_draining() const { return is_draining_; }
  [[nodiscard]] std::uint64_t next_request_number() { return ++requests_; }
  [[nodiscard]] std::shared_ptr<ports::HttpReply> make_reply(std::uint32_t slot, std::uint64_t request_number);
  // The connection that waits for the answer to this request, or null.
  [[nodiscard]] Connection* waiting(std::uint32_t slot, std::uint64_t request_number);
  // The connection to which the body of this answer is being streamed, or null.
  [[nodiscard]] Connection* streaming(std::uint32_t slot, std::uint64_t request_number);
  void resume_later(std::uint32_t slot);
  // flush_if_due() is called after the turn's events, or at its end.
  void flush_later(std::uint32_t slot) { unflushed_.push_back(slot); }
  [[nodiscard]] Line& line() { return line_; }
  void report_throw(std::string_view what);
  void report_overfull_stream();
  // Its memory goes at the end of the turn: it may be on the stack.
  void bury(std::uint32_t slot);
  // A connection that was quiet has asked something.
  void one_wakes_up();

 private:
  class Reply;
  class Stream;

  struct Listener final : Pollable {
    Listener(Worker& its_worker, int its_socket) : worker(its_worker), socket(its_socket) {}
    void ready(std::uint32_t) override { (void)worker.accept_some(*this); }
    Worker& worker;
    int socket;  // -1 once the worker drains
  };

  // False once nobody is left in the backlog.
  bool accept_some(Listener& listener);
  void admit(int socket, std::string remote_address);
  void pause_accepting(Listener& listener);
  void refresh_tls();
  void sweep();
  void serve_line();
  void flush_answers();
  void count_awake();
  void drain_here();
  void close_all();

  std::shared_ptr<Shared> shared_;
  EventLoop loop_;
  const ParseLimits parse_limits_;
  const std::int64_t sweep_interval_ms_;
  ports::HttpHandler handler_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  bool is_draining_ = false;
  bool is_sweeping_ = false;
  std::uint64_t requests_ = 0;
  std::unique_ptr<char[]> scratch_;
  ParsedRequest parsed_;
  DateLine date_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by slot
  std::vector<std::uint32_t> free_slots_;
  std::size_t quiet_ = 0;  // so many of them are
  std::vector<std::uint32_t> unflushed_;
  std::vector<std::unique_ptr<Connection>> graveyard_;
  Line line_;
  bool is_line_timed_ = false;
  std::thread thread_;
};

}  // namespace openrun::http
