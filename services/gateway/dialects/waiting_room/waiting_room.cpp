#include "gateway/dialects/waiting_room/waiting_room.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <openrun/wire/json.hpp>

#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"
#include "gateway/rest/render.hpp"

namespace openrun::gateway::dialects {
namespace {

using issuance::Outcome;

constexpr std::string_view already = "ALREADY_ENQUEUED";

ports::HttpResponse status_response(std::string_view status, std::int64_t rank, std::string_view receipt = {},
                                    const std::function<void(wire::JsonWriter&)>& outcome = {}) {
  ports::HttpResponse response = json_response(200, {});
  wire::JsonWriter json(response.body);
  json.begin_object();
  json.key("status").string(status);
  json.key("rank").number(std::max<std::int64_t>(rank, 0));
  if (!receipt.empty()) json.key("receipt").string(receipt);
  if (outcome) {
    json.key("outcome");
    outcome(json);
  }
  json.end_object();
  no_store(response);
  return response;
}

void write_outcome(wire::JsonWriter& json, Outcome outcome, const std::optional<IssuedCoupon>& coupon) {
  const bool is_issued = issuance::is_issued(outcome);
  const bool is_failed = outcome == Outcome::dead_lettered;
  json.begin_object();
  json.key("status").string(is_issued ? "issued" : is_failed ? "failed" : "rejected");
  if (!is_issued) json.key("reason").string(issuance::to_string(outcome));
  if (coupon) {
    std::string text;
    append_coupon(text, *coupon);
    json.key("coupon").raw(text);
  }
  json.end_object();
}

ports::HttpResponse not_possible(const RequestAnswer& answer) {
  return answer.detail.empty() ? unavailable(answer.error) : overloaded(answer.detail);
}

ports::HttpResponse nobody() {
  ports::HttpResponse response = not_found("This user is not known here; enqueueing again is safe.");
  no_store(response);
  return response;
}

// Refusals that may be over by now: who calls again wants to stand in the queue again.
bool may_try_again(Outcome outcome) {
  return outcome == Outcome::not_started || outcome == Outcome::paused || outcome == Outcome::sold_out ||
         outcome == Outcome::dead_lettered;
}

}  // namespace

WaitingRoom::WaitingRoom(Parts& parts)
    : parts_(parts),
      issuing_(parts),
      polling_(parts),
      enqueued_(static_cast<std::size_t>(parts.settings.waiting_room_users)) {}

std::vector<Route> WaitingRoom::routes() {
  using enum ports::HttpMethod;
  const auto bound = [this](void (WaitingRoom::*member)(Call&)) {
    return [this, member](Call& call) { (this->*member)(call); };
  };
  return {{get, "/gate/events/{}/rank", bound(&WaitingRoom::rank), Door::poll},
          {post, "/gate/events/{}/enqueue", bound(&WaitingRoom::enqueue), Door::submit},
          {get, "/rank", bound(&WaitingRoom::rank), Door::poll},
          {post, "/enqueue", bound(&WaitingRoom::enqueue), Door::submit},
          {post, "/gate/events/{}/processing/complete", bound(&WaitingRoom::complete)}};
}

std::optional<WaitingRoom::Known> WaitingRoom::by_cookie(const ports::HttpRequest& request, const Visit& visit) const {
  const auto cookie = find_cookie(request, visit.campaign);
  if (!cookie) return std::nullopt;
  // Another user's, where several share a browser.
  if (!visit.user.empty() && cookie->user_hash != parts_.user_hash(visit.campaign.value, visit.user)) {
    return std::nullopt;
  }
  const auto place = parts_.signer.verify(cookie->receipt);
  if (!place || place->campaign != visit.campaign) return std::nullopt;
  return Known{{*place, std::string(cookie->receipt)}, true};
}

std::optional<WaitingRoom::Known> WaitingRoom::by_name(const Visit& visit) {
  if (visit.user.empty()) return std::nullopt;
  const auto place = enqueued_.find(parts_.user_hash(visit.campaign.value, visit.user), visit.campaign);
  if (!place) return std::nullopt;
  return Known{{*place, parts_.signer.sign(*place)}, parts_.settings.users_by_token};
}

bool WaitingRoom::is_unnamed(const ports::HttpRequest& request, const Visit& visit) const {
  return !parts_.settings.users_by_token && visit.user.empty() && request.header("X-User-Id").empty();
}

std::optional<ports::HttpResponse> WaitingRoom::authenticate(const Call& call, Visit& visit) const {
  if (is_unnamed(call.request, visit)) {
    return invalid_request("The user is not named.", {{"userId", "is missing"}});
  }
  auto user = parts_.auth.user(call.request, visit.user.empty() ? std::nullopt : std::optional(visit.user));
  if (!user) return std::move(user.error());
  visit.user = std::move(*user);
  return std::nullopt;
}

void WaitingRoom::enqueue(Call& call) {
  auto visit = read_visit(call.request, call.argument);
  if (!visit) return call.reply->send(std::move(visit.error()));
  if (auto refused = authenticate(call, *visit)) return call.reply->send(std::move(*refused));
  if (auto refused = parts_.limits.submit(call, visit->user, visit->campaign)) {
    return call.reply->send(std::move(*refused));
  }
  const auto key = idempotency_key(call.request);
  if (!key) {
    return call.reply->send(invalid_idempotency_key());
  }
  auto known = by_cookie(call.request, *visit);
  if (!known) known = by_name(*visit);
  Entering entering;
  entering.io = &call.io;
  entering.user_hash = parts_.user_hash(visit->campaign.value, visit->user);
  entering.visit = std::move(*visit);
  entering.key = *key;
  entering.received_us = parts_.clock.monotonic_us();
  entering.is_long_form = !call.argument.empty();
  entering.trace = parse_traceparent(call.request.header(traceparent_name));
  entering.is_secure = parts_.settings.serves_tls || came_by_tls(call.request);
  entering.reply = call.reply;
  // With a key of its own a request is a new one, whoever sends it.
  if (!known || !entering.key.empty()) return append(entering);
  polling_.ask(call.io, known->receipt, 0,
               [this, entering = std::move(entering), is_holder = known->is_holder](const RequestAnswer& answer) {
                 const bool waits = answer.kind == RequestAnswer::Kind::waiting;
                 const bool is_decided = answer.kind == RequestAnswer::Kind::decided && !may_try_again(answer.outcome);
                 if (!waits && !is_decided) return append(entering);
                 entering.reply->send(status_response(already, waits ? answer.position : 0,
                                                      is_holder ? answer.receipt.text : std::string()));
               });
}

void WaitingRoom::append(const Entering& entering) {
  IssueCall issue;
  issue.campaign = entering.visit.campaign;
  issue.user = entering.visit.user;
  issue.key = entering.key;
  issue.trace = entering.trace;
  issue.received_us = entering.received_us;
  issue.may_refuse_early = false;
  issuing_.ask(*entering.io, issue, [this, entering](const RequestAnswer& answer) { tell_entered(entering, answer); });
}

void WaitingRoom::tell_entered(const Entering& entering, const RequestAnswer& answer) {
  switch (answer.kind) {
    case RequestAnswer::Kind::waiting:
    case RequestAnswer::Kind::decided: {
      enqueued_.put(entering.user_hash, answer.receipt.place);
      const bool waits = answer.kind == RequestAnswer::Kind::waiting;
      ports::HttpResponse response = status_response("ENQUEUED", waits ? answer.position : 0, answer.receipt.text);
      response.headers.emplace_back("Set-Cookie",
                                    set_cookie(entering.visit.campaign, answer.receipt.text, entering.user_hash,
                                               entering.is_long_form, entering.is_secure));
      return entering.reply->send(std::move(response));
    }
    case RequestAnswer::Kind::refused:
      return entering.reply->send(refusal(answer.outcome));
    case RequestAnswer::Kind::needs_key:
      return entering.reply->send(invalid_request("This campaign gives several coupons to a user.",
                                                  {{"Idempotency-Key", "is needed: each request must carry its own"}}));
    case RequestAnswer::Kind::gone:
    case RequestAnswer::Kind::unavailable:
      return entering.reply->send(not_possible(answer));
  }
}

std::expected<std::optional<WaitingRoom::Known>, ports::HttpResponse> WaitingRoom::by_receipt(
    const Call& call, const Visit& visit) const {
  const auto text = query_parameter(call.request.query, "receipt");
  if (!text) return by_cookie(call.request, visit);
  const auto place = parts_.signer.verify(*text);
  if (!place || place->campaign != visit.campaign) return std::unexpected(nobody());
  return Known{{*place, std::string(*text)}, true};
}

void WaitingRoom::rank(Call& call) {
  auto visit = read_visit(call.request, call.argument);
  std::expected<std::optional<Known>, ports::HttpResponse> known;
  if (visit) known = by_receipt(call, *visit);
  if (visit && known && *known) {
    if (auto refused = parts_.limits.poll(call, (*known)->receipt.place)) return call.reply->send(std::move(*refused));
    return tell_rank(call.io, (*known)->receipt, call.reply);
  }
  // Whoever has no receipt counts as any other call.
  if (auto refused = parts_.limits.at_door(call, Door::counted)) return call.reply->send(std::move(*refused));
  if (!visit) return call.reply->send(std::move(visit.error()));
  if (!known) return call.reply->send(std::move(known.error()));
  if (is_unnamed(call.request, *visit)) return call.reply->send(nobody());
  if (auto refused = authenticate(call, *visit)) return call.reply->send(std::move(*refused));
  if (const auto named = by_name(*visit)) return tell_rank(call.io, named->receipt, call.reply);
  find_coupon(call.io, *visit, call.reply);
}

void WaitingRoom::tell_rank(ports::IoThread& io, const NamedReceipt& receipt,
                            const std::shared_ptr<ports::HttpReply>& reply) {
  polling_.ask(io, receipt, 0, [reply](const RequestAnswer& answer) {
    switch (answer.kind) {
      case RequestAnswer::Kind::waiting:
        return reply->send(status_response("WAITING", answer.position));
      case RequestAnswer::Kind::decided:
        // The receipt of a command is nobody's place in the queue.
        if (issuance::is_command(answer.outcome)) return reply->send(nobody());
        return reply->send(status_response(
            "PROCESSING", 0, {}, [&](wire::JsonWriter& json) { write_outcome(json, answer.outcome, answer.coupon); }));
      case RequestAnswer::Kind::gone:
        return reply->send(gone());
      default:
        return reply->send(not_possible(answer));
    }
  });
}

void WaitingRoom::find_coupon(ports::IoThread& io, const Visit& visit, std::shared_ptr<ports::HttpReply> reply) {
  const bool accepted = parts_.pool.submit([&io, visit, reply](ports::GatewayStore& store) {
    io.post([reply, coupon = store.coupon_of(visit.campaign, visit.user, "")] {
      if (!coupon) return reply->send(unavailable(coupon.error().kind));
      if (!*coupon) return reply->send(nobody());
      reply->send(status_response("PROCESSING", 0, {}, [&](wire::JsonWriter& json) {
        write_outcome(json, Outcome::issued, issued_coupon(**coupon));
      }));
    });
  });
  if (!accepted) reply->send(overloaded(StorePool::full));
}

void WaitingRoom::complete(Call& call) {
  if (!parse_campaign(call.argument)) return call.reply->send(campaign_not_found());
  ports::HttpResponse response = json_response(200, R"({"status":"COMPLETED"})");
  no_store(response);
  call.reply->send(std::move(response));
}

}  // namespace openrun::gateway::dialects
