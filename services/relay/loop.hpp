// The relay's loop for one partition: sans-I/O. It guarantees that every outbox row stands in the results topic, in
// order and at least once, and every dead letter in the dead-letters topic. It is told what happened and says what to
// do next; it reads no clock and never blocks, so the simulator runs this very class. One thread.
//
// The issuer publishes what it has just committed, so nearly every row is seen in the topic's tail and needs nothing. A
// row that has been missing there for missing_after_us since it was first seen here is published. The cursor (all rows
// below it are in the topic) moves only past rows that were seen in the topic or acknowledged by the broker, and is
// saved after that, never before: a crash between the two publishes a row twice, never not at all. A store that says
// that it stands before what is known here (Error::Kind::conflict) is read anew from its own cursor on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/ports/outbox.hpp>
#include <openrun/ports/request_log.hpp>

namespace openrun::relay {

struct LoopSettings {
  std::int64_t missing_after_us = 200'000;
  std::int64_t scan_interval_us = 100'000;
  // Of a relay that is not responsible for the partition, and fills it all the same when nobody else does: a row must
  // not wait until the group has noticed that its relay is dead.
  std::int64_t standby_missing_after_us = 2'500'000;
  std::int64_t standby_scan_interval_us = 500'000;
  std::int64_t outcome_retention_ms = 7LL * 24 * 3'600 * 1'000;
};

// Time as the shell saw it just before it called the loop.
struct Now {
  std::int64_t monotonic_us = 0;
  Timestamp wall;
};

// ---- what to do: each blocking action is performed at once and answered before next() is called again ----

struct ReadCursor {};  // answer: on_cursor
struct ScanEntries {   // answer: on_entries
  Offset from;
  std::size_t limit = 0;
};
// Opens the tail of the results topic at the first record not older than `since`, or at its end where there is none.
struct OpenTail {  // answer: on_tail_opened
  std::optional<Timestamp> since;
};
struct ReadTail {  // answer: on_tail
  std::int64_t timeout_us = 0;
};
struct FetchPayload {  // answer: on_payload
  Offset first_offset;
};
// Appends; the fate comes later by on_delivery with this token. Refused at once: on_delivery with `failed`.
struct PublishRow {
  std::uint64_t token = 0;
  std::string payload;
};
struct PublishDeadLetter {
  std::uint64_t token = 0;
  ports::ExportedDeadLetter dead_letter;
};
struct SaveCursor {  // answer: on_done
  Offset cursor;
};
struct ListDeadLetters {  // answer: on_dead_letters
  std::size_t limit = 0;
};
struct MarkExported {  // answer: on_done
  std::vector<std::int64_t> ids;
};
struct Prune {  // answer: on_pruned
  Timestamp before;
  std::size_t limit = 0;
};
// After a failure: nothing to do for that long, but deliveries.
struct Pause {
  std::int64_t duration_us = 0;
};
using Action = std::variant<ReadCursor, ScanEntries, OpenTail, ReadTail, FetchPayload, PublishRow, PublishDeadLetter,
                            SaveCursor, ListDeadLetters, MarkExported, Prune, Pause>;

// A record of the results topic as far as the relay looks: which range it holds.
struct SeenRange {
  Offset first_offset;
  Offset last_offset;
};

struct LoopStatus {
  bool caught_up = false;      // the tail was read up to the end that it had at start
  Offset cursor;               // as saved or about to be
  std::size_t backlog = 0;     // rows that are not known to be in the topic
  std::uint64_t filled = 0;    // rows published here
  std::uint64_t exported = 0;  // dead letters published here
  std::uint64_t pruned = 0;
  std::string trouble;  // what failed last; empty while all goes well
  // When the cursor last moved, or no row was known to be missing. In the shell's monotonic time.
  std::int64_t progress_us = 0;
};

class RelayLoop {
 public:
  // Tokens count from first_token on: those of an earlier loop for the same partition must not be taken for this one's.
  RelayLoop(const LoopSettings& settings, std::uint64_t first_token) : settings_(settings), next_token_(first_token) {}

  // Responsible for the partition, or standing by: then rows are filled later, and the cursor in Postgres, dead letters
  // and pruning are left to the owner. Two that both think they are the owner only publish twice. Standing by at first.
  void set_owner(bool owner) { owner_ = owner; }

