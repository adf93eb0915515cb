// What the issuer's loop asks its shell to do, and the facts it gives back with it. Plain values.
//
// Two channels, each with at most one action under way: the store's (blocking calls, made by the store thread) and the
// log's (blocking calls, made by the log thread). Everything else is done at once by whoever took the action. (After
// boostorg/mysql's sans-I/O algorithms, `impl/internal/sansio`: an algorithm returns the next action, a loop performs
// it.)
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/base/trace_context.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/coupon_store.hpp>

namespace openrun::issuer {

// Time as the shell saw it just before it called the loop.
struct Now {
  std::int64_t monotonic_us = 0;  // for intervals
  Timestamp wall;                 // for comparing with the records' times
};
inline constexpr std::int64_t never_us = INT64_MAX;

// A decision whose trace is sampled.
struct SampledDecision {
  TraceContext trace;  // of the record
  CampaignId campaign;
  Offset offset;
  issuance::Outcome outcome = issuance::Outcome::none;
  std::int64_t decided_us = 0;  // monotonic
};

// What a batch was made of, for metrics and spans; true only once it has committed.
struct BatchFacts {
  std::size_t records = 0;
  std::array<std::uint32_t, 64> outcomes{};  // by the number of issuance::Outcome
  Timestamp oldest_record;
  std::vector<SampledDecision> sampled;  // empty unless LoopSettings::keeps_traces
};

// ---- the store's channel ----

struct TakeOver {};  // answer: on_taken_over
struct Rebuild {
  Epoch epoch;
};  // answer: on_taken_over
struct LoadDetails {
  std::vector<CampaignId> campaigns;
};  // answer: on_details
struct QueryDispatchRate {};  // answer: on_dispatch_rate
struct QueryBulkAcceptance {  // answer: on_bulk_acceptance
  Offset first;
  Offset last;
};
struct Commit {
  std::shared_ptr<const ports::CommitBatch> batch;
};  // answer: on_commit
struct Probe {
  std::shared_ptr<const ports::CommitBatch> batch;
};  // answer: on_commit

// ---- the log's channel ----

struct OpenLog {
  Offset from;
};  // replaces the reader; answer: on_opened
struct AskBounds {  // answer: on_bounds
  std::chrono::milliseconds timeout{0};
};
struct ReadLog {  // answer: on_records
  std::size_t records_max = 0;
  std::chrono::milliseconds timeout{0};
};

// ---- at once, without an answer ----

struct InterruptRead {};  // end the ReadLog that is under way; its answer still comes

// To the results topic. Best effort: what does not get there is published by the relay.
struct Publish {
  std::shared_ptr<const ports::CommitBatch> batch;
  BatchFacts facts;
};

// Something that operators want to read about.
struct Notice {
  enum class Kind : std::uint8_t {
    taken_over,      // deciding begins: `first` is next_offset, `last` the end of the log
    dropped,         // what was decided and not committed is dropped; `reason` is ROLLED_BACK, IN_DOUBT, ...
    rebuilt,         // deciding goes on at `first`
    record_refused,  // the store refuses the record at `first`: it becomes a dead letter
    clock_ahead,     // the record at `first` is from the future; deciding pauses
    clock_caught_up,
    bulk_dead_letters,  // more than half of a batch would be dead letters, from `first` to `last`; waiting for an
                        // operator
    bulk_accepted,
    batch_shrunk,       // the batch from `first` to `last` took the store too long; smaller ones from now on
    store_unavailable,  // once per episode
    log_unavailable,    // once per episode
  } kind;
  std::string reason;
  std::string detail;
  Offset first;
  Offset last;
};
struct Tell {
  Notice notice;
};

// Deciding has ended for this partition and nothing will go on by itself.
struct Stop {
  std::string
      reason;  // UPPER_CASE, also a metric label: FENCED, LOG_LOST, DECISION_VERSION, RECORD_VERSION, STORE_REFUSED
  std::string message;  // for the operator
  std::string runbook;  // a path in the repository, empty for FENCED
};

using Action = std::variant<TakeOver, Rebuild, LoadDetails, QueryDispatchRate, QueryBulkAcceptance, Commit, Probe,
                            OpenLog, AskBounds, ReadLog, InterruptRead, Publish, Tell, Stop>;

[[nodiscard]] inline bool is_store_action(const Action& action) {
  return action.index() <= 6;
}
[[nodiscard]] inline bool is_log_action(const Action& action) {
  return action.index() >= 7 && action.index() <= 9;
}

}  // namespace openrun::issuer
