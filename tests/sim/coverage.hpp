// What a run has seen: every fault that was injected, and every situation that the simulator must bring about. A
// campaign of many seeds in which one of them never occurred has not tested what it says it tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace openrun::simulation {

enum class Fault : std::uint8_t {
  gateway_crash,
  issuer_crash,
  relay_crash,
  gateway_freeze,
  issuer_freeze,
  relay_freeze,
  commit_lost,           // not performed, and the answer says so
  commit_doubt_applied,  // performed, the answer is lost
  commit_doubt_dropped,  // the connection is lost before the COMMIT arrives, the answer is in doubt
  commit_doubt_late,     // the answer is in doubt, and the transaction commits later unless it is terminated
  commit_timed_out,      // not performed; less at once may get through
  commit_conflict,       // 23505 out of nowhere
  store_call_failed,
  store_answer_lost,
  store_slow,
  store_down,
  store_full,
  broker_down,
  broker_clock_back,
  broker_clock_ahead,
  produce_refused,
  produce_lost,
  produce_unknown,
  produce_delayed,
  delivery_twice,
  rebalance,
  two_owners,
  results_lost,
  results_repeated,
  results_expired,
  poison_record,
  poison_burst,
  refused_user,
  replay_twice,
  http_lost,
  told_lost,  // past the log: the connection is cut, and silent until it is invited again
  told_late,  // and everything behind it on that connection
  told_twice,
  log_truncated,  // the end of the requests is gone, and decided records with it
  log_recreated,  // other records stand where decided ones stood
  log_outlived,   // the retention took records that were not decided yet
  stored_twice,   // a record is sent again though it had arrived
  count_,
};
inline constexpr std::size_t fault_count = std::to_underlying(Fault::count_);

enum class Situation : std::uint8_t {
  doubt_resolved_as_committed,
  doubt_resolved_as_lost,
  doubt_then_takeover,
  doubt_and_zombie,
  late_commit_terminated,
  late_commit_won,
  takeover_in_mid_batch,
  rebalance_while_commit_in_flight,
  fenced_writer,
  zombie_woke_up_fenced,
  two_writers_commit_in_the_same_moment,
  restock_lost_in_results,
  clock_step_at_the_opening,
  record_from_the_future,
  refused_record_found_by_halving,
  bulk_stop,
  bulk_stop_accepted,
  poison_first_in_a_batch,
  store_full_then_recovered,
  replay_twice,
  replay_twice_with_a_crash_between,
  replay_of_a_replayed_letter_ignored,
  replay_that_failed_again,
  replayed_after_the_end_and_still_issued,
  receipt_followed_its_replay,
  relay_crash_between_publish_and_cursor,
  relay_filled_a_gap,
  results_duplicated_out_of_order,
  gateway_restart_while_a_client_waits,
  result_before_its_delivery,
  unknown_delivery_that_was_decided,
  asked_twice_after_a_lost_answer,
  sold_out_told_at_the_gate,
  winner_told_at_the_gate,
  restocked_after_sold_out,
  command_repeated,
  command_refused,
  rescheduled,
  limit_reached,
  same_key_same_coupon,
  same_request_same_coupon,
  lost_log_noticed,
  strangers_receipt_refused,
  winner_asked_again_at_the_end,
  gateway_fell_behind_the_retention,
  results_repeated_from_the_beginning,
  restock_missed_by_a_gateway,
  outcome_heard_before_it_was_read,
  outcome_heard_after_it_was_read,
  outcome_heard_below_the_window,
  outcome_heard_after_a_takeover,
  outcome_heard_by_a_gateway_that_is_not_ready,
  issuer_crash_between_telling_and_publishing,
  count_,
};
inline constexpr std::size_t situation_count = std::to_underlying(Situation::count_);

[[nodiscard]] std::string_view name_of(Fault fault);
[[nodiscard]] std::string_view name_of(Situation situation);

struct Coverage {
  std::array<std::uint64_t, fault_count> faults{};
  std::array<std::uint64_t, situation_count> situations{};

  void count(Fault fault) { ++faults[std::to_underlying(fault)]; }
  void count(Situation situation) { ++situations[std::to_underlying(situation)]; }
  [[nodiscard]] std::uint64_t faults_total() const;
  void add(const Coverage& other);
};

}  // namespace openrun::simulation
