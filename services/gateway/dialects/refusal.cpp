#include "gateway/dialects/refusal.hpp"

#include <utility>

#include "gateway/connect/protocol.hpp"

namespace openrun::gateway::dialects {
namespace {

using connect::Code;
using issuance::Outcome;

Refusal undecided(bool waited) {
  if (waited) {
    return {Code::deadline_exceeded, "DEADLINE_EXCEEDED",
            "not decided in time; the request stays in the queue, and asking again is safe", 0};
  }
  return {Code::unavailable, "UNAVAILABLE",
          "too many wait for their outcome; the request stays in the queue, and asking again is safe", 0};
}

Refusal internal_error() {
  return {Code::internal, "INTERNAL_SERVER_ERROR", "the service met an unexpected error; its log says more", 0};
}

}  // namespace

Refusal invalid_argument(std::string detail) {
  return {Code::invalid_argument, "INVALID_ARGUMENT", std::move(detail), 0};
}

Refusal record_not_found() {
  return {Code::not_found, "RECORD_NOT_FOUND", "there is no such campaign", 0};
}

Refusal refusal_of(const ports::HttpResponse& problem) {
  connect::Failure failure = connect::failure_of(problem);
  if (failure.code == Code::invalid_argument) return invalid_argument(std::move(failure.message));
  if (failure.code == Code::internal) return internal_error();
  return {failure.code, {}, std::move(failure.message), failure.retry_after_s};
}

Refusal refusal_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::campaign_not_found:
    case Outcome::command_campaign_not_found:
      return record_not_found();
    case Outcome::not_started:
      return {Code::failed_precondition, "CAMPAIGN_NOT_STARTED", "the campaign has not started", 0};
    case Outcome::already_issued:
      return {Code::already_exists, "COUPON_ALREADY_CLAIMED", "this user already holds a coupon", 0};
    case Outcome::limit_reached:
      return {Code::already_exists, "COUPON_ALREADY_CLAIMED", "this user already holds as many coupons as is allowed",
              0};
    case Outcome::paused:
      return {Code::failed_precondition, "CAMPAIGN_PAUSED", "the campaign is paused", 0};
    case Outcome::closed:
      return {Code::failed_precondition, "CAMPAIGN_CLOSED", "the campaign is closed", 0};
    case Outcome::ended:
      return {Code::failed_precondition, "CAMPAIGN_ENDED", "the campaign has ended", 0};
    case Outcome::sold_out:
      return {Code::failed_precondition, "COUPON_SOLD_OUT", "the campaign is sold out", 0};
    default:
      return internal_error();
  }
}

Refusal trouble(Error::Kind kind, std::string_view detail) {
  if (kind == Error::Kind::not_found) return record_not_found();
  if (kind == Error::Kind::internal || kind == Error::Kind::invalid) return internal_error();
  if (detail.empty()) detail = "the service can't decide this now; try again";
  return {Code::unavailable, "UNAVAILABLE", std::string(detail), 0};
}

std::optional<Refusal> refusal_of(const RequestAnswer& answer) {
  switch (answer.kind) {
    case RequestAnswer::Kind::decided:
      // An issued one has its coupon unless its campaign could not be read.
      if (issuance::is_issued(answer.outcome) && answer.coupon) return std::nullopt;
      return refusal_of(answer.outcome);
    case RequestAnswer::Kind::refused:
      return refusal_of(answer.outcome);
    case RequestAnswer::Kind::waiting:
      return undecided(answer.waited);
    case RequestAnswer::Kind::needs_key:
      return invalid_argument(
          "this campaign gives several coupons to a user: each request must carry its own Idempotency-Key");
    case RequestAnswer::Kind::gone:
      break;
    case RequestAnswer::Kind::unavailable:
      return trouble(answer.error, answer.detail);
  }
  return internal_error();
}

std::optional<Refusal> refusal_of(const CommandAnswer& answer) {
  switch (answer.kind) {
    case CommandAnswer::Kind::applied:
      if (answer.campaign) return std::nullopt;
      break;
    case CommandAnswer::Kind::undecided:
      return undecided(true);
    case CommandAnswer::Kind::refused:
      return refusal_of(answer.outcome);
    case CommandAnswer::Kind::too_large:
      return invalid_argument("the campaign does not fit into one record of the log");
    case CommandAnswer::Kind::unavailable:
      return trouble(answer.error, answer.detail);
  }
  return internal_error();
}

bool is_answer(const Refusal& refusal) {
  switch (refusal.code) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::already_exists:
    case Code::failed_precondition:
      return true;
    default:
      return false;
  }
}

connect::Failure failure_of(const Refusal& refusal) {
  const bool is_named =
      (is_answer(refusal) && refusal.code != Code::invalid_argument) || refusal.code == Code::internal;
  return {refusal.code, is_named ? std::string(refusal.name) : refusal.detail, refusal.retry_after_s};
}

}  // namespace openrun::gateway::dialects
