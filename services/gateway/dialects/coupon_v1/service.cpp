#include "gateway/dialects/coupon_v1/service.hpp"

#include <utility>

#include <openrun/wire/json.hpp>

namespace openrun::gateway::dialects {

connect::Service CouponV1::service() {
  using namespace coupon::v1;
  return {"coupon.v1.CouponService",
          "/coupon.v1.CouponService/{}",
          {connect::unary<IssueCouponRequest>("IssueCoupon", *this, &CouponV1::issue),
           connect::unary<GetCampaignRequest>("GetCampaign", *this, &CouponV1::get),
           connect::unary<CreateCampaignRequest>("CreateCampaign", *this, &CouponV1::create)}};
}

void CouponV1::create(connect::UnaryCall& call, const coupon::v1::CreateCampaignRequest& request) {
  const auto stock = stock_of(request.coupon_limit(), "coupon_limit");
  if (!stock) return call.reply->fail(failure_of(stock.error()));
  const auto starts_at = time_of(request.start_time(), "start_time");
  if (!starts_at) return call.reply->fail(failure_of(starts_at.error()));
  issuance::CampaignTerms terms;
  terms.name = request.name();
  terms.stock = *stock;
  terms.starts_at = *starts_at;
  translation_.create(call, std::move(terms), "name", [reply = call.reply](const Answer<issuance::Campaign>& created) {
    if (!created) return reply->fail(failure_of(created.error()));
    coupon::v1::CreateCampaignResponse response;
    response.set_campaign_id(static_cast<std::int32_t>(created->id.value));
    reply->succeed(response);
  });
}

void CouponV1::get(connect::UnaryCall& call, const coupon::v1::GetCampaignRequest& request) {
  translation_.show(call, campaign_of(request.campaign_id()), [reply = call.reply](Answer<ShownCampaign> shown) {
    if (!shown) return reply->fail(failure_of(shown.error()));
    const issuance::Campaign& campaign = shown->campaign;
    coupon::v1::GetCampaignResponse response;
    response.set_id(static_cast<std::int32_t>(campaign.id.value));
    response.set_name(campaign.terms.name);
    response.set_coupon_limit(campaign.terms.stock);
    response.set_current_coupon(campaign.issued);
    response.set_start_time(wire::format_time(campaign.terms.starts_at.value));
    response.set_created_at(wire::format_time(campaign.created_at.value));
    response.set_updated_at(wire::format_time(campaign.updated_at.value));
    for (std::string& code : shown->codes) response.add_issued_coupons(std::move(code));
    reply->succeed(response);
  });
}

void CouponV1::issue(connect::UnaryCall& call, const coupon::v1::IssueCouponRequest& request) {
  translation_.issue(call, campaign_of(request.campaign_id()), translation_.user_of(request.user_id()),
                     [reply = call.reply](const Answer<Issued>& issued) {
                       if (!issued) return reply->fail(failure_of(issued.error()));
                       coupon::v1::IssueCouponResponse response;
                       response.set_message("OK");
                       reply->succeed(response);
                     });
}

}  // namespace openrun::gateway::dialects
