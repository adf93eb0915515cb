// coupon_issuance.v1.CouponService: campaigns and users are text, and refusals are answers: HTTP 200 with `error` set.
// Whoever is not known, or gets no answer at all, sees an error of the protocol.
#pragma once

#include <coupon_issuance/v1/coupon_issuance.pb.h>

#include "gateway/connect/unary.hpp"
#include "gateway/dialects/translation.hpp"

namespace openrun::gateway::dialects {

class CouponIssuanceV1 {
 public:
  explicit CouponIssuanceV1(Parts& parts) : translation_(parts) {}
  // Must not outlive this object.
  [[nodiscard]] connect::Service service();

  void create(connect::UnaryCall& call, const coupon_issuance::v1::CreateCampaignRequest& request);
  void get(connect::UnaryCall& call, const coupon_issuance::v1::GetCampaignRequest& request);
  void issue(connect::UnaryCall& call, const coupon_issuance::v1::IssueCouponRequest& request);

 private:
  Translation translation_;
};

}  // namespace openrun::gateway::dialects
