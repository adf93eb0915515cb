// The coupon as a request shows it. Pure functions.
#pragma once

#include <optional>
#include <string>

#include <openrun/base/ids.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/ports/gateway_store.hpp>

namespace openrun::gateway {

struct IssuedCoupon {
  std::string code;
  Sequence sequence;
  Timestamp issued_at;
  std::optional<Timestamp> valid_until;
};

[[nodiscard]] IssuedCoupon issued_coupon(const crypto::CouponCodes& codes, CampaignId campaign,
                                         const issuance::Policy& policy, Sequence sequence, Timestamp issued_at);
[[nodiscard]] IssuedCoupon issued_coupon(const ports::Coupon& coupon);

}  // namespace openrun::gateway
