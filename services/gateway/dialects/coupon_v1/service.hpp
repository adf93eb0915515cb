// coupon.v1.CouponService: campaigns and users are 32-bit integers, refusals are errors of the protocol.
#pragma once

#include <coupon/v1/coupon.pb.h>

#include "gateway/connect/unary.hpp"
#include "gateway/dialects/translation.hpp"

namespace openrun::gateway::dialects {

class CouponV1 {
 public:
  explicit CouponV1(Parts& parts) : translation_(parts) {}
  // Must not outlive this object.
  [[nodiscard]] connect::Service service();

  void create(connect::UnaryCall& call, const coupon::v1::CreateCampaignRequest& request);
  void get(connect::UnaryCall& call, const coupon::v1::GetCampaignRequest& request);
  void issue(connect::UnaryCall& call, const coupon::v1::IssueCouponRequest& request);

 private:
  Translation translation_;
};

}  // namespace openrun::gateway::dialects
