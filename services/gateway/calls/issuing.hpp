// One user's wish for one coupon, whoever speaks for the user: judged at the door, appended to the log, acknowledged,
// and, where that is asked for, held until it is decided. The REST handler and the dialects translate to it and from
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/base/trace_context.hpp>
#include <openrun/ports/http.hpp>

#include "gateway/calls/request_answer.hpp"
#include "gateway/parts.hpp"

namespace openrun::gateway {

// The views are needed until ask() returns.
struct IssueCall {
  CampaignId campaign;
  std::string_view user;  // is_valid_user_id
  std::string_view key;   // the idempotency key: printable ASCII, at most 128 characters, or empty
  std::optional<TraceContext> trace;
  SpanId span{};                 // of the call, set by ask() where it is sampled
  std::int64_t received_us = 0;  // monotonic
  std::int64_t wait_us = 0;      // how long after `received_us` the answer may be held for the outcome; 0: not at all
  bool may_refuse_early = true;  // false: whatever is known of the campaign, the log decides
};

// On I/O threads.
class Issuing {
 public:
  explicit Issuing(Parts& parts) : parts_(parts) {}

  // Answers waiting (with a receipt: a promise), decided, refused, needs_key or unavailable. A campaign that does not
  // exist is refused.
  void ask(ports::IoThread& io, const IssueCall& call, OnRequestAnswer on_answer);

 private:
  class Posted;

  void judge(ports::IoThread& io, const IssueCall& call, OnRequestAnswer on_answer);
  void admit(ports::IoThread& io, const CampaignView& view, const IssueCall& call, OnRequestAnswer on_answer);
  void load_then_admit(ports::IoThread& io, const IssueCall& call, OnRequestAnswer on_answer);
  void show_winner(ports::IoThread& io, const IssueCall& call, issuance::Outcome reason,
                   const OnRequestAnswer& on_answer);
  void append(ports::IoThread& io, const CampaignView& view, const IssueCall& call, OnRequestAnswer on_answer);
  void refuse(issuance::Outcome reason, const OnRequestAnswer& on_answer);
  void overloaded(std::string_view detail, const OnRequestAnswer& on_answer);
  void unavailable(Error::Kind error, const OnRequestAnswer& on_answer);

  Parts& parts_;
};

}  // namespace openrun::gateway
