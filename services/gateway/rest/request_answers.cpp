#include "gateway/rest/request_answers.hpp"

#include <algorithm>
#include <utility>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

void applied_preference(ports::HttpResponse& response, std::optional<std::int64_t> wait_s) {
  if (wait_s) response.headers.emplace_back("Preference-Applied", "wait=" + std::to_string(*wait_s));
}

void location(ports::HttpResponse& response, const NamedReceipt& receipt) {
  response.headers.emplace_back("Location", "/v1/requests/" + receipt.text);
}

std::string decided_body(const RequestAnswer& answer) {
  const NamedReceipt& receipt = answer.receipt;
  const CampaignId campaign = receipt.place.campaign;
  if (answer.coupon && issuance::is_issued(answer.outcome)) {
    return issued_request(receipt.text, campaign, *answer.coupon);
  }
  if (answer.outcome == issuance::Outcome::dead_lettered) return failed_request(receipt.text, campaign);
  const bool applied =
      answer.outcome == issuance::Outcome::command_applied || answer.outcome == issuance::Outcome::command_repeated;
  if (applied) return applied_command(receipt.text, campaign);
  return rejected_request(receipt.text, campaign, answer.outcome, answer.coupon);
}

ports::HttpResponse not_possible(const RequestAnswer& answer) {
  return answer.detail.empty() ? unavailable(answer.error) : overloaded(answer.detail);
}

// A refusal with what a request shows: its receipt, where the log knows it, and the coupon that the user holds.
ports::HttpResponse refused(const RequestAnswer& answer) {
  return refusal(answer.outcome, [&](wire::JsonWriter& json) {
    if (!answer.receipt.text.empty()) json.key("receipt").string(answer.receipt.text);
    const CampaignId campaign = answer.receipt.place.campaign;
    if (campaign.value != 0) json.key("campaign_id").number(static_cast<std::int64_t>(campaign.value));
    if (!answer.coupon) return;
    std::string text;
    append_coupon(text, *answer.coupon);
    json.key("coupon").raw(text);
  });
}

}  // namespace

std::optional<NamedReceipt> RequestAnswers::admit(Call& call) const {
  const auto place = parts_.signer.verify(call.argument);
  auto refusal = place ? parts_.limits.poll(call, *place) : parts_.limits.at_door(call, Door::counted);
  if (!refusal && !place) refusal = private_response(not_found("This is no receipt of this service."));
  if (!refusal) return NamedReceipt{*place, std::string(call.argument)};
  call.reply->send(std::move(*refusal));
  return std::nullopt;
}

Progress RequestAnswers::progress(const NamedReceipt& receipt, std::int64_t position) const {
  Progress progress;
  progress.position = std::max<std::int64_t>(position, 0);
  progress.eta_ms = eta_ms(progress.position, parts_.window.rate(receipt.place.partition, parts_.clock.monotonic_us()));
  const double load = std::max(parts_.pending.load(), parts_.waits.load());
  progress.poll_after_ms = poll_after_ms(progress.position, progress.eta_ms, load, parts_.random_u32());
  return progress;
}

ports::HttpResponse RequestAnswers::waiting(unsigned status, const NamedReceipt& receipt, std::int64_t position,
                                            std::optional<std::int64_t> wait_s) const {
  const Progress progress = this->progress(receipt, position);
  ports::HttpResponse response = json_response(status, waiting_request(receipt.text, receipt.place.campaign, progress));
  no_store(response);
  if (status == 202) location(response, receipt);
  response.headers.emplace_back("Retry-After", retry_after(progress.poll_after_ms));
  applied_preference(response, wait_s);
  return response;
}

ports::HttpResponse RequestAnswers::polled(const RequestAnswer& answer, std::optional<std::int64_t> wait_s) const {
  switch (answer.kind) {
    case RequestAnswer::Kind::waiting:
      return waiting(200, answer.receipt, answer.position, wait_s);
    case RequestAnswer::Kind::decided: {
      ports::HttpResponse response = json_response(200, decided_body(answer));
      no_store(response);
      applied_preference(response, wait_s);
      return response;
    }
    case RequestAnswer::Kind::gone:
      return gone();
    default:
      return not_possible(answer);
  }
}

ports::HttpResponse RequestAnswers::posted(const RequestAnswer& answer, std::optional<std::int64_t> wait_s) const {
  switch (answer.kind) {
    case RequestAnswer::Kind::waiting:
      return waiting(202, answer.receipt, answer.position, wait_s);
    case RequestAnswer::Kind::decided: {
      ports::HttpResponse response;
      if (issuance::is_request_refusal(answer.outcome)) {
        response = refused(answer);
      } else {
        response = json_response(issuance::is_issued(answer.outcome) ? 201 : 202, decided_body(answer));
        no_store(response);
      }
      location(response, answer.receipt);
      applied_preference(response, wait_s);
      return response;
    }
    case RequestAnswer::Kind::refused:
      return refused(answer);
    case RequestAnswer::Kind::needs_key:
      return invalid_request("This campaign gives several coupons to a user.",
                             {{"Idempotency-Key", "is needed: each request must carry its own"}});
    case RequestAnswer::Kind::gone:
    case RequestAnswer::Kind::unavailable:
      break;
  }
  return not_possible(answer);
}

}  // namespace openrun::gateway
