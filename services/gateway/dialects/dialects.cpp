#include "gateway/dialects/dialects.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "gateway/connect/endpoint.hpp"
#include "gateway/connect/protocol.hpp"
#include "gateway/dialects/coupon_issuance_v1/service.hpp"
#include "gateway/dialects/coupon_v1/service.hpp"
#include "gateway/dialects/rpc/services.hpp"
#include "gateway/dialects/waiting_room/waiting_room.hpp"

namespace openrun::gateway::dialects {
namespace {

// What a request for a coupon is called in all of them.
constexpr std::string_view issue_method = "IssueCoupon";

}  // namespace

struct Dialects::Services {
  explicit Services(Parts& its_parts)
      : parts(its_parts),
        coupon(parts),
        coupon_issuance(parts),
        rpc(parts),
        waiting_room(parts),
        endpoints{connect::Endpoint(coupon.service(), parts.clock),
                  connect::Endpoint(coupon_issuance.service(), parts.clock),
                  connect::Endpoint(rpc.coupon_service(), parts.clock),
                  connect::Endpoint(rpc.campaign_service(), parts.clock)} {}

  Parts& parts;
  CouponV1 coupon;
  CouponIssuanceV1 coupon_issuance;
  Rpc rpc;
  WaitingRoom waiting_room;
  std::array<connect::Endpoint, 4> endpoints;
};

Dialects::Dialects(Parts& parts) : services_(std::make_unique<Services>(parts)) {}
Dialects::~Dialects() = default;

std::vector<Route> Dialects::routes() const {
  std::vector<Route> routes;
  for (const connect::Endpoint& endpoint : services_->endpoints) {
    // At the door they are asked here, because what is refused there must be told in the protocol's own words.
    const auto handle = [&endpoint, &limits = services_->parts.limits](Call& call) {
      const Door door = call.argument == issue_method ? Door::submit : Door::counted;
      if (const auto refused = limits.at_door(call, door)) {
        return call.reply->send(connect::error_response(connect::failure_of(*refused)));
      }
      endpoint.handle(call);
    };
    routes.push_back({ports::HttpMethod::post, endpoint.pattern(), handle, Door::open, issue_method});
  }
  std::ranges::move(services_->waiting_room.routes(), std::back_inserter(routes));
  return routes;
}

}  // namespace openrun::gateway::dialects
