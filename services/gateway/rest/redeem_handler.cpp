#include "gateway/rest/redeem_handler.hpp"

#include <expected>
#include <utility>
#include <vector>

#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {

void RedeemHandler::post(Call& call) {
  const auto named = named_user(call.request);
  if (!named) return call.reply->send(private_response(named.error()));
  const auto caller = parts_.auth.user_or_admin(call.request, *named);
  if (!caller) return call.reply->send(private_response(caller.error()));
  const auto key = idempotency_key(call.request);
  if (!key) {
    return call.reply->send(private_response(invalid_idempotency_key()));
  }
  const auto text = percent_decode(call.argument);
  const auto code = text ? parts_.codes.decode(*text) : std::nullopt;
  if (!code) return refuse(RedemptionOutcome::not_found, not_found("There is no such coupon."), *call.reply);
  ports::Redemption wish{code->campaign, code->sequence, caller->user, std::string(*key), parts_.clock.now()};
  const auto reply = call.reply;
  const bool accepted =
      parts_.pool.submit([this, &io = call.io, reply, wish = std::move(wish)](ports::GatewayStore& store) {
        io.post([this, reply, wish, found = store.redeem(wish)] {
          if (found) return answer(wish, *found, *reply);
          parts_.meters.redemption(RedemptionOutcome::unavailable);
          reply->send(unavailable(found.error().kind));
        });
      });
  if (accepted) return;
  parts_.meters.redemption(RedemptionOutcome::overloaded);
  reply->send(overloaded(StorePool::full));
}

void RedeemHandler::answer(const ports::Redemption& wish, const std::optional<ports::RedeemedCoupon>& found,
                           ports::HttpReply& reply) const {
  if (!found) return refuse(RedemptionOutcome::not_found, not_found("There is no such coupon."), reply);
  const ports::Coupon& coupon = found->coupon;
  if (!wish.user.empty() && wish.user != coupon.user) {
    return refuse(RedemptionOutcome::forbidden, forbidden("This coupon belongs to another user."), reply);
  }
  const bool is_by_this_call = found->is_redeemed_now || (!wish.key.empty() && wish.key == found->key);
  if (coupon.used_at && is_by_this_call) {
    parts_.meters.redemption(found->is_redeemed_now ? RedemptionOutcome::redeemed : RedemptionOutcome::repeated);
    ports::HttpResponse response = json_response(200, {});
    wire::JsonWriter json(response.body);
    write_coupon(json, coupon, parts_.clock.now());
    return reply.send(private_response(std::move(response)));
  }
  if (coupon.used_at) {
    return refuse(
        RedemptionOutcome::already_used,
        problem(409, "ALREADY_USED", "A coupon can be used once.",
                [&](wire::JsonWriter& json) { json.key("used_at").string(wire::format_time(coupon.used_at->value)); }),
        reply);
  }
  if (!coupon.valid_until || wish.now < *coupon.valid_until) {
    // It was issued between the two looks of the store, which is no reason to refuse it.
    parts_.meters.redemption(RedemptionOutcome::overloaded);
    return reply.send(overloaded("The coupon has only just been issued; ask again."));
  }
  refuse(RedemptionOutcome::expired,
         problem(410, "EXPIRED", "The coupon can no longer be used.",
                 [&](wire::JsonWriter& json) {
                   json.key("valid_until").string(wire::format_time(coupon.valid_until->value));
                 }),
         reply);
}

void RedeemHandler::refuse(RedemptionOutcome outcome, ports::HttpResponse response, ports::HttpReply& reply) const {
  parts_.meters.redemption(outcome);
  reply.send(private_response(std::move(response)));
}

}  // namespace openrun::gateway
