// rpc_campaign.CampaignService and rpc_coupon.CouponService: times are protobuf's, and there are no users in it, so
// that every issue is that of a new, anonymous one.
#pragma once

#include <rpc_campaign/rpc_campaign.pb.h>
#include <rpc_coupon/rpc_coupon.pb.h>

#include "gateway/connect/unary.hpp"
#include "gateway/dialects/translation.hpp"

namespace openrun::gateway::dialects {

class Rpc {
 public:
  explicit Rpc(Parts& parts) : translation_(parts) {}
  // Must not outlive this object.
  [[nodiscard]] connect::Service campaign_service();
  [[nodiscard]] connect::Service coupon_service();

  void create(connect::UnaryCall& call, const rpc_campaign::CreateCampaignRequest& request);
  void get(connect::UnaryCall& call, const rpc_campaign::GetCampaignRequest& request);
  void issue(connect::UnaryCall& call, const rpc_coupon::IssueCouponRequest& request);

 private:
  Translation translation_;
};

}  // namespace openrun::gateway::dialects
