#include "gateway/rest/requests_handler.hpp"

#include <charconv>
#include <utility>

#include <openrun/base/text.hpp>
#include <openrun/wire/log_record.hpp>

#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr std::string_view user_rule = "must be 1 to 64 characters of valid UTF-8 without control characters";

struct NamedUser {
  std::string_view name;
  std::string owned;  // what `name` points to, where the body had to be parsed
};

// auth.mode trusted: the body's user_id, or X-User-Id where there is no body.
std::expected<NamedUser, ports::HttpResponse> user_of(const ports::HttpRequest& request) {
  NamedUser user;
  if (request.body.empty()) {
    user.name = request.header("X-User-Id");
    if (user.name.empty()) {
      return std::unexpected(invalid_request("The user is not named.", {{"user_id", "is missing"}}));
    }
  } else if (const auto plain = plain_user_id(request.body); plain && is_json_type(request.header("Content-Type"))) {
    user.name = *plain;
  } else {
    auto object = read_object(request, false);
    if (!object) return std::unexpected(std::move(object.error()));
    std::vector<FieldError> errors;
    FieldReader fields(*object, "", errors);
    if (fields.find("user_id") == nullptr) fields.error("user_id", "is missing");
    user.owned = fields.text("user_id").value_or("");
    fields.finish();
    if (!errors.empty()) return std::unexpected(invalid_request("The body has faults.", errors));
    user.name = user.owned;
  }
  if (!is_valid_user_id(user.name)) {
    return std::unexpected(invalid_request("The user id is not valid.", {{"user_id", std::string(user_rule)}}));
  }
  return user;
}

}  // namespace

// An appended request until its answer.
class RequestsHandler::Posted final : public Submission {
 public:
  Posted(RequestsHandler& handler, Lane& lane, std::shared_ptr<ports::HttpReply> reply, Seat pending,
         CampaignId campaign, std::uint32_t nonce, std::optional<std::int64_t> wait_s, std::int64_t received_us)
      : handler_(handler),
        lane_(lane),
        reply_(std::move(reply)),
        seat_(std::move(pending)),
        wait_s_(wait_s),
        received_us_(received_us) {
    receipt_.place.campaign = campaign;
    receipt_.place.nonce = nonce;
  }

  void stored(std::unique_ptr<Submission> self, Partition partition, Offset offset) override {
    Parts& parts = handler_.parts_;
    seat_.reset();
    receipt_.place.partition = partition;
    receipt_.place.offset = offset;
    receipt_.text = parts.signer.sign(receipt_.place);
    parts.meters.accepted.add();
    parts.meters.append_seconds.observe(elapsed_s());
    const bool wants = wait_s_.value_or(0) > 0 && !parts.draining;
    if (wants) seat_ = parts.waits.take();
    if (!wants || !seat_) {
      wait_s_.reset();
      expired();
      return;
    }
    lane_.hold(partition, offset, receipt_.place.nonce, std::move(self), received_us_ + *wait_s_ * 1'000'000);
  }

  void not_stored(Error::Kind kind) override {
    Meters& meters = handler_.parts_.meters;
    (kind == Error::Kind::overloaded ? meters.overloaded : meters.unavailable).add();
    reply_->send(overloaded("The log did not acknowledge the request; asking again is safe."));
  }

  void decided(const Found& found) override {
    Parts& parts = handler_.parts_;
    if (found.kind != Found::Kind::decided) {
      expired();
      return;
    }
    parts.meters.outcome(found.outcome);
    parts.meters.acknowledge_seconds.observe(elapsed_s());
    handler_.answers_.posted(lane_.io(), receipt_, found, wait_s_,
                             [reply = reply_](ports::HttpResponse response) { reply->send(std::move(response)); });
  }

  void expired() override {
    handler_.parts_.meters.waiting.add();
    reply_->send(handler_.answers_.still_waiting(202, receipt_, wait_s_));
  }

 private:
  [[nodiscard]] double elapsed_s() const {
    return static_cast<double>(handler_.parts_.clock.monotonic_us() - received_us_) * 1e-6;
  }

  RequestsHandler& handler_;
  Lane& lane_;
  std::shared_ptr<ports::HttpReply> reply_;
  std::optional<Seat> seat_;
  NamedReceipt receipt_;
  std::optional<std::int64_t> wait_s_;
  std::int64_t received_us_;
};

