#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <exception>
#include <optional>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>

#include "worker.hpp"

namespace openrun::http {
namespace {

constexpr std::size_t output_kept_bytes_max = 64 * 1024;  // more is written out before the next request, and given back
constexpr std::size_t linger_bytes_max = 1024 * 1024;
constexpr std::int64_t linger_us = 2'000'000;
constexpr std::int64_t drain_first_request_us =
    1'000'000;  // a client that has just connected may still send its request

constexpr std::int64_t in_us(std::chrono::milliseconds time) {
  return time.count() * 1'000;
}

}  // namespace

Connection::Connection(Worker& worker, int socket, std::uint32_t slot, std::string remote_address)
    : worker_(worker),
      socket_(socket),
      tls_(worker.tls() == nullptr ? nullptr : worker.tls()->session(socket)),
      slot_(slot),
      watched_(EPOLLIN),
      remote_address_(std::move(remote_address)) {
  worker_.loop().watch(socket_, watched_, *this);
  set_deadline();
}

Connection::~Connection() {
  if (state_ != State::closed) ::close(socket_);
}

void Connection::watch_for(std::uint32_t epoll_events) {
  if (watched_ == epoll_events) return;
  watched_ = epoll_events;
  worker_.loop().change(socket_, epoll_events, *this);
}

void Connection::set_deadline() {
  const std::int64_t now = worker_.loop().now_us();
  if (state_ == State::lingering) {
    deadline_us_ = now + linger_us;
  } else if (is_writing()) {
    deadline_us_ = now + in_us(worker_.options().write_timeout);
  } else if (state_ == State::reading) {
    const bool is_idle = input_.empty() && !is_handshaking();
    deadline_us_ = now + in_us(is_idle ? worker_.options().idle_timeout : worker_.options().header_timeout);
  } else {
    deadline_us_ = 0;
  }
}

void Connection::ready(std::uint32_t epoll_events) {
  if (state_ == State::closed) return;
  // Both directions are gone: there is nobody to answer.
  if ((epoll_events & (EPOLLERR | EPOLLHUP)) != 0 && (state_ != State::reading || is_writing())) return close_now();
  if ((epoll_events & EPOLLOUT) != 0 && !is_handshaking()) {
    flush();
    if (state_ == State::reading && !is_writing()) resume();
  } else {
    read_some();
  }
}

void Connection::read_some() {
  const bool may_parse = state_ == State::reading && !is_writing();
  const std::size_t input_max = worker_.parse_limits().request_bytes_max();
  std::size_t room = Worker::scratch_bytes;
  if (!may_parse && state_ != State::lingering) {
    // The client is ahead of its answers: keep a bounded part, leave the rest in the kernel.
    if (input_.size() >= input_max) return watch_for(0);
    // What TLS has decrypted has to be taken out whole: epoll would not tell of the rest.
    if (!tls_) room = std::min(room, input_max - input_.size());
  }
  const bool was_handshaking = is_handshaking();
  const ssize_t count = receive_bytes(room);
  if (was_handshaking && state_ == State::reading && !is_writing()) {
    watch_for(is_handshaking() && tls_->wants_write() ? EPOLLOUT : EPOLLIN);
    if (!is_handshaking()) set_deadline();
  }
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) close_now();
    return;
  }
  if (count == 0) {
    is_input_closed_ = true;
    if (state_ == State::lingering) return close_now();
    watch_for(0);
    return resume();  // what came before the end is still answered; closes where nothing is left
  }
  const std::string_view fresh(worker_.scratch(), static_cast<std::size_t>(count));
  if (state_ == State::lingering) {
    lingered_bytes_ += fresh.size();
    if (lingered_bytes_ > linger_bytes_max) close_now();
  } else if (may_parse) {
    receive(fresh);
  } else {
    input_.append(fresh);
  }
}

ssize_t Connection::receive_bytes(std::size_t room) {
  static_assert(Worker::scratch_bytes >= TlsSession::record_bytes_max);
  // What still comes after the last answer is thrown away undecrypted.
  if (tls_ && state_ != State::lingering) return tls_->read(worker_.scratch(), room);
  return ::recv(socket_, worker_.scratch(), room, 0);
}

ssize_t Connection::send_bytes() {
  const std::string_view rest = std::string_view(output_).substr(written_);
  if (tls_) return tls_->write(rest.data(), rest.size());
  return ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
}

void Connection::receive(std::string_view fresh) {
  const bool was_idle = input_.empty();
  if (was_idle) {
    // The usual case: whole requests, parsed where they were read to.
    const std::string_view rest = work_through(fresh);
    if (state_ == State::closed) return;
    input_.assign(rest);
  } else {
    input_.append(fresh);
    const std::size_t rest = work_through(input_).size();
    if (state_ == State::closed) return;
    // A request that has only grown keeps the deadline of its first byte.
    if (rest == input_.size()) return;
    input_.erase(0, input_.size() - rest);
  }
  if (state_ == State::reading) set_deadline();
}

