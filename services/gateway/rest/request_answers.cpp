#include "gateway/rest/request_answers.hpp"

#include <algorithm>
#include <utility>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

bool carries_coupon(const Found& found) {
  return found.sequence.value != 0 &&
         (issuance::is_issued(found.outcome) || found.outcome == issuance::Outcome::already_issued);
}

void applied_preference(ports::HttpResponse& response, std::optional<std::int64_t> wait_s) {
  if (wait_s) response.headers.emplace_back("Preference-Applied", "wait=" + std::to_string(*wait_s));
}

void location(ports::HttpResponse& response, const NamedReceipt& receipt) {
  response.headers.emplace_back("Location", "/v1/requests/" + receipt.text);
}

std::string polled_body(const NamedReceipt& receipt, const Found& found, const std::optional<IssuedCoupon>& coupon) {
  const CampaignId campaign = receipt.place.campaign;
  if (coupon && issuance::is_issued(found.outcome)) return issued_request(receipt.text, campaign, *coupon);
  if (found.outcome == issuance::Outcome::dead_lettered) return failed_request(receipt.text, campaign);
  const bool applied =
      found.outcome == issuance::Outcome::command_applied || found.outcome == issuance::Outcome::command_repeated;
  if (applied) return applied_command(receipt.text, campaign);
  return rejected_request(receipt.text, campaign, found.outcome, coupon);
}

}  // namespace

ports::HttpResponse RequestAnswers::waiting(unsigned status, const NamedReceipt& receipt, std::int64_t position,
                                            std::optional<std::int64_t> wait_s) const {
  Progress progress;
  progress.position = std::max<std::int64_t>(position, 0);
  progress.eta_ms = eta_ms(progress.position, parts_.window.rate(receipt.place.partition, parts_.clock.monotonic_us()));
  const double load = std::max(parts_.pending.load(), parts_.waits.load());
  progress.poll_after_ms = poll_after_ms(progress.position, progress.eta_ms, load, parts_.random_u32());
  ports::HttpResponse response = json_response(status, waiting_request(receipt.text, receipt.place.campaign, progress));
  response.headers.reserve(4);
  no_store(response);
  if (status == 202) location(response, receipt);
  response.headers.emplace_back("Retry-After", retry_after(progress.poll_after_ms));
  applied_preference(response, wait_s);
  return response;
}

ports::HttpResponse RequestAnswers::still_waiting(unsigned status, const NamedReceipt& receipt,
                                                  std::optional<std::int64_t> wait_s) const {
  const std::int64_t position = receipt.place.offset - parts_.window.highest(receipt.place.partition);
  return waiting(status, receipt, position, wait_s);
}

void RequestAnswers::with_coupon(ports::IoThread& io, const crypto::Receipt& place, const Found& found, Send send,
                                 WithCoupon make) const {
  if (!carries_coupon(found)) {
    send(make(std::nullopt));
    return;
  }
  // The policy decides the code's alphabet and until when it is valid; it can't change after the first coupon.
  parts_.directory.find(
      io, place.campaign,
      [this, place, found, send = std::move(send), make = std::move(make)](const Result<CampaignView>& view) {
        if (!view) {
          send(unavailable(view.error().kind));
          return;
        }
        send(make(
            issued_coupon(parts_.codes, place.campaign, view->details->terms.policy, found.sequence, found.issued_at)));
      });
}

void RequestAnswers::polled(ports::IoThread& io, const NamedReceipt& receipt, const Found& found,
                            std::optional<std::int64_t> wait_s, Send send) const {
  with_coupon(io, receipt.place, found, std::move(send),
              [receipt, found, wait_s](const std::optional<IssuedCoupon>& coupon) {
                ports::HttpResponse response = json_response(200, polled_body(receipt, found, coupon));
                no_store(response);
                applied_preference(response, wait_s);
                return response;
              });
}

void RequestAnswers::posted(ports::IoThread& io, const NamedReceipt& receipt, const Found& found,
                            std::optional<std::int64_t> wait_s, Send send) const {
  with_coupon(io, receipt.place, found, std::move(send),
              [receipt, found, wait_s](const std::optional<IssuedCoupon>& coupon) {
                ports::HttpResponse response;
                if (issuance::is_request_refusal(found.outcome)) {
                  response = refusal(found.outcome, [&](wire::JsonWriter& json) {
                    json.key("receipt").string(receipt.text);
                    json.key("campaign_id").number(static_cast<std::int64_t>(receipt.place.campaign.value));
                    if (!coupon) return;
                    std::string text;
                    append_coupon(text, *coupon);
                    json.key("coupon").raw(text);
                  });
                } else {
                  const unsigned status = issuance::is_issued(found.outcome) ? 201 : 202;
                  response = json_response(status, polled_body(receipt, found, coupon));
                  no_store(response);
                }
                location(response, receipt);
                applied_preference(response, wait_s);
                return response;
              });
}

}  // namespace openrun::gateway
