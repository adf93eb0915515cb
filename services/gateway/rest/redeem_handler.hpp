// POST /v1/coupons/{code}/redeem: uses a coupon, once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <openrun/ports/gateway_store.hpp>

#include "gateway/parts.hpp"
#include "gateway/rest/routes.hpp"

namespace openrun::gateway {

class RedeemHandler {
 public:
  explicit RedeemHandler(Parts& parts) : parts_(parts) {}

  // By its owner, or by an admin for whom it names or for whoever owns it. In this order: 404, 403 of another's coupon,
  // 200 where this call's Idempotency-Key has used it before, 409 where another call has, 410 where it has expired.
  void post(Call& call);

 private:
  void answer(const ports::Redemption& wish, const std::optional<ports::RedeemedCoupon>& found,
              ports::HttpReply& reply) const;
  void refuse(RedemptionOutcome outcome, ports::HttpResponse response, ports::HttpReply& reply) const;

  Parts& parts_;
};

}  // namespace openrun::gateway
