#include "worker.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>

namespace openrun::http {
namespace {

constexpr int accepts_a_turn_max = 32;  // who is connected already waits for it
// So many connections above the limit are told 503 and closed in peace; beyond them the socket is just closed.
constexpr std::size_t refused_politely_max = 1'024;
constexpr std::int64_t accept_pause_ms = 100;  // when the process is out of file descriptors
constexpr std::int64_t sweep_interval_ms_min = 5;
constexpr std::int64_t sweep_interval_ms_max = 250;

// Deadlines are looked at so often: they are late by an eighth of the shortest at most.
std::int64_t sweep_interval(const ServerOptions& options) {
  const auto shortest = std::min({options.header_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp<std::int64_t>(shortest.count() / 8, sweep_interval_ms_min, sweep_interval_ms_max);
}

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace

// May outlive the connection and the server: what is written then reaches nobody.
class Worker::Stream final : public ports::HttpStream {
 public:
  Stream(std::shared_ptr<Worker> worker, std::uint32_t slot, std::uint64_t request_number)
      : worker_(std::move(worker)), slot_(slot), request_number_(request_number) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ~Stream() override {
    if (is_finished_ || worker_->loop().has_ended()) return;
    if (worker_->loop().is_on_thread()) {
      break_off(*worker_, slot_, request_number_);
    } else {
      auto* const loop = &worker_->loop();
      loop->post(
          [worker = std::move(worker_), slot = slot_, number = request_number_] { break_off(*worker, slot, number); });
    }
  }

  void write(std::string_view piece) override {
    OPENRUN_ASSERT(!is_finished_, "nothing follows the end of a stream");
    if (Connection* const connection = find()) connection->write_piece(piece);
  }
  void finish() override {
    OPENRUN_ASSERT(!is_finished_, "a stream ends once");
    is_finished_ = true;
    if (Connection* const connection = find()) connection->finish_stream();
  }
  [[nodiscard]] std::size_t unsent() const override {
    const Connection* const connection = find();
    return connection == nullptr ? 0 : connection->unsent();
  }
  void when_unsent_below(std::size_t bytes, std::function<void()> ready) override {
    Connection* const connection = find();
    if (connection == nullptr || connection->unsent() < bytes) return ready();
    connection->when_unsent_below(bytes, std::move(ready));
  }
  [[nodiscard]] bool abandoned() const override { return find() == nullptr; }

 private:
  [[nodiscard]] Connection* find() const {
    if (worker_->loop().has_ended()) return nullptr;
    OPENRUN_ASSERT(worker_->loop().is_on_thread(), "a stream is written on the I/O thread of its connection");
    return worker_->streaming(slot_, request_number_);
  }
  static void break_off(Worker& worker, std::uint32_t slot, std::uint64_t request_number) {
    if (Connection* const connection = worker.streaming(slot, request_number)) connection->close_now();
  }

  std::shared_ptr<Worker> worker_;
  const std::uint32_t slot_;
  const std::uint64_t request_number_;
  bool is_finished_ = false;
};

// Answers at most once. May outlive the connection and the server: it then reaches nobody.
class Worker::Reply final : public ports::HttpReply {
 public:
  Reply(std::shared_ptr<Worker> worker, std::uint32_t slot, std::uint64_t request_number)
      : worker_(std::move(worker)), slot_(slot), request_number_(request_number) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  ~Reply() override {
    if (is_answered_ || worker_->loop().has_ended()) return;
    if (worker_->loop().is_on_thread()) {
      answer_dropped(*worker_, slot_, request_number_);
    } else {
      auto* const loop = &worker_->loop();
      loop->post([worker = std::move(worker_), slot = slot_, number = request_number_] {
        answer_dropped(*worker, slot, number);
      });
    }
  }

  void send(ports::HttpResponse response) override {
    OPENRUN_ASSERT(!is_answered_, "a request is answered once");
    is_answered_ = true;
    if (worker_->loop().has_ended()) return;
    OPENRUN_ASSERT(worker_->loop().is_on_thread(), "a reply is sent on the I/O thread of its connection");
    if (Connection* const connection = worker_->waiting(slot_, request_number_)) connection->answer(response);
  }

  [[nodiscard]] std::shared_ptr<ports::HttpStream> stream(ports::HttpResponse head) override {
    OPENRUN_ASSERT(!is_answered_, "a request is answered once");
    is_answered_ = true;
    if (!worker_->loop().has_ended()) {
      OPENRUN_ASSERT(worker_->loop().is_on_thread(), "a reply is sent on the I/O thread of its connection");
      if (Connection* const connection = worker_->waiting(slot_, request_number_)) connection->begin_stream(head);
    }
    return std::make_shared<Stream>(worker_, slot_, request_number_);
  }

  [[nodiscard]] bool abandoned() const override {
    if (worker_->loop().has_ended()) return true;
    const Connection* const connection = worker_->waiting(slot_, request_number_);
    return connection == nullptr || connection->has_client_gone();
  }

 private:
  static void answer_dropped(Worker& worker, std::uint32_t slot, std::uint64_t request_number) {
    if (Connection* const connection = worker.waiting(slot, request_number)) {
      connection->answer(problem_response(problems::internal_error));
    }
  }

  std::shared_ptr<Worker> worker_;
  const std::uint32_t slot_;
  const std::uint64_t request_number_;
  bool is_answered_ = false;
};

Worker::Worker(std::shared_ptr<Shared> shared, std::size_t index)
    : shared_(std::move(shared)),
      loop_(index),
      parse_limits_{shared_->options.header_bytes_max, shared_->options.body_bytes_max},
      sweep_interval_ms_(sweep_interval(shared_->options)),
      scratch_(new char[scratch_bytes]),
      line_(loop_) {}

Worker::~Worker() {
  stop();
  for (const auto& listener : listeners_) {
    if (listener->socket >= 0) ::close(listener->socket);
  }
}

Result<void> Worker::start(const std::vector<int>& sockets, ports::HttpHandler handler, ports::HttpLine line) {
  for (const int socket : sockets) listeners_.push_back(std::make_unique<Listener>(*this, socket));
  handler_ = std::move(handler);
  line_.open(std::move(line));
  if (auto opened = loop_.open(); !opened) return opened;
  for (const auto& listener : listeners_) loop_.watch(listener->socket, EPOLLIN, *listener);
  if (tls() != nullptr && loop_.index() == 0) refresh_tls();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("http-" + std::to_string(loop_.index())).c_str());
    loop_.run(
        [this] { flush_answers(); },  // who is answered at once, as a poll is, does not wait for those who are told
        [this] {
          serve_line();
          flush_answers();
          graveyard_.clear();
        },
        [this] { close_all(); });
  });
  return {};
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void Worker::begin_drain() {
  loop_.post([this] { drain_here(); });
}

void Worker::close_connections() {
  loop_.post([this] { close_all(); });
}

void Worker::serve_line() {
  const Line::Again again = line_.end_turn(loop_.now_us());
  if (again.when == Line::Again::When::at_once) return loop_.post([] {});
  // Where there is no room something will happen on this thread that makes some, or the first is overdue.
  if (again.when == Line::Again::When::at_next_turn || std::exchange(is_line_timed_, true)) return;
  const std::int64_t left_us = again.at_us - loop_.now_us();
  loop_.after(std::max<std::int64_t>((left_us + 999) / 1'000, 1), [this] { is_line_timed_ = false; });
}

std::string_view Worker::date_line() {
  return date_.at(static_cast<std::int64_t>(std::time(nullptr)));
}

bool Worker::accept_some(Listener& listener) {
  for (int i = 0; i < accepts_a_turn_max && listener.socket >= 0; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int socket =
        ::accept4(listener.socket, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      admit(socket, text_of(address));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return false;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause_accepting(listener);
      return false;
    }
    // Anything else (ECONNABORTED, EINTR, network errors) is that connection's trouble alone.
  }
  return listener.socket >= 0;
}

void Worker::pause_accepting(Listener& listener) {
  shared_->logger.error("cannot accept connections; raise the limit of open files",
                        {{"error", std::string(std::strerror(errno))}});
  loop_.change(listener.socket, 0, listener);
  loop_.after(accept_pause_ms, [this, &listener] {
    if (listener.socket >= 0) loop_.change(listener.socket, EPOLLIN, listener);
  });
}

void Worker::refresh_tls() {
  loop_.after(shared_->options.tls_refresh.count(), [this] {
    tls()->refresh();
    refresh_tls();
  });
}

void Worker::admit(int socket, std::string remote_address) {
  const std::size_t open = shared_->connections.fetch_add(1, std::memory_order_acq_rel);
  const std::size_t maximum = shared_->options.connections_max;
  if (open >= maximum + (tls() == nullptr ? refused_politely_max : 0)) {
    ::close(socket);
    shared_->connections.fetch_sub(1, std::memory_order_acq_rel);
    return;
  }
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(connections_.size());
    connections_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  connections_[slot] = std::make_unique<Connection>(*this, socket, slot, std::move(remote_address));
  count_awake();
  if (!std::exchange(is_sweeping_, true)) loop_.after(sweep_interval_ms_, [this] { sweep(); });
  if (open >= maximum) connections_[slot]->refuse(problems::too_many_connections);
}

void Worker::bury(std::uint32_t slot) {
  if (connections_[slot]->is_quiet()) --quiet_;
  graveyard_.push_back(std::move(connections_[slot]));
  free_slots_.push_back(slot);
  count_awake();
  if (shared_->connections.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    std::lock_guard lock(shared_->mutex);
    shared_->emptied.notify_all();
  }
}

void Worker::one_wakes_up() {
  --quiet_;
  count_awake();
}

void Worker::count_awake() {
  loop_.set_awake_connections(connections_.size() - free_slots_.size() - quiet_);
}

void Worker::sweep() {
  const std::int64_t now = monotonic_now_us();
  bool is_any_left = false;
  for (std::size_t slot = 0; slot < connections_.size(); ++slot) {
    if (connections_[slot]) connections_[slot]->check_deadline(now);  // and it may be gone
    if (!connections_[slot]) continue;
    is_any_left = true;
    if (connections_[slot]->becomes_quiet()) ++quiet_;
  }
  count_awake();
  is_sweeping_ = is_any_left;
  if (is_any_left) loop_.after(sweep_interval_ms_, [this] { sweep(); });
}

// A slot may have another connection by now, which then has nothing due.
void Worker::flush_answers() {
  for (const std::uint32_t slot : unflushed_) {
    if (connections_[slot]) connections_[slot]->flush_if_due();
  }
  unflushed_.clear();
}

void Worker::drain_here() {
  if (std::exchange(is_draining_, true)) return;
  flush_answers();  // who has just been answered is idle
  for (const auto& listener : listeners_) {
    while (accept_some(*listener)) continue;  // whoever stands in the backlog has been promised a connection
    loop_.forget(listener->socket);
    ::close(std::exchange(listener->socket, -1));
  }
  for (std::size_t slot = 0; slot < connections_.size(); ++slot) {
    if (connections_[slot]) connections_[slot]->begin_drain();
  }
  std::lock_guard lock(shared_->mutex);
  ++shared_->workers_draining;
  shared_->emptied.notify_all();
}

void Worker::close_all() {
  flush_answers();
  for (std::size_t slot = 0; slot < connections_.size(); ++slot) {
    if (connections_[slot]) connections_[slot]->close_now();
  }
}

std::shared_ptr<ports::HttpReply> Worker::make_reply(std::uint32_t slot, std::uint64_t request_number) {
  return std::make_shared<Reply>(shared_from_this(), slot, request_number);
}

Connection* Worker::waiting(std::uint32_t slot, std::uint64_t request_number) {
  Connection* const connection = slot < connections_.size() ? connections_[slot].get() : nullptr;
  return connection != nullptr && connection->request_number() == request_number ? connection : nullptr;
}

Connection* Worker::streaming(std::uint32_t slot, std::uint64_t request_number) {
  Connection* const connection = slot < connections_.size() ? connections_[slot].get() : nullptr;
  return connection != nullptr && connection->streamed_number() == request_number ? connection : nullptr;
}

void Worker::resume_later(std::uint32_t slot) {
  loop_.post([this, slot, expected = connections_[slot].get()] {
    if (connections_[slot].get() == expected) expected->resume();
  });
}

void Worker::report_throw(std::string_view what) {
  shared_->logger.error("a request handler threw an exception", {{"error", std::string(what)}});
}

void Worker::report_overfull_stream() {
  shared_->logger.error("a stream was broken off: its handler wrote more than the client reads", {});
}

}  // namespace openrun::http
