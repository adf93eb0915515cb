#include "gateway/dialects/rpc/services.hpp"

#include <utility>

#include <openrun/base/limits.hpp>

namespace openrun::gateway::dialects {
namespace {

using google::protobuf::Timestamp;

constexpr std::int64_t nanoseconds_max = 999'999'999;

Answer<openrun::Timestamp> time_of(const Timestamp& time) {
  const bool is_valid = time.seconds() >= 0 && time.seconds() <= limits::timestamp_ms_max / 1'000 &&
                        time.nanos() >= 0 && time.nanos() <= nanoseconds_max;
  if (is_valid) return openrun::Timestamp{time.seconds() * 1'000 + time.nanos() / 1'000'000};
  return std::unexpected(invalid_argument("begin_at must lie between the years 1970 and 9999"));
}

void fill(Timestamp& out, openrun::Timestamp time) {
  out.set_seconds(time.value / 1'000);
  out.set_nanos(static_cast<std::int32_t>(time.value % 1'000) * 1'000'000);
}

}  // namespace

connect::Service Rpc::campaign_service() {
  return {"rpc_campaign.CampaignService",
          "/rpc_campaign.CampaignService/{}",
          {connect::unary<rpc_campaign::GetCampaignRequest>("GetCampaign", *this, &Rpc::get),
           connect::unary<rpc_campaign::CreateCampaignRequest>("CreateCampaign", *this, &Rpc::create)}};
}

connect::Service Rpc::coupon_service() {
  return {"rpc_coupon.CouponService",
          "/rpc_coupon.CouponService/{}",
          {connect::unary<rpc_coupon::IssueCouponRequest>("IssueCoupon", *this, &Rpc::issue)}};
}

void Rpc::create(connect::UnaryCall& call, const rpc_campaign::CreateCampaignRequest& request) {
  const auto stock = stock_of(request.coupon_remains(), "coupon_remains");
  if (!stock) return call.reply->fail(failure_of(stock.error()));
  if (!request.has_begin_at()) return call.reply->fail(failure_of(invalid_argument("begin_at is missing")));
  const auto begin_at = time_of(request.begin_at());
  if (!begin_at) return call.reply->fail(failure_of(begin_at.error()));
  issuance::CampaignTerms terms;
  terms.name = request.title();
  terms.stock = *stock;
  terms.starts_at = *begin_at;
  translation_.create(call, std::move(terms), "title", [reply = call.reply](const Answer<issuance::Campaign>& created) {
    if (!created) return reply->fail(failure_of(created.error()));
    rpc_campaign::CreateCampaignResponse response;
    response.set_campaign_id(static_cast<std::int32_t>(created->id.value));
    response.set_title(created->terms.name);
    response.set_coupon_remains(int32_of(created->terms.stock - created->issued));
    fill(*response.mutable_begin_at(), created->terms.starts_at);
    reply->succeed(response);
  });
}

void Rpc::get(connect::UnaryCall& call, const rpc_campaign::GetCampaignRequest& request) {
  translation_.find(call, campaign_of(request.campaign_id()),
                    [reply = call.reply](const Answer<issuance::Campaign>& campaign) {
                      if (!campaign) return reply->fail(failure_of(campaign.error()));
                      rpc_campaign::GetCampaignResponse response;
                      response.set_campaign_id(static_cast<std::int32_t>(campaign->id.value));
                      response.set_title(campaign->terms.name);
                      response.set_coupon_remains(int32_of(campaign->terms.stock - campaign->issued));
                      fill(*response.mutable_begin_at(), campaign->terms.starts_at);
                      reply->succeed(response);
                    });
}

void Rpc::issue(connect::UnaryCall& call, const rpc_coupon::IssueCouponRequest& request) {
  translation_.issue(
      call, campaign_of(request.campaign_id()), translation_.anonymous_user(),
      [reply = call.reply](const Answer<Issued>& issued) {
        if (!issued) return reply->fail(failure_of(issued.error()));
        const CampaignId campaign = issued->campaign;
        rpc_coupon::IssueCouponResponse response;
        response.set_coupon_id((static_cast<std::int64_t>(campaign.value) << 32) | issued->coupon.sequence.value);
        response.set_campaign_id(static_cast<std::int32_t>(campaign.value));
        response.set_coupon_code(issued->coupon.code);
        fill(*response.mutable_issued_at(), issued->coupon.issued_at);
        reply->succeed(response);
      });
}

}  // namespace openrun::gateway::dialects