void Connection::resume() {
  if (state_ != State::reading || is_writing()) return;
  if (!input_.empty()) {
    const std::size_t rest = work_through(input_).size();
    if (state_ == State::closed) return;
    input_.erase(0, input_.size() - rest);
  }
  if (state_ != State::reading || is_writing()) return;
  if (is_input_closed_) return close_now();
  watch_for(EPOLLIN);
  set_deadline();
}

bool Connection::is_worth_parsing(std::string_view bytes) const {
  if (scanned_ == 0) return true;
  if (needed_ > 0) return bytes.size() >= needed_;
  const ParseLimits& limits = worker_.parse_limits();
  if (bytes.size() >= (is_in_body_ ? limits.request_bytes_max() : limits.header_bytes_max)) return true;
  const std::size_t from = std::min(bytes.size(), scanned_ - std::min<std::size_t>(scanned_, 3));
  return bytes.substr(from).find("\r\n\r\n") != std::string_view::npos;
}

void Connection::wait_for_more(const ParseOutcome& outcome, std::size_t have) {
  needed_ = outcome.size;
  scanned_ = have;
  is_in_body_ = outcome.is_header_complete;
  if (outcome.awaits_continue && !std::exchange(is_continue_sent_, true))
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
}

std::string_view Connection::work_through(std::string_view bytes) {
  is_in_turn_ = true;
  ParsedRequest& parsed = worker_.parsed();
  while (state_ == State::reading && !bytes.empty()) {
    if (stands_in_line(bytes)) break;
    if (!is_worth_parsing(bytes)) {
      scanned_ = bytes.size();
      break;
    }
    const ParseOutcome outcome = parse_request(bytes, worker_.parse_limits(), parsed);
    if (outcome.kind == ParseOutcome::Kind::incomplete) {
      wait_for_more(outcome, bytes.size());
      break;
    }
    if (outcome.kind == ParseOutcome::Kind::refused) {
      bytes = {};
      refuse(outcome.problem);
      break;
    }
    needed_ = scanned_ = 0;
    is_continue_sent_ = is_in_body_ = false;
    bytes.remove_prefix(outcome.size);
    has_unread_ = !bytes.empty();
    hand_over(parsed);
    if (output_.size() > output_kept_bytes_max) {
      flush();
      if (is_writing()) break;
    }
  }
  is_in_turn_ = false;
  flush_later();
  return bytes;
}

bool Connection::stands_in_line(std::string_view bytes) {
  if (may_come_in_) return false;
  const std::optional<RequestStart> start = peek_request(bytes);
  if (!start) return false;
  may_come_in_ = worker_.line().lets_in(*start);
  if (may_come_in_) return false;
  state_ = State::in_line;
  deadline_us_ = 0;  // the line has its own
  place_ = worker_.line().join(*this, worker_.loop().now_us());
  return true;
}

void Connection::come_in(bool is_overdue) {
  state_ = State::reading;
  may_come_in_ = true;
  is_overdue_ = is_overdue;
  resume();
}

void Connection::hand_over(ParsedRequest& parsed) {
  state_ = State::answering;
  is_fresh_ = true;
  if (std::exchange(is_quiet_, false)) worker_.one_wakes_up();
  deadline_us_ = 0;
  has_served_ = true;
  request_number_ = worker_.next_request_number();
  form_ = {.is_head = parsed.request.method == ports::HttpMethod::head,
           .keep_alive = parsed.keep_alive,
           .http_1_0 = parsed.http_1_0};
  parsed.request.remote_address = remote_address_;
  parsed.request.is_overdue = std::exchange(is_overdue_, false);
  may_come_in_ = false;
  try {
    worker_.handler()(worker_.loop(), parsed.request, worker_.make_reply(slot_, request_number_));
  } catch (const std::exception& error) {
    worker_.report_throw(error.what());  // the dropped reply has answered
  }
}

void Connection::answer(const ports::HttpResponse& response) {
  OPENRUN_ASSERT(state_ == State::answering, "a request is answered once");
  if (worker_.is_draining()) form_.keep_alive = false;
  append_response(output_, response, form_, worker_.date_line());
  end_answer();
}

void Connection::end_answer() {
  state_ = form_.keep_alive ? State::reading : State::closing;
  if (is_in_turn_) return;
  has_unread_ = has_unread_ || !input_.empty();
  flush_later();
}

void Connection::flush_later() {
  if (output_.empty()) return flush();
  if (!std::exchange(is_flush_due_, true)) worker_.flush_later(slot_);
}

