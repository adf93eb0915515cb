#include "gateway/meters.hpp"

#include <string>
#include <vector>

namespace openrun::gateway {
namespace {

constexpr std::array named{
    issuance::Outcome::issued,      issuance::Outcome::issued_before,  issuance::Outcome::campaign_not_found,
    issuance::Outcome::not_started, issuance::Outcome::already_issued, issuance::Outcome::limit_reached,
    issuance::Outcome::paused,      issuance::Outcome::closed,         issuance::Outcome::ended,
    issuance::Outcome::sold_out,    issuance::Outcome::dead_lettered,
};
// Label values; in the order of RedemptionOutcome.
constexpr std::array<const char*, redemption_outcomes> redemptions{
    "REDEEMED", "REPEATED", "ALREADY_USED", "EXPIRED", "FORBIDDEN", "NOT_FOUND", "overloaded", "unavailable"};
constexpr const char* requests_name = "openrun_requests_total";
constexpr const char* requests_help =
    "Requests answered by POST, by outcome: a decision in upper case; waiting, overloaded or unavailable without one";

const std::vector<double>& latency_bounds() {
  static const std::vector<double> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return bounds;
}

}  // namespace

Meters::Meters(ports::Metrics& metrics)
    : waiting(metrics.counter(requests_name, requests_help, {{"outcome", "waiting"}})),
      overloaded(metrics.counter(requests_name, requests_help, {{"outcome", "overloaded"}})),
      unavailable(metrics.counter(requests_name, requests_help, {{"outcome", "unavailable"}})),
      accepted(metrics.counter("openrun_accepted_total", "Requests acknowledged by the log")),
      store_polls(metrics.counter("openrun_store_polls_total", "Polls for which the store had to be asked")),
      acknowledge_seconds(
          metrics.histogram("openrun_acknowledge_seconds", "Time from a POST to its outcome", latency_bounds())),
      append_seconds(metrics.histogram("openrun_append_seconds", "Time from a POST to the log's acknowledgement",
                                       latency_bounds())) {
  outcomes_.fill(&metrics.counter(requests_name, requests_help, {{"outcome", "other"}}));
  ports::Counter& other_refusal = metrics.counter(
      "openrun_gate_refusals_total", "Requests refused for certain before the log, by reason", {{"reason", "other"}});
  gate_.fill(&other_refusal);
  for (const issuance::Outcome outcome : named) {
    const auto index = static_cast<std::size_t>(outcome);
    const std::string name = outcome == issuance::Outcome::issued_before ? "ISSUED_BEFORE" : to_string(outcome);
    outcomes_[index] = &metrics.counter(requests_name, requests_help, {{"outcome", name}});
    gate_[index] = &metrics.counter("openrun_gate_refusals_total",
                                    "Requests refused for certain before the log, by reason", {{"reason", name}});
  }
  for (std::size_t i = 0; i < redemption_outcomes; ++i) {
    redemptions_.at(i) = &metrics.counter("openrun_redemptions_total", "Calls that redeem a coupon, by how they ended",
                                          {{"outcome", redemptions.at(i)}});
  }
}

}  // namespace openrun::gateway
