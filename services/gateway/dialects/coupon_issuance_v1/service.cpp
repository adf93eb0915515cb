#include "gateway/dialects/coupon_issuance_v1/service.hpp"

#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/wire/json.hpp>

#include "gateway/rest/http_text.hpp"

namespace openrun::gateway::dialects {
namespace {

using namespace coupon_issuance::v1;

template <class Response>
void refuse(connect::UnaryReply& reply, const Refusal& refusal) {
  if (!is_answer(refusal)) return reply.fail(failure_of(refusal));
  Response response;
  response.mutable_error()->set_code(std::string(refusal.name));
  response.mutable_error()->set_message(refusal.detail);
  reply.succeed(response);
}

CampaignStatus status_of(issuance::CampaignState state) {
  switch (state) {
    case issuance::CampaignState::scheduled:
      return CAMPAIGN_STATUS_PENDING;
    case issuance::CampaignState::open:
    case issuance::CampaignState::paused:
      return CAMPAIGN_STATUS_ACTIVE;
    case issuance::CampaignState::sold_out:
    case issuance::CampaignState::ended:
    case issuance::CampaignState::closed:
      return CAMPAIGN_STATUS_ENDED;
  }
  return CAMPAIGN_STATUS_UNSPECIFIED;
}

void fill(Campaign& out, const issuance::Campaign& campaign, Timestamp now) {
  out.set_id(std::to_string(campaign.id.value));
  out.set_name(campaign.terms.name);
  out.set_description(campaign.terms.description);
  out.set_total_coupons_count(int32_of(campaign.terms.stock));
  out.set_issued_coupons_count(int32_of(campaign.issued));
  out.set_start_time(wire::format_time(campaign.terms.starts_at.value));
  out.set_status(status_of(issuance::state_at(campaign, now)));
}

}  // namespace

connect::Service CouponIssuanceV1::service() {
  return {"coupon_issuance.v1.CouponService",
          "/coupon_issuance.v1.CouponService/{}",
          {connect::unary<IssueCouponRequest>("IssueCoupon", *this, &CouponIssuanceV1::issue),
           connect::unary<GetCampaignRequest>("GetCampaign", *this, &CouponIssuanceV1::get),
           connect::unary<CreateCampaignRequest>("CreateCampaign", *this, &CouponIssuanceV1::create)}};
}

void CouponIssuanceV1::create(connect::UnaryCall& call, const CreateCampaignRequest& request) {
  const auto stock = stock_of(request.total_coupons_count(), "total_coupons_count");
  if (!stock) return refuse<CreateCampaignResponse>(*call.reply, stock.error());
  const auto starts_at = time_of(request.start_time(), "start_time");
  if (!starts_at) return refuse<CreateCampaignResponse>(*call.reply, starts_at.error());
  issuance::CampaignTerms terms;
  terms.name = request.name();
  terms.description = request.description();
  terms.stock = *stock;
  terms.starts_at = *starts_at;
  translation_.create(call, std::move(terms), "name",
                      [this, reply = call.reply](const Answer<issuance::Campaign>& created) {
                        if (!created) return refuse<CreateCampaignResponse>(*reply, created.error());
                        CreateCampaignResponse response;
                        fill(*response.mutable_campaign(), *created, translation_.now());
                        reply->succeed(response);
                      });
}

void CouponIssuanceV1::get(connect::UnaryCall& call, const GetCampaignRequest& request) {
  translation_.show(call, parse_campaign(request.campaign_id()),
                    [this, reply = call.reply](Answer<ShownCampaign> shown) {
                      if (!shown) return refuse<GetCampaignResponse>(*reply, shown.error());
                      GetCampaignResponse response;
                      fill(*response.mutable_campaign(), shown->campaign, translation_.now());
                      for (std::string& code : shown->codes)
                        response.mutable_campaign()->add_issued_coupon_codes(std::move(code));
                      reply->succeed(response);
                    });
}

void CouponIssuanceV1::issue(connect::UnaryCall& call, const IssueCouponRequest& request) {
  translation_.issue(call, parse_campaign(request.campaign_id()), translation_.user_of(request.user_id()),
                     [reply = call.reply](const Answer<Issued>& issued) {
                       if (!issued) return refuse<IssueCouponResponse>(*reply, issued.error());
                       IssueCouponResponse response;
                       Coupon& coupon = *response.mutable_coupon();
                       coupon.set_code(issued->coupon.code);
                       coupon.set_campaign_id(std::to_string(issued->campaign.value));
                       coupon.set_issued_at(wire::format_time(issued->coupon.issued_at.value));
                       coupon.set_user_id(issued->user);
                       reply->succeed(response);
                     });
}

}  // namespace openrun::gateway::dialects
