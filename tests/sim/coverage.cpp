#include "coverage.hpp"

#include <numeric>

namespace openrun::simulation {
namespace {

// In the order of the enumerations.
constexpr std::array<std::string_view, fault_count> fault_names{
    "gateway_crash",    "issuer_crash",    "relay_crash",          "gateway_freeze",       "issuer_freeze",
    "relay_freeze",     "commit_lost",     "commit_doubt_applied", "commit_doubt_dropped", "commit_doubt_late",
    "commit_timed_out", "commit_conflict", "store_call_failed",    "store_answer_lost",    "store_slow",
    "store_down",       "store_full",      "broker_down",          "broker_clock_back",    "broker_clock_ahead",
    "produce_refused",  "produce_lost",    "produce_unknown",      "produce_delayed",      "delivery_twice",
    "rebalance",        "two_owners",      "results_lost",         "results_repeated",     "results_expired",
    "poison_record",    "poison_burst",    "refused_user",         "replay_twice",         "http_lost",
    "told_lost",        "told_late",       "told_twice",           "log_truncated",        "log_recreated",
    "log_outlived",     "stored_twice",
};
constexpr std::array<std::string_view, situation_count> situation_names{
    "doubt_resolved_as_committed",
    "doubt_resolved_as_lost",
    "doubt_then_takeover",
    "doubt_and_zombie",
    "late_commit_terminated",
    "late_commit_won",
    "takeover_in_mid_batch",
    "rebalance_while_commit_in_flight",
    "fenced_writer",
    "zombie_woke_up_fenced",
    "two_writers_commit_in_the_same_moment",
    "restock_lost_in_results",
    "clock_step_at_the_opening",
    "record_from_the_future",
    "refused_record_found_by_halving",
    "bulk_stop",
    "bulk_stop_accepted",
    "poison_first_in_a_batch",
    "store_full_then_recovered",
    "replay_twice",
    "replay_twice_with_a_crash_between",
    "replay_of_a_replayed_letter_ignored",
    "replay_that_failed_again",
    "replayed_after_the_end_and_still_issued",
    "receipt_followed_its_replay",
    "relay_crash_between_publish_and_cursor",
    "relay_filled_a_gap",
    "results_duplicated_out_of_order",
    "gateway_restart_while_a_client_waits",
    "result_before_its_delivery",
    "unknown_delivery_that_was_decided",
    "asked_twice_after_a_lost_answer",
    "sold_out_told_at_the_gate",
    "winner_told_at_the_gate",
    "restocked_after_sold_out",
    "command_repeated",
    "command_refused",
    "rescheduled",
    "limit_reached",
    "same_key_same_coupon",
    "same_request_same_coupon",
    "lost_log_noticed",
    "strangers_receipt_refused",
    "winner_asked_again_at_the_end",
    "gateway_fell_behind_the_retention",
    "results_repeated_from_the_beginning",
    "restock_missed_by_a_gateway",
    "outcome_heard_before_it_was_read",
    "outcome_heard_after_it_was_read",
    "outcome_heard_below_the_window",
    "outcome_heard_after_a_takeover",
    "outcome_heard_by_a_gateway_that_is_not_ready",
    "issuer_crash_between_telling_and_publishing",
};
static_assert(!fault_names.back().empty() && !situation_names.back().empty(), "every one has a name");

}  // namespace

std::string_view name_of(Fault fault) {
  return fault_names[std::to_underlying(fault)];
}

std::string_view name_of(Situation situation) {
  return situation_names[std::to_underlying(situation)];
}

std::uint64_t Coverage::faults_total() const {
  return std::accumulate(faults.begin(), faults.end(), std::uint64_t{0});
}

void Coverage::add(const Coverage& other) {
  for (std::size_t i = 0; i < faults.size(); ++i) faults[i] += other.faults[i];
  for (std::size_t i = 0; i < situations.size(); ++i) situations[i] += other.situations[i];
}

}  // namespace openrun::simulation