void RequestsHandler::post(Call& call) {
  Incoming incoming;
  incoming.received_us = parts_.clock.monotonic_us();
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) {
    call.reply->send(campaign_not_found());
    return;
  }
  incoming.campaign = *campaign;
  auto user = user_of(call.request);
  if (!user) {
    call.reply->send(std::move(user.error()));
    return;
  }
  incoming.user = user->owned.empty() ? user->name : std::string_view(user->owned);
  const auto key = idempotency_key(call.request);
  if (!key) {
    call.reply->send(invalid_request("The Idempotency-Key is not valid.",
                                     {{"Idempotency-Key", "must be 1 to 128 printable ASCII characters"}}));
    return;
  }
  incoming.key = *key;
  incoming.wait_s = preferred_wait_s(call.request.header("Prefer"));
  if (const auto view = parts_.directory.known(*campaign)) {
    admit(call.io, *view, incoming, std::move(call.reply));
  } else {
    load_then_admit(call.io, incoming, std::move(call.reply));
  }
}

void RequestsHandler::load_then_admit(ports::IoThread& io, const Incoming& incoming,
                                      std::shared_ptr<ports::HttpReply> reply) {
  parts_.directory.load(io, incoming.campaign,
                        [this, &io, incoming, user = std::string(incoming.user), key = std::string(incoming.key),
                         reply = std::move(reply)](const Result<CampaignView>& view) {
                          if (view) {
                            Incoming kept = incoming;
                            kept.user = user;
                            kept.key = key;
                            admit(io, *view, kept, reply);
                          } else if (view.error().kind == Error::Kind::not_found) {
                            refuse(issuance::Outcome::campaign_not_found, *reply);
                          } else {
                            parts_.meters.unavailable.add();
                            reply->send(unavailable(view.error().kind));
                          }
                        });
}

void RequestsHandler::refuse(issuance::Outcome reason, ports::HttpReply& reply) {
  parts_.meters.outcome(reason);
  parts_.meters.gate_refusal(reason);
  reply.send(refusal(reason));
}

void RequestsHandler::admit(ports::IoThread& io, const CampaignView& view, const Incoming& incoming,
                            std::shared_ptr<ports::HttpReply> reply) {
  if (view.details->terms.policy.max_per_user > 1 && incoming.key.empty()) {
    reply->send(invalid_request("This campaign gives several coupons to a user.",
                                {{"Idempotency-Key", "is needed: each request must carry its own"}}));
    return;
  }
  const Directory::Judgement judgement = parts_.directory.judge(view, incoming.user);
  switch (judgement.kind) {
    case Directory::Judgement::Kind::enter:
      append(io, view, incoming, std::move(reply));
      return;
    case Directory::Judgement::Kind::refuse:
      refuse(judgement.reason, *reply);
      return;
    case Directory::Judgement::Kind::winner:
      show_winner(io, incoming, judgement.reason, std::move(reply));
      return;
  }
}

void RequestsHandler::show_winner(ports::IoThread& io, const Incoming& incoming, issuance::Outcome reason,
                                  std::shared_ptr<ports::HttpReply> reply) {
  const bool accepted = parts_.pool.submit([this, &io, campaign = incoming.campaign, user = std::string(incoming.user),
                                            reason, reply](ports::GatewayStore& store) {
    io.post([this, reason, reply, coupon = store.coupon_of(campaign, user, "")] {
      if (!coupon) {
        parts_.meters.unavailable.add();
        reply->send(unavailable(coupon.error().kind));
        return;
      }
      // Two users of one hash: this one holds nothing.
      if (!*coupon) return refuse(reason, *reply);
      parts_.meters.outcome(issuance::Outcome::already_issued);
      parts_.meters.gate_refusal(issuance::Outcome::already_issued);
      reply->send(refusal(issuance::Outcome::already_issued, [&](wire::JsonWriter& json) {
        json.key("campaign_id").number(static_cast<std::int64_t>((*coupon)->campaign.value));
        std::string text;
        append_coupon(text, issued_coupon(**coupon));
        json.key("coupon").raw(text);
      }));
    });
  });
  if (accepted) return;
  parts_.meters.overloaded.add();
  reply->send(overloaded("Too many questions wait for the store."));
}

void RequestsHandler::append(ports::IoThread& io, const CampaignView& view, const Incoming& incoming,
                             std::shared_ptr<ports::HttpReply> reply) {
  std::optional<Seat> seat = parts_.pending.take();
  if (!seat) {
    parts_.meters.overloaded.add();
    reply->send(overloaded("Too many requests wait for the log."));
    return;
  }
  const std::uint32_t nonce = parts_.random_u32();
  const std::string value = wire::encode_request(nonce, incoming.campaign, incoming.user, incoming.key);
  char key[16];
  const auto key_end = std::to_chars(key, key + sizeof key, incoming.campaign.value).ptr;
  Lane& lane = parts_.lanes.of(io);
  lane.append(parts_.appender, view.details->partition, std::string_view(key, key_end), value,
              std::make_unique<Posted>(*this, lane, std::move(reply), std::move(*seat), incoming.campaign, nonce,
                                       incoming.wait_s, incoming.received_us));
}

}  // namespace openrun::gateway
