#include "gateway/rest/coupons_handler.hpp"

#include <algorithm>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>

#include "gateway/rest/coupon_export.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway {
namespace {

constexpr std::size_t limit_default = 100;
constexpr std::size_t limit_max = 1'000;
// What one user can hold in sum is bounded only by the campaigns: show so many, the newest first.
constexpr std::size_t user_coupons_max = 1'000;

constexpr std::int64_t export_retry_after_s = 10;

ports::HttpResponse coupon_list(const std::vector<ports::Coupon>& coupons, std::size_t shown, Timestamp now,
                                bool with_next) {
  ports::HttpResponse response = json_response(200, {});
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("coupons").begin_array();
  for (std::size_t i = 0; i < shown; ++i) write_coupon(json, coupons[i], now);
  json.end_array();
  if (with_next) {
    json.key("next_after");
    if (shown < coupons.size() && shown > 0) {
      json.number(static_cast<std::int64_t>(coupons[shown - 1].sequence.value));
    } else {
      json.null();
    }
  }
  json.end_object();
  return private_response(std::move(response));
}

}  // namespace

void CouponsHandler::by_code(Call& call) {
  auto caller = parts_.auth.owner_or_admin(call.request);
  if (!caller) return call.reply->send(private_response(std::move(caller.error())));
  const auto text = percent_decode(call.argument);
  const auto key = text ? parts_.codes.decode(*text) : std::nullopt;
  if (!key) return call.reply->send(private_response(not_found("There is no such coupon.")));
  const auto reply = call.reply;
  const bool accepted =
      parts_.pool.submit([this, &io = call.io, key = *key, caller = *caller, reply](ports::GatewayStore& store) {
        io.post([this, caller, reply, coupon = store.coupon(key.campaign, key.sequence)] {
          if (!coupon) return reply->send(unavailable(coupon.error().kind));
          if (!*coupon) return reply->send(private_response(not_found("There is no such coupon.")));
          if (!caller.may_see((*coupon)->user)) {
            return reply->send(private_response(forbidden("This coupon belongs to another user.")));
          }
          ports::HttpResponse response = json_response(200, {});
          wire::JsonWriter json(response.body);
          write_coupon(json, **coupon, parts_.clock.now());
          reply->send(private_response(std::move(response)));
        });
      });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

void CouponsHandler::of_campaign(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) return call.reply->send(campaign_not_found());
  const bool as_csv = prefers_csv(call.request.header("Accept"));
  std::vector<FieldError> errors;
  std::optional<std::uint64_t> after = 0;
  std::optional<std::uint64_t> limit;
  if (const auto text = query_parameter(call.request.query, "after")) after = parse_number(*text, limits::stock_max);
  if (const auto text = query_parameter(call.request.query, "limit")) {
    limit = parse_number(*text, limit_max);
    if (limit.value_or(0) == 0) errors.push_back({"limit", "must be 1 to " + std::to_string(limit_max)});
  }
  if (!after) errors.push_back({"after", "must be a sequence"});
  if (!errors.empty()) return call.reply->send(invalid_request("The query has faults.", errors));

  const Page page{*campaign, Sequence{static_cast<std::uint32_t>(*after)}, limit};
  parts_.directory.find(call.io, *campaign,
                        [this, &io = call.io, page, as_csv, reply = call.reply](const Result<CampaignView>& view) {
                          if (!view) {
                            const bool absent = view.error().kind == Error::Kind::not_found;
                            return reply->send(absent ? campaign_not_found() : unavailable(view.error().kind));
                          }
                          as_csv ? export_all(io, page, reply) : list(io, page, reply);
                        });
}

void CouponsHandler::list(ports::IoThread& io, const Page& page, std::shared_ptr<ports::HttpReply> reply) {
  const auto rows = static_cast<std::size_t>(page.rows_max.value_or(limit_default));
  const bool accepted = parts_.pool.submit([this, &io, page, rows, reply](ports::GatewayStore& store) {
    const auto coupons = store.coupons_of_campaign(page.campaign, page.after, rows + 1);
    auto response = coupons ? coupon_list(*coupons, std::min(coupons->size(), rows), parts_.clock.now(), true)
                            : unavailable(coupons.error().kind);
    io.post([reply, response = std::move(response)]() mutable { reply->send(std::move(response)); });
  });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

void CouponsHandler::export_all(ports::IoThread& io, const Page& page, std::shared_ptr<ports::HttpReply> reply) {
  std::optional<Seat> seat = parts_.exports.take();
  if (!seat) return reply->send(overloaded("Too many exports are running; ask again later.", export_retry_after_s));
  const CouponExport::Range range{page.campaign, page.after, page.rows_max.value_or(limits::stock_max)};
  std::make_shared<CouponExport>(parts_, io, range, std::move(reply), std::move(*seat))->read_page();
}

void CouponsHandler::of_user(Call& call) {
  const auto user = percent_decode(call.argument);
  auto caller = parts_.auth.owner_or_admin(call.request);
  if (!caller) return call.reply->send(private_response(std::move(caller.error())));
  if (!user || !is_valid_user_id(*user)) {
    return call.reply->send(private_response(invalid_request("The user id in the path is not valid.")));
  }
  if (!caller->may_see(*user)) {
    return call.reply->send(private_response(forbidden("These coupons belong to another user.")));
  }
  const auto reply = call.reply;
  const bool accepted = parts_.pool.submit([this, &io = call.io, user = *user, reply](ports::GatewayStore& store) {
    const auto coupons = store.coupons_of_user(user, user_coupons_max);
    auto response =
        coupons ? coupon_list(*coupons, coupons->size(), parts_.clock.now(), false) : unavailable(coupons.error().kind);
    io.post([reply, response = std::move(response)]() mutable { reply->send(std::move(response)); });
  });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

}  // namespace openrun::gateway
