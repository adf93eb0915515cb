#include "gateway/calls/request_answer.hpp"

#include <utility>

namespace openrun::gateway {
namespace {

bool carries_coupon(const Found& found) {
  return found.sequence.value != 0 &&
         (issuance::is_issued(found.outcome) || found.outcome == issuance::Outcome::already_issued);
}

}  // namespace

void answer_decided(Parts& parts, ports::IoThread& io, NamedReceipt receipt, const Found& found, bool waited,
                    OnRequestAnswer on_answer) {
  RequestAnswer answer;
  answer.kind = RequestAnswer::Kind::decided;
  answer.receipt = std::move(receipt);
  answer.outcome = found.outcome;
  answer.waited = waited;
  if (!carries_coupon(found)) {
    on_answer(std::move(answer));
    return;
  }
  const CampaignId campaign = answer.receipt.place.campaign;
  const auto with_policy = [&codes = parts.codes, found](RequestAnswer& decided, const Result<CampaignView>& view) {
    if (!view) {
      decided.kind = RequestAnswer::Kind::unavailable;
      decided.error = view.error().kind;
      return;
    }
    decided.coupon = issued_coupon(codes, decided.receipt.place.campaign, view->details->terms.policy, found.sequence,
                                   found.issued_at);
  };
  // The policy can't change after the first coupon.
  if (const auto view = parts.directory.known(campaign)) {
    with_policy(answer, *view);
    on_answer(std::move(answer));
    return;
  }
  parts.directory.load(io, campaign,
                       [answer = std::move(answer), with_policy,
                        on_answer = std::move(on_answer)](const Result<CampaignView>& view) mutable {
                         with_policy(answer, view);
                         on_answer(std::move(answer));
                       });
}

}  // namespace openrun::gateway
