// Why a call of a dialect comes to nothing, in the words that clients of such systems look for. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openrun/issuance/decision.hpp>

#include "gateway/calls/commands.hpp"
#include "gateway/calls/request_answer.hpp"
#include "gateway/connect/unary.hpp"

namespace openrun::gateway::dialects {

struct Refusal {
  connect::Code code = connect::Code::internal;
  std::string_view name;  // a literal: RECORD_NOT_FOUND, COUPON_SOLD_OUT, ...
  std::string detail;     // a sentence for people
  std::int64_t retry_after_s = 0;
};

[[nodiscard]] Refusal invalid_argument(std::string detail);
[[nodiscard]] Refusal record_not_found();
// Of a request (a refusal or a dead letter) or of a command.
[[nodiscard]] Refusal refusal_of(issuance::Outcome outcome);
// Of what the gateway's own doors say: who asks, and how often.
[[nodiscard]] Refusal refusal_of(const ports::HttpResponse& problem);
// Of a failure of the store or the log.
[[nodiscard]] Refusal trouble(Error::Kind kind, std::string_view detail = {});

// Empty where the answer holds what was asked for: an issued coupon, or the campaign after its command.
[[nodiscard]] std::optional<Refusal> refusal_of(const RequestAnswer& answer);
[[nodiscard]] std::optional<Refusal> refusal_of(const CommandAnswer& answer);

// What the service says about the call, asked again it would say the same. False: the caller is not known, or nobody
// could say anything (time-out, overload, failure).
[[nodiscard]] bool is_answer(const Refusal& refusal);
// As an error of the protocol: the name is the message where the dialects know one.
[[nodiscard]] connect::Failure failure_of(const Refusal& refusal);

}  // namespace openrun::gateway::dialects