  // ---- what happened ----
  void on_cursor(Now now, Result<Offset> answer);
  void on_entries(Now now, Result<std::vector<ports::OutboxEntry>> answer);
  // The offset in the results topic at which the tail began, and its end at that moment.
  void on_tail_opened(Now now, Result<ports::LogBounds> answer);
  // `position`: one past the last record of the results topic that was read. Unreadable records are left out of
  // `ranges`.
  void on_tail(Now now, Result<std::vector<SeenRange>> ranges, Offset position);
  void on_payload(Now now, Result<std::string> answer);
  void on_delivery(Now now, std::uint64_t token, ports::Delivery::Fate fate);
  void on_dead_letters(Now now, Result<std::vector<ports::ExportedDeadLetter>> answer);
  void on_pruned(Now now, Result<std::size_t> answer);
  void on_done(Now now, Result<void> answer);  // to SaveCursor and MarkExported

  // ---- what to do ----
  [[nodiscard]] Action next(Now now);
  // What remains to be saved at an orderly stop; empty when nothing does.
  [[nodiscard]] std::optional<Action> last_words() const;
  [[nodiscard]] const LoopStatus& status() const { return status_; }

  static constexpr std::size_t scan_limit = 1'000;
  static constexpr std::size_t seen_ahead_max = 100'000;  // ranges seen in the topic before their row was scanned
  static constexpr std::size_t rows_max = 20'000;         // known rows that the cursor has not passed
  static constexpr std::size_t publishing_max = 16;       // rows on their way
  static constexpr std::size_t dead_letters_limit = 100;
  static constexpr std::size_t prune_limit = 1'000;
  static constexpr std::int64_t save_interval_us = 1'000'000;
  static constexpr std::int64_t dead_letter_interval_us = 500'000;
  static constexpr std::int64_t prune_interval_us = 60'000'000;
  static constexpr std::int64_t retry_us_min = 100'000;
  static constexpr std::int64_t retry_us_max = 2'000'000;
  static constexpr std::int64_t clock_slack_ms = 5'000;  // between Postgres's clock and the broker's

 private:
  enum class Phase : std::uint8_t { cursor, first_scan, open_tail, running };
  struct Row {
    Offset last_offset;
    std::int64_t since_us = 0;  // first seen here, or last failed
    enum class State : std::uint8_t { missing, publishing, published } state = State::missing;
  };

  [[nodiscard]] std::optional<Action> next_publication(Now now);
  [[nodiscard]] std::optional<Action> next_due(Now now);
  [[nodiscard]] std::int64_t wake_us(Now now) const;
  void saw(SeenRange range);
  void advance(Now now);
  [[nodiscard]] std::int64_t missing_after_us() const {
    return owner_ ? settings_.missing_after_us : settings_.standby_missing_after_us;
  }
  void failed(Now now, const Error& error);
  void forget();
  void well();
  [[nodiscard]] std::size_t publishing() const;

  const LoopSettings settings_;
  std::uint64_t next_token_;
  bool owner_ = false;
  Phase phase_ = Phase::cursor;
  std::map<Offset, Row> rows_;     // known rows from the cursor on, by first_offset
  std::map<Offset, Offset> seen_;  // ranges in the topic that no known row has claimed
  Offset scan_from_;
  Offset saved_cursor_;
  Offset tail_target_;  // the end of the topic when the tail was opened
  std::optional<Timestamp> oldest_created_at_;
  std::optional<Offset> fetching_;
  std::deque<PublishRow> pending_payloads_;  // fetched, to be appended next
  std::map<std::uint64_t, Offset> row_tokens_;
  std::map<std::uint64_t, std::int64_t> dead_letter_tokens_;
  std::set<std::int64_t> exporting_;  // ids on their way or acknowledged and not yet marked
  std::deque<ports::ExportedDeadLetter> to_export_;
  std::vector<std::int64_t> exported_;  // acknowledged, to be marked
  std::vector<std::int64_t> marking_;
  bool saving_ = false;
  std::int64_t scan_at_us_ = 0;
  std::int64_t save_at_us_ = 0;
  std::int64_t dead_letters_at_us_ = 0;
  std::int64_t prune_at_us_ = 0;
  std::int64_t pause_until_us_ = 0;
  std::int64_t retry_us_ = 0;
  LoopStatus status_;
};

}  // namespace openrun::relay
