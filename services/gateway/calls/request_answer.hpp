// What the calls about requests come to, before anybody writes it down in HTTP or in a dialect.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/base/result.hpp>
#include <openrun/crypto/receipt.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/http.hpp>

#include "gateway/calls/issued_coupon.hpp"
#include "gateway/parts.hpp"

namespace openrun::gateway {

struct NamedReceipt {
  crypto::Receipt place;
  std::string text;
};

struct RequestAnswer {
  enum class Kind : std::uint8_t {
    waiting,      // in the log and not decided yet: `receipt`, `position`
    decided,      // `receipt`, `outcome` (dead_lettered too), `coupon`
    refused,      // certain at the door, the log does not know of it: `outcome`, `coupon`
    needs_key,    // the campaign gives several coupons to a user, and the call carried no idempotency key
    gone,         // `receipt` is older than the outcomes that are kept, or of another log
    unavailable,  // nothing may be promised: `error`, `detail`
  } kind = Kind::unavailable;
  NamedReceipt receipt;
  std::int64_t position = 0;  // records that stand before it: an upper bound
  issuance::Outcome outcome = issuance::Outcome::none;
  std::optional<IssuedCoupon> coupon;  // what `outcome` gives, or shows with already_issued
  bool waited = false;                 // the wait that was asked for was kept
  Error::Kind error = Error::Kind::unavailable;
  std::string_view detail;  // a literal, for who asked; may be empty
};

// Called exactly once, on the I/O thread that asked, perhaps before the call returns.
using OnRequestAnswer = std::function<void(RequestAnswer)>;

// Answers `decided`; the code and its validity come from the campaign's policy, so where an outcome carries a coupon
// the campaign may have to be loaded first.
void answer_decided(Parts& parts, ports::IoThread& io, NamedReceipt receipt, const Found& found, bool waited,
                    OnRequestAnswer on_answer);

}  // namespace openrun::gateway
