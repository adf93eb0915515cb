// The issuer's loop for one partition: sans-I/O. It is told what happened and says what to do next; it reads no clock,
// never blocks and starts no thread, so the simulator runs this very class. One thread at a time; the shell holds a
// lock around calls.
//
// Protocol: after every call of an on_...() and whenever wake_at_us() has come, call decide() on the thread that reads
// the log and next() until it is empty. Of the actions that next() returns, one of the store's channel and one of the
// log's may be under way at a time; each gets exactly one answer. The others are done at once.
//
// The order that everything hangs on: decide in memory -> commit -> publish. Exactly one commit is in flight, and
// meanwhile the next batch is decided on top of it. On anything but a clean commit the machine and all that was decided
// on top are dropped, the state is read again, and the log is read again from the checkpoint's next_offset.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/result.hpp>
#include <openrun/issuance/invariants.hpp>
#include <openrun/issuance/machine.hpp>
#include <openrun/ports/coupon_store.hpp>
#include <openrun/ports/request_log.hpp>

#include "issuer/actions.hpp"
#include "issuer/batch.hpp"
#include "issuer/coupon_chains.hpp"
#include "issuer/dead_letter_gate.hpp"
#include "issuer/dispatch_bucket.hpp"
#include "issuer/refusal_search.hpp"
#include "issuer/step_check.hpp"

namespace openrun::issuer {

struct LoopSettings {
  std::size_t batch_max = 5'000;           // records in one transaction
  std::int64_t clock_skew_ms_max = 1'000;  // a record's time further ahead of our wall clock: pause and alarm
  std::int64_t retry_ms_min = 50;          // after a failure, doubling up to
  std::int64_t retry_ms_max = 2'000;
  std::uint64_t hash_seed = 0;  // of the claim tables; changes no decision
  bool keeps_traces = false;    // BatchFacts::sampled is wanted
  // Campaigns whose details are asked for at once, and the claims that they hold among them. One that has more comes
  // alone.
  std::size_t details_max = 1'000;
  std::size_t detail_claims_max = 200'000;
};

// What the shell shows on /readyz and in gauges.
struct LoopStatus {
  enum class State : std::uint8_t { starting, running, rebuilding, waiting, stopped, finished } state = State::starting;
  std::string
      reason;  // of waiting and stopped: BULK_DEAD_LETTERS, LOG_LOST, FENCED, ...; of starting: why it takes time
  std::string message;
  Epoch epoch;
  Offset next_offset;                     // committed
  Offset log_end;                         // as asked last
  std::int64_t clock_ahead_ms = 0;        // of the record that waits for our clock; 0 where none does
  std::uint32_t dispatch_per_second = 0;  // in force; 0: no limit
  std::size_t batch_limit = 0;            // below batch_max where the store was too slow for more at once
  // When something was last decided durably, or nothing was known to wait. It stands still whatever the reason is: a
  // store, a log or a reader that says nothing, too. In the shell's monotonic time.
  std::int64_t progress_us = 0;
};

class IssuerLoop {
 public:
  // `codes` outlives the loop.
  IssuerLoop(Partition partition, const LoopSettings& settings, const crypto::CouponCodes& codes,
             WinnerHash winner_hash, HeadersOf headers_of);

  // ---- what happened ----
  void on_taken_over(Now now, Result<ports::TakenOver> answer);                    // to TakeOver and Rebuild
  void on_details(Now now, Result<std::vector<issuance::CampaignDetail>> answer);  // one each, in their order
  void on_dispatch_rate(Now now, Result<std::uint32_t> answer);
  void on_bulk_acceptance(Now now, Result<bool> answer);
  void on_commit(Now now, const ports::CommitAnswer& answer);  // to Commit and Probe
  void on_opened(Now now, Result<void> answer);
  void on_bounds(Now now, Result<ports::LogBounds> answer);
  void on_records(Now now, Result<ports::LogBatch> answer);
  // The partition goes to somebody else: the commit in flight is still answered and published, the rest is dropped.
  void on_revoked();

  // ---- what to do ----
  // ------------------------------------------------------------------------------------------------------- Decides
  // what was read, as far as it goes. On the thread that made the last read, so that headers can be asked for.
  void decide(Now now);
  [[nodiscard]] std::optional<Action> next(Now now);
  // When decide() and next() have something to do without a further event; never_us where nothing is planned.
  [[nodiscard]] std::int64_t wake_at_us() const;
  // Nothing is under way and nothing will be: revoked and done, or stopped.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const LoopStatus& status() const { return status_; }

