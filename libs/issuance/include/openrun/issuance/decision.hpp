// The output of the decision.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <openrun/base/ids.hpp>

namespace openrun::issuance {

// Numbers are part of the results format: never reuse one. Refusals of requests stand in order of precedence.
enum class Outcome : std::uint8_t {
  none = 0,  // no record at this offset
  issued = 1,
  issued_before = 2,  // the same request once more in the log, or (max_per_user above 1) the same key: the same coupon

  campaign_not_found = 10,
  not_started = 11,
  already_issued = 12,  // max_per_user 1, and another request: carries the user's own coupon
  limit_reached = 13,   // max_per_user above 1
  paused = 14,
  closed = 15,
  ended = 16,
  sold_out = 17,

  dead_lettered = 30,
  replay_ignored = 31,   // the origin was resolved before, or is not a dead letter
  version_changed = 32,  // a DecisionVersion record

  command_applied = 40,
  command_repeated = 41,  // the same key again: nothing changed; `first_offset` says where the answer is
  // Refusals of commands.
  command_campaign_not_found = 50,
  command_campaign_exists = 51,
  command_already_started = 52,
  command_below_issued = 53,
  command_closed = 54,
  command_stock_above_limit = 55,
  command_ends_before_start = 56,
};

// All but none, in the order of their numbers.
inline constexpr std::array all_outcomes{
    Outcome::issued,
    Outcome::issued_before,
    Outcome::campaign_not_found,
    Outcome::not_started,
    Outcome::already_issued,
    Outcome::limit_reached,
    Outcome::paused,
    Outcome::closed,
    Outcome::ended,
    Outcome::sold_out,
    Outcome::dead_lettered,
    Outcome::replay_ignored,
    Outcome::version_changed,
    Outcome::command_applied,
    Outcome::command_repeated,
    Outcome::command_campaign_not_found,
    Outcome::command_campaign_exists,
    Outcome::command_already_started,
    Outcome::command_below_issued,
    Outcome::command_closed,
    Outcome::command_stock_above_limit,
    Outcome::command_ends_before_start,
};

[[nodiscard]] constexpr bool is_issued(Outcome o) {
  return o == Outcome::issued || o == Outcome::issued_before;
}
[[nodiscard]] constexpr bool is_request_refusal(Outcome o) {
  return o >= Outcome::campaign_not_found && o <= Outcome::sold_out;
}
[[nodiscard]] constexpr bool is_command(Outcome o) {
  return o >= Outcome::command_applied;
}
// The contract's name, for example "SOLD_OUT" or "BELOW_ISSUED".
[[nodiscard]] const char* to_string(Outcome outcome);

// What must be saved before what is sent: a Decision may be told to anybody only after the transaction that holds it
// has committed. Until then it is a guess of a machine that may have to be dropped.
struct Decision {
  Offset offset;
  Outcome outcome = Outcome::none;
  CampaignId campaign;           // 0 where the record names none
  Sequence sequence;             // of the coupon issued, or of the one that the user already holds; else 0
  Timestamp time;                // log time of the decision; for a coupon that existed before, its issued_at
  std::optional<Offset> origin;  // this record was a replay of that one; that one's receipt now shows this outcome
  std::optional<Offset> first_offset;  // command_repeated: the offset of the first use of the key
  bool operator==(const Decision&) const = default;
};

}  // namespace openrun::issuance
