#include "gateway/calls/issued_coupon.hpp"

namespace openrun::gateway {

IssuedCoupon issued_coupon(const crypto::CouponCodes& codes, CampaignId campaign, const issuance::Policy& policy,
                           Sequence sequence, Timestamp issued_at) {
  const auto alphabet =
      policy.code_format == issuance::CodeFormat::latin ? crypto::CodeAlphabet::latin : crypto::CodeAlphabet::hangul;
  return {codes.encode({campaign, sequence}, alphabet), sequence, issued_at, issuance::valid_until(policy, issued_at)};
}

IssuedCoupon issued_coupon(const ports::Coupon& coupon) {
  return {coupon.code, coupon.sequence, coupon.issued_at, coupon.valid_until};
}

}  // namespace openrun::gateway
