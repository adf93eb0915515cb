#include "gateway/dialects/translation.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <utility>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/wire/json.hpp>
#include <openrun/wire/terms.hpp>

#include "gateway/rest/http_text.hpp"

namespace openrun::gateway::dialects {
namespace {

constexpr std::size_t codes_page = 5'000;

std::expected<std::string, Refusal> key_of(const ports::HttpRequest& request) {
  const auto key = idempotency_key(request);
  if (key) return std::string(*key);
  return std::unexpected(invalid_argument("the Idempotency-Key must be 1 to 128 printable ASCII characters"));
}

// Of several that want to answer a call only the first gets through.
template <class T>
std::function<void(Answer<T>)> once(std::function<void(Answer<T>)> on_answer) {
  return [held = std::make_shared<std::function<void(Answer<T>)>>(std::move(on_answer))](Answer<T> answer) {
    if (const auto first = std::exchange(*held, nullptr)) first(std::move(answer));
  };
}

}  // namespace

std::optional<CampaignId> campaign_of(std::int64_t id) {
  if (id < 1 || id > limits::campaign_id_max) return std::nullopt;
  return CampaignId{static_cast<std::uint32_t>(id)};
}

Answer<std::uint32_t> stock_of(std::int64_t count, std::string_view field) {
  if (count >= 0 && count <= limits::stock_max) return static_cast<std::uint32_t>(count);
  return std::unexpected(invalid_argument(std::string(field) + " must be 0 to " + std::to_string(limits::stock_max)));
}

Answer<Timestamp> time_of(std::string_view text, std::string_view field) {
  if (const auto time = wire::parse_time(text)) return Timestamp{*time};
  return std::unexpected(
      invalid_argument(std::string(field) + " must be an RFC 3339 time such as 2026-01-31T09:00:00Z"));
}

std::int32_t int32_of(std::int64_t count) {
  return static_cast<std::int32_t>(std::min<std::int64_t>(count, std::numeric_limits<std::int32_t>::max()));
}

std::optional<std::string> Translation::user_of(std::int64_t number) const {
  if (number == 0 && parts_.settings.users_by_token) return std::nullopt;
  return std::to_string(number);
}

std::optional<std::string> Translation::user_of(const std::string& text) const {
  if (text.empty() && parts_.settings.users_by_token) return std::nullopt;
  return text;
}

std::optional<std::string> Translation::anonymous_user() const {
  if (parts_.settings.users_by_token) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  crypto::random_bytes(bytes);
  return "anonymous-" + crypto::hex(bytes);
}

void Translation::create(connect::UnaryCall& call, issuance::CampaignTerms terms, std::string_view name_field,
                         std::function<void(Answer<issuance::Campaign>)> on_answer) {
  if (!parts_.settings.connect_open_admin) {
    if (const auto admin = parts_.auth.admin(call.request); !admin) {
      return on_answer(std::unexpected(refusal_of(admin.error())));
    }
  }
  auto key = key_of(call.request);
  if (!key) return on_answer(std::unexpected(key.error()));
  if (const auto fault = wire::check(terms)) {
    const std::string_view field = fault->field == std::string_view("name") ? name_field : fault->field;
    return on_answer(std::unexpected(invalid_argument(std::string(field) + " " + fault->message)));
  }
  if (key->empty()) *key = Commands::generated_key();
  const auto answer = once(std::move(on_answer));
  // A command waits as long as commands do; whoever gave less time is told when it is over.
  const std::int64_t timeout_ms = (call.deadline_us - parts_.clock.monotonic_us()) / 1'000;
  if (timeout_ms < limits::command_wait_ms) {
    call.io.after(std::max<std::int64_t>(timeout_ms, 0), [answer] {
      CommandAnswer late;
      late.kind = CommandAnswer::Kind::undecided;
      answer(std::unexpected(*refusal_of(late)));
    });
  }
  CommandCall command{std::move(*key), parse_traceparent(call.request.header(traceparent_name))};
  commands_.create(call.io, std::move(command), std::move(terms), [answer](CommandAnswer created) {
    if (auto refusal = refusal_of(created)) return answer(std::unexpected(std::move(*refusal)));
    answer(std::move(*created.campaign));
  });
}

void Translation::find(connect::UnaryCall& call, std::optional<CampaignId> campaign,
                       std::function<void(Answer<issuance::Campaign>)> on_answer) {
  if (!campaign) return on_answer(std::unexpected(record_not_found()));
  parts_.directory.find(call.io, *campaign, [on_answer = std::move(on_answer)](const Result<CampaignView>& view) {
    if (!view) return on_answer(std::unexpected(trouble(view.error().kind)));
    on_answer(to_campaign(*view));
  });
}

void Translation::show(connect::UnaryCall& call, std::optional<CampaignId> campaign,
                       std::function<void(Answer<ShownCampaign>)> on_answer) {
  const bool with_codes = (parts_.settings.connect_open_admin || parts_.auth.is_admin(call.request)) &&
                          parts_.settings.connect_codes_max > 0;
  find(call, campaign,
       [this, &io = call.io, with_codes, on_answer = std::move(on_answer)](Answer<issuance::Campaign> found) {
         if (!found) return on_answer(std::unexpected(std::move(found.error())));
         ShownCampaign shown{std::move(*found), {}};
         if (!with_codes || shown.campaign.issued == 0) return on_answer(std::move(shown));
         read_codes(io, std::move(shown), on_answer);
       });
}

void Translation::read_codes(ports::IoThread& io, ShownCampaign shown,
                             std::function<void(Answer<ShownCampaign>)> on_answer) {
  const auto max = static_cast<std::size_t>(parts_.settings.connect_codes_max);
  const bool accepted = parts_.pool.submit([&io, max, shown = std::move(shown), on_answer](ports::GatewayStore& store) {
    Answer<ShownCampaign> answer(shown);
    Sequence last;
    while (answer && answer->codes.size() < max) {
      const std::size_t page = std::min(codes_page, max - answer->codes.size());
      auto coupons = store.coupons_of_campaign(shown.campaign.id, last, page);
      if (!coupons) {
        answer = std::unexpected(trouble(coupons.error().kind));
        break;
      }
      for (ports::Coupon& coupon : *coupons) {
        last = coupon.sequence;
        answer->codes.push_back(std::move(coupon.code));
      }
      if (coupons->size() < page) break;
    }
    io.post([on_answer, answer = std::move(answer)] { on_answer(answer); });
  });
  if (!accepted) on_answer(std::unexpected(trouble(Error::Kind::overloaded, StorePool::full)));
}

void Translation::issue(connect::UnaryCall& call, std::optional<CampaignId> campaign,
                        const std::optional<std::string>& named, std::function<void(Answer<Issued>)> on_answer) {
  if (!campaign) return on_answer(std::unexpected(record_not_found()));
  if (named && !named->empty() && !is_valid_user_id(*named)) {
    return on_answer(std::unexpected(
        invalid_argument("user_id must be 1 to 64 characters of valid UTF-8 without control characters")));
  }
  const auto user = parts_.auth.user(call.request, named);
  if (!user) return on_answer(std::unexpected(refusal_of(user.error())));
  Call counted{call.io, call.request, {}, nullptr, call.quota};
  if (const auto refused = parts_.limits.submit(counted, *user, *campaign)) {
    return on_answer(std::unexpected(refusal_of(*refused)));
  }
  const auto key = key_of(call.request);
  if (!key) return on_answer(std::unexpected(key.error()));
  IssueCall issue_call;
  issue_call.campaign = *campaign;
  issue_call.user = *user;
  issue_call.key = *key;
  issue_call.trace = parse_traceparent(call.request.header(traceparent_name));
  issue_call.received_us = call.received_us;
  issue_call.wait_us = call.deadline_us - call.received_us;
  issuing_.ask(call.io, issue_call,
               [on_answer = std::move(on_answer), user = *user, campaign = *campaign](RequestAnswer answer) {
                 if (auto refusal = refusal_of(answer)) return on_answer(std::unexpected(std::move(*refusal)));
                 on_answer(Issued{campaign, user, std::move(*answer.coupon)});
               });
}

}  // namespace openrun::gateway::dialects
