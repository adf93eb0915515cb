#include "gateway/dialects/dialects.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "gateway/connect/endpoint.hpp"
#include "gateway/dialects/coupon_issuance_v1/service.hpp"
#include "gateway/dialects/coupon_v1/service.hpp"
#include "gateway/dialects/rpc/services.hpp"
#include "gateway/dialects/waiting_room/waiting_room.hpp"

namespace openrun::gateway::dialects {

struct Dialects::Services {
  explicit Services(Parts& parts)
      : coupon(parts),
        coupon_issuance(parts),
        rpc(parts),
        waiting_room(parts),
        endpoints{connect::Endpoint(coupon.service(), parts.clock),
                  connect::Endpoint(coupon_issuance.service(), parts.clock),
                  connect::Endpoint(rpc.coupon_service(), parts.clock),
                  connect::Endpoint(rpc.campaign_service(), parts.clock)} {}

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
    routes.push_back({ports::HttpMethod::post, endpoint.pattern(), [&endpoint](Call& call) { endpoint.handle(call); }});
  }
  std::ranges::move(services_->waiting_room.routes(), std::back_inserter(routes));
  return routes;
}

}  // namespace openrun::gateway::dialects
