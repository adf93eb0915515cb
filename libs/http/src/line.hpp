// Those of one I/O thread who stand in line (ports::HttpLine). Knows no sockets and no clock: it is told the time, and
// says when it wants to be asked again. On the I/O thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include <openrun/ports/http.hpp>

#include "request_parser.hpp"

namespace openrun::http {

// Who stands in it: a connection with the request that it has begun to read.
class Standing {
 public:
  virtual ~Standing() = default;
  // It is its turn. May join again before this returns.
  virtual void come_in(bool is_overdue) = 0;
};

class Line {
  struct Entry {
    Standing* standing = nullptr;
    std::int64_t since_us = 0;
  };

 public:
  using Place = std::list<Entry>::iterator;
  // So many come in in a turn of the loop, whether they stood in line or not; then others have theirs.
  static constexpr std::size_t come_in_a_turn_max = 16;
  // So many come in for each that is refused, while there is room: refusing never takes more than its part of the CPU.
  static constexpr std::size_t come_in_for_a_refusal = 2;
  // Refusals that are saved up while nobody is overdue.
  static constexpr std::size_t refusals_saved_max = 16;

  explicit Line(const ports::IoThread& io) : io_(io) {}
  // Before anybody comes.
  void open(ports::HttpLine rules) { rules_ = std::move(rules); }

  // Whether such a request may come in at once; where it may not, it joins.
  [[nodiscard]] bool lets_in(const RequestStart& start);
  // `standing` leaves, or comes in, before it is destroyed.
  [[nodiscard]] Place join(Standing& standing, std::int64_t now_us);
  void leave(Place place) { spare_.splice(spare_.begin(), entries_, place); }

  struct Again {
    enum class When : std::uint8_t { at_next_turn, at_time, at_once } when = When::at_next_turn;
    std::int64_t at_us = 0;
  };
  // Calls in who may come in, and who is overdue. Says when it wants to be called again, if not for other reasons
  // before.
  [[nodiscard]] Again end_turn(std::int64_t now_us);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  // False where the first has to wait.
  bool call_first(std::int64_t now_us);
  [[nodiscard]] std::int64_t overdue_at_us(const Entry& entry) const {
    return entry.since_us + rules_.wait_max.count() * 1'000;
  }
  [[nodiscard]] bool has_room() const { return !rules_.has_room || rules_.has_room(io_); }

  const ports::IoThread& io_;
  ports::HttpLine rules_;
  std::list<Entry> entries_;  // the oldest first; as many as there are connections at most
  std::list<Entry> spare_;    // of those who left; their memory is used again
  std::size_t came_in_ = 0;   // in this turn
  std::size_t saved_ = 0;     // who came in for no refusal yet
};

}  // namespace openrun::http
