#include <openrun/issuance/decision.hpp>

namespace openrun::issuance {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::none:
      return "NONE";
    case Outcome::issued:
    case Outcome::issued_before:
      return "ISSUED";
    case Outcome::campaign_not_found:
      return "CAMPAIGN_NOT_FOUND";
    case Outcome::not_started:
      return "NOT_STARTED";
    case Outcome::already_issued:
      return "ALREADY_ISSUED";
    case Outcome::limit_reached:
      return "LIMIT_REACHED";
    case Outcome::paused:
      return "PAUSED";
    case Outcome::closed:
      return "CLOSED";
    case Outcome::ended:
      return "ENDED";
    case Outcome::sold_out:
      return "SOLD_OUT";
    case Outcome::dead_lettered:
      return "DEAD_LETTERED";
    case Outcome::replay_ignored:
      return "REPLAY_IGNORED";
    case Outcome::version_changed:
      return "VERSION_CHANGED";
    case Outcome::command_applied:
      return "APPLIED";
    case Outcome::command_repeated:
      return "REPEATED";
    case Outcome::command_campaign_not_found:
      return "CAMPAIGN_NOT_FOUND";
    case Outcome::command_campaign_exists:
      return "CAMPAIGN_EXISTS";
    case Outcome::command_already_started:
      return "ALREADY_STARTED";
    case Outcome::command_below_issued:
      return "BELOW_ISSUED";
    case Outcome::command_closed:
      return "CLOSED";
    case Outcome::command_stock_above_limit:
      return "STOCK_ABOVE_LIMIT";
    case Outcome::command_ends_before_start:
      return "ENDS_BEFORE_START";
  }
  return "UNKNOWN";
}

}  // namespace openrun::issuance