  static constexpr std::int64_t bounds_interval_us = 1'000'000;  // log end for the queue length, and a lost log
  // At a takeover nothing is decided before the answer, however slow the broker is; later records wait meanwhile.
  static constexpr std::chrono::milliseconds takeover_bounds_timeout{5'000};
  static constexpr std::chrono::milliseconds bounds_timeout{500};
  static constexpr std::int64_t dispatch_interval_us = 500'000;  // when the store is free
  static constexpr std::int64_t dispatch_overdue_us = 400'000;   // later than that it goes before the next commit
  static constexpr std::int64_t bulk_question_interval_us = 2'000'000;
  static constexpr std::int64_t read_timeout_us_max = 500'000;
  static constexpr std::int64_t log_retry_us = 200'000;
  // Topics with the delete policy have no holes but the markers of transactions; a larger one is a loss.
  static constexpr std::int64_t skipped_offsets_max = 10'000;
  // Commits in a row after which a batch that was halved for a slow store may be twice as large again.
  static constexpr int commits_before_growth = 16;

 private:
  enum class Phase : std::uint8_t { starting, rebuilding, opening, checking, verifying, running, stopped, finished };
  struct InFlight {
    std::shared_ptr<const ports::CommitBatch> batch;
    BatchFacts facts;
    bool probe = false;
  };
  struct BulkHold {
    Offset first;
    Offset last;
    std::int64_t ask_at_us = 0;
    bool told = false;
  };

  // loop_store.cpp
  [[nodiscard]] std::optional<Action> next_store(Now now);
  [[nodiscard]] std::optional<Action> next_running(Now now);
  [[nodiscard]] std::optional<Action> next_trial();
  [[nodiscard]] Action commit_pending(Now now);
  void committed(InFlight done);
  void refused(Now now, const InFlight& batch, const std::string& message);
  void shrink(const InFlight& timed_out);
  void grow();
  void trial_answered(Now now, bool was_refused, const std::string& message);
  void settle_doubt(Offset next_offset);
  void restore(ports::TakenOver taken);
  void fenced(const std::string& message);
  void convict(Now now, const std::string& message);
  void end_stopped();
  void store_failed(Now now, const Error& error);
  void drop(Now now, const char* reason, const std::string& detail, bool at_once = false);

  // loop.cpp
  [[nodiscard]] std::optional<Action> next_log(Now now);
  [[nodiscard]] bool take_log_answer();
  void log_failed(Now now, const Error& error);
  void verify(const ports::LogRecord& record);
  void begin_running(Now now);
  void log_lost(const std::string& what);
  void stop(std::string reason, std::string message, std::string runbook);
  void tell(Notice notice);
  [[nodiscard]] std::int64_t backoff_us();

  // loop_decide.cpp
  void decide_buffer(Now now);
  [[nodiscard]] bool can_decide() const;
  [[nodiscard]] bool decide_front(Now now);
  [[nodiscard]] bool is_ahead_of_clock(const ports::LogRecord& record, Now now);
  void read_front(const ports::LogRecord& record);
  [[nodiscard]] bool is_blocked(Now now);
  void look_ahead(CampaignId first);
  void apply_front(const ports::LogRecord& record, Now now);
  void stop_for_version(std::uint32_t version, Offset from);
  void stop_for_record_version(std::uint32_t version, Offset offset);
  void clear_buffer();
  [[nodiscard]] bool buffer_empty() const { return buffer_position_ >= buffer_.records.size(); }

  const Partition partition_;
  const LoopSettings settings_;
  const WinnerHash winner_hash_;
  const HeadersOf headers_of_;

  Phase phase_ = Phase::starting;
  bool revoked_ = false;
  Epoch epoch_;
  std::optional<issuance::Machine> machine_;
  CouponChains chains_;  // of the same moment as machine_
  std::optional<PendingBatch> pending_;
  std::optional<InFlight> in_flight_;
  std::optional<InFlight> doubtful_;  // its answer was lost; the checkpoint will tell
  std::vector<CampaignId> missing_;   // deciding waits for their details; the first is that of the record in front
  std::optional<Stop> stopping_;      // as soon as what was decided before it has committed
  std::optional<BulkHold> bulk_;
  bool bulk_accepted_ = false;  // the pending batch may be written though it is more than half dead letters
  std::optional<RefusalSearch> search_;
  std::string refusal_;                    // what the store said last about the guilty record
  bool trial_complete_ = false;            // pending_ holds the records up to search_->probe_end()
  std::map<Offset, std::string> refused_;  // verdicts of the store that are not committed yet
  StepCheck step_check_;
  DispatchBucket bucket_;
  DeadLetterGate gate_;

  // The log's channel.
  bool log_busy_ = false;
  bool log_answer_stale_ = false;  // what comes was asked before the machine was dropped
  bool reading_ = false;
  Offset open_from_;
  std::uint64_t fingerprint_ = 0;
  ports::LogBatch buffer_;
  std::size_t buffer_position_ = 0;
  std::optional<ReadRecord> front_;  // the record at buffer_position_, once it was understood

  bool store_busy_ = false;
  bool was_running_ = false;
  bool store_told_ = false;
  bool log_told_ = false;
  std::int64_t backoff_ms_ = 0;
  int commits_in_a_row_ = 0;
  std::int64_t store_retry_at_us_ = 0;
  std::int64_t log_retry_at_us_ = 0;      // 0: nothing to wait for
  std::int64_t decide_at_us_ = never_us;  // deciding waits for a token or for our clock
  std::int64_t bounds_at_us_ = 0;
  std::int64_t dispatch_at_us_ = 0;
  std::deque<Action> outbox_;
  LoopStatus status_;
};

}  // namespace openrun::issuer
