// One client's connection: reads, has requests parsed, hands them to the handler, writes the answers. One request at a
// time; what is pipelined behind it waits in the buffer. Lives on one worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openrun/ports/http.hpp>

#include "event_loop.hpp"
#include "line.hpp"
#include "request_parser.hpp"
#include "response_writer.hpp"
#include "tls.hpp"

namespace openrun::http {

class Worker;

class Connection final : public Pollable, public Standing {
 public:
  // Takes the socket. `slot` is its place with the worker.
  Connection(Worker& worker, int socket, std::uint32_t slot, std::string remote_address);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void ready(std::uint32_t epoll_events) override;

  // The request that waits for its answer; 0: none.
  [[nodiscard]] std::uint64_t request_number() const { return state_ == State::answering ? request_number_ : 0; }
  void answer(const ports::HttpResponse& response);
  [[nodiscard]] bool has_client_gone() const { return is_input_closed_; }

  // The other way to answer: the head at once, the body by write_piece() until finish_stream(), or close_now(),
  // after which the client sees that the end is missing. To HEAD this is the whole answer.
  void begin_stream(const ports::HttpResponse& head);
  // The request whose body is being streamed; 0: none.
  [[nodiscard]] std::uint64_t streamed_number() const { return state_ == State::streaming ? request_number_ : 0; }
  void write_piece(std::string_view piece);
  void finish_stream();
  [[nodiscard]] std::size_t unsent() const { return output_.size() - written_; }
  // `ready` is posted once less than `bytes` are unsent, or the connection is closed.
  void when_unsent_below(std::size_t bytes, std::function<void()> ready);

  // Goes on with the request that stood in line.
  void come_in(bool is_overdue) override;

  // At the end of a turn: writes what its answers have left in the buffer, and goes on.
  void flush_if_due();
  // Goes on with what is pipelined behind an answered request.
  void resume();
  // Answers with `problem` and closes, in any state but `answering` and `streaming`.
  void refuse(const Problem& problem);
  void check_deadline(std::int64_t now_us);
  // Nothing was asked between two sweeps of the worker, and nothing waits for its answer. Ends with the next request,
  // of which the worker hears.
  [[nodiscard]] bool is_quiet() const { return is_quiet_; }
  // Once a sweep; true where it has become quiet now.
  [[nodiscard]] bool becomes_quiet() {
    const bool was_fresh = std::exchange(is_fresh_, false);
    if (was_fresh || is_quiet_ || state_ == State::answering || state_ == State::in_line) return false;
    is_quiet_ = true;
    return true;
  }
  // Answers what has arrived with Connection: close; closes where nothing has.
  void begin_drain();
  void close_now();
  [[nodiscard]] std::uint32_t slot() const { return slot_; }

 private:
  enum class State : std::uint8_t {
    reading,    // between requests, or in the middle of one
    in_line,    // a whole line of a request is there, and others are before it
    answering,  // the handler has it
    streaming,  // the head is written, the handler goes on with the body
    closing,    // once all is written
    lingering,  // all is written; what the client still sends is thrown away, so that it can read our answer
    closed,
  };

  void read_some();
  [[nodiscard]] ssize_t receive_bytes(std::size_t room);
  [[nodiscard]] ssize_t send_bytes();
  [[nodiscard]] bool is_handshaking() const { return tls_ && !tls_->is_established(); }
  void receive(std::string_view fresh);
  // Answers the requests in `bytes` as far as it goes; returns what is left over.
  [[nodiscard]] std::string_view work_through(std::string_view bytes);
  [[nodiscard]] bool is_worth_parsing(std::string_view bytes) const;
  void wait_for_more(const ParseOutcome& outcome, std::size_t have);
  // Whether the request that begins here has to stand in line first.
  [[nodiscard]] bool stands_in_line(std::string_view bytes);
  void hand_over(ParsedRequest& parsed);
  void flush();
  // At the end of the turn, with what others answer in it: whoever reads is then woken once, and not by each answer.
  void flush_later();
  void finish();
  // The answer is complete: on with the next request, or the end.
  void end_answer();
  void tell_watcher();
  void watch_for(std::uint32_t epoll_events);
  void set_deadline();
  [[nodiscard]] bool is_writing() const { return !output_.empty(); }

  Worker& worker_;
  const int socket_;
  const std::unique_ptr<TlsSession> tls_;  // null: none
  const std::uint32_t slot_;
  State state_ = State::reading;
  bool is_in_turn_ = false;       // work_through() is on the stack: it sees to the output at its end
  bool is_flush_due_ = false;     // see flush_later()
  bool is_input_closed_ = false;  // the client sends no more
  bool is_continue_sent_ = false;
  bool is_in_body_ = false;   // of the unfinished request the header has been seen
  bool may_come_in_ = false;  // of the unfinished request: it needn't stand in line, or not again
  bool is_overdue_ = false;   // of the unfinished request: it stood too long
  bool has_served_ = false;
  bool is_fresh_ = true;     // accepted, or has asked, since the last sweep
  bool is_quiet_ = false;    // see is_quiet()
  bool is_refused_ = false;  // what follows in the input is not to be read as requests
  bool has_unread_ = false;  // bytes stand behind the current request
  std::uint32_t watched_ = 0;
  Line::Place place_;  // while in_line
  ResponseForm form_;  // of the request that is being answered
  std::uint64_t request_number_ = 0;
  std::size_t needed_ = 0;   // see ParseOutcome::size
  std::size_t scanned_ = 0;  // so much of the unfinished request holds no further empty line
  std::size_t lingered_bytes_ = 0;
  std::size_t written_ = 0;       // of output_
  std::int64_t deadline_us_ = 0;  // 0: none
  std::string input_;             // from the beginning of an unfinished request on; usually empty
  std::string output_;
  std::size_t watched_bytes_ = 0;         // of when_unsent_below()
  std::function<void()> unsent_watcher_;  // empty: none
  const std::string remote_address_;
};

}  // namespace openrun::http