void Connection::flush_if_due() {
  if (!std::exchange(is_flush_due_, false)) return;
  flush();
  if (state_ != State::reading || is_writing()) return;
  if (input_.empty() && !is_input_closed_) return set_deadline();
  worker_.resume_later(slot_);  // not now: others have their turn too
}

void Connection::begin_stream(const ports::HttpResponse& head) {
  OPENRUN_ASSERT(state_ == State::answering, "a request is answered once");
  OPENRUN_ASSERT(head.status >= 200 && head.status != 204 && head.status != 304, "a streamed answer has a body");
  if (worker_.is_draining() || form_.http_1_0) form_.keep_alive = false;
  append_stream_head(output_, head, form_, worker_.date_line());
  if (form_.is_head) return end_answer();
  state_ = State::streaming;
  if (!is_in_turn_) flush();
}

void Connection::write_piece(std::string_view piece) {
  if (piece.empty()) return;
  if (unsent() + piece.size() > ports::http_stream_unsent_bytes_max) {
    worker_.report_overfull_stream();
    return close_now();
  }
  if (written_ > output_kept_bytes_max) {
    output_.erase(0, written_);
    written_ = 0;
  }
  if (form_.http_1_0) {
    output_.append(piece);
  } else {
    append_chunk(output_, piece);
  }
  if (!is_in_turn_) flush();
}

void Connection::finish_stream() {
  if (!form_.http_1_0) output_.append(last_chunk);
  if (worker_.is_draining()) form_.keep_alive = false;
  unsent_watcher_ = nullptr;
  end_answer();
}

void Connection::when_unsent_below(std::size_t bytes, std::function<void()> ready) {
  OPENRUN_ASSERT(!unsent_watcher_, "a stream is watched by one at a time");
  watched_bytes_ = bytes;
  unsent_watcher_ = std::move(ready);
}

void Connection::tell_watcher() {
  // Not now: the socket's work is on the stack, and the watcher will write.
  if (unsent_watcher_) worker_.loop().post(std::exchange(unsent_watcher_, nullptr));
}

void Connection::refuse(const Problem& problem) {
  is_refused_ = true;
  append_response(output_, problem_response(problem), {.keep_alive = false}, worker_.date_line());
  state_ = State::closing;
  if (!is_in_turn_) flush();
}

void Connection::flush() {
  if (state_ == State::closed || state_ == State::lingering) return;
  bool has_moved = false;
  while (written_ < output_.size()) {
    const ssize_t count = send_bytes();
    if (count > 0) {
      written_ += static_cast<std::size_t>(count);
      has_moved = true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // A stream's next piece must not put off the end of a client that takes nothing.
      if (state_ != State::streaming || has_moved || deadline_us_ == 0) set_deadline();
      if (unsent() < watched_bytes_) tell_watcher();
      return watch_for(EPOLLOUT);
    } else if (errno != EINTR) {
      return close_now();
    }
  }
  written_ = 0;
  output_.clear();
  if (state_ == State::streaming || state_ == State::in_line) deadline_us_ = 0;
  tell_watcher();
  if (output_.capacity() > output_kept_bytes_max) output_.shrink_to_fit();
  if (state_ == State::closing) return finish();
  watch_for(is_input_closed_ ? 0U : EPOLLIN);
}

void Connection::finish() {
  if (is_input_closed_ || !(is_refused_ || has_unread_)) return close_now();
  // Closing a socket with unread bytes resets it, and the client may lose the answer.
  if (tls_) tls_->finish_output();
  ::shutdown(socket_, SHUT_WR);
  state_ = State::lingering;
  watch_for(EPOLLIN);
  set_deadline();
}

void Connection::check_deadline(std::int64_t now_us) {
  if (deadline_us_ == 0 || now_us < deadline_us_) return;
  if (state_ == State::reading && !is_writing() && !input_.empty()) return refuse(problems::timed_out);
  close_now();
}

void Connection::begin_drain() {
  if (state_ != State::reading || is_writing()) return;
  read_some();
  if (state_ != State::reading || is_writing() || !input_.empty()) return;
  if (has_served_) return close_now();
  deadline_us_ = std::min(deadline_us_, worker_.loop().now_us() + drain_first_request_us);
}

void Connection::close_now() {
  if (state_ == State::closed) return;
  if (state_ == State::streaming && form_.http_1_0) {
    // The end of the connection would be the end of the body: only a reset tells that it is not.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  } else if (tls_ && !is_writing() && state_ != State::streaming && state_ != State::lingering) {
    tls_->finish_output();
  }
  if (state_ == State::in_line) worker_.line().leave(place_);
  state_ = State::closed;
  worker_.loop().forget(socket_);
  ::close(socket_);
  tell_watcher();
  worker_.bury(slot_);
}

}  // namespace openrun::http
