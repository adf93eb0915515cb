#include "src/test_reference_model.hpp"

#include <algorithm>
#include <variant>

namespace openrun::issuance::testing {

Decision ReferenceModel::decide(const Input& input) {
  if (input.time > now_) now_ = input.time;
  Decision decision;
  decision.offset = input.offset;
  decision.time = now_;
  if (const auto* request = std::get_if<IssueRequested>(&input.event)) ask(*request, now_, decision);
  if (const auto* order = std::get_if<CampaignCommand>(&input.event)) command(*order, decision);
  if (const auto* again = std::get_if<Replay>(&input.event)) replay(*again, decision);
  if (std::holds_alternative<DecisionVersion>(input.event)) decision.outcome = Outcome::version_changed;
  if (std::holds_alternative<Undecidable>(input.event)) {
    decision.outcome = Outcome::dead_lettered;
    open_.push_back(input.offset);
  }
  return decision;
}

const ReferenceModel::Campaign* ReferenceModel::find(CampaignId id) const {
  for (const Campaign& campaign : campaigns_) {
    if (campaign.id == id) return &campaign;
  }
  return nullptr;
}

std::vector<ReferenceModel::Coupon> ReferenceModel::coupons_of(CampaignId id) const {
  std::vector<Coupon> coupons;
  for (const Coupon& coupon : coupons_) {
    if (coupon.campaign == id) coupons.push_back(coupon);
  }
  return coupons;
}

void ReferenceModel::ask(const IssueRequested& request, Timestamp judged_at, Decision& decision) {
  decision.campaign = request.campaign;
  const Campaign* const campaign = find(request.campaign);
  if (campaign == nullptr) {
    decision.outcome = Outcome::campaign_not_found;
    return;
  }
  if (judged_at < campaign->terms.starts_at) {
    decision.outcome = Outcome::not_started;
    return;
  }
  const std::vector<Coupon> given = coupons_of(request.campaign);
  const bool one_each = campaign->terms.policy.max_per_user == 1;
  std::uint32_t mine = 0;
  for (const Coupon& coupon : given) {
    if (coupon.user != request.user) continue;
    ++mine;
    if (!one_each && coupon.key != request.idempotency_key) continue;
    const bool same_request = request.nonce != 0 && request.nonce == coupon.nonce;
    decision.outcome = one_each && !same_request ? Outcome::already_issued : Outcome::issued_before;
    decision.sequence = coupon.sequence;
    decision.time = coupon.issued_at;
    return;
  }
  if (mine >= campaign->terms.policy.max_per_user) {
    decision.outcome = Outcome::limit_reached;
  } else if (campaign->paused) {
    decision.outcome = Outcome::paused;
  } else if (campaign->closed) {
    decision.outcome = Outcome::closed;
  } else if (campaign->terms.ends_at && judged_at >= *campaign->terms.ends_at) {
    decision.outcome = Outcome::ended;
  } else if (given.size() == campaign->terms.stock) {
    decision.outcome = Outcome::sold_out;
  } else {
    decision.outcome = Outcome::issued;
    decision.sequence = Sequence{static_cast<std::uint32_t>(given.size() + 1)};
    coupons_.push_back({request.campaign, std::string(request.user), std::string(request.idempotency_key),
                        decision.sequence, now_, request.nonce});
  }
}

void ReferenceModel::command(const CampaignCommand& command, Decision& decision) {
  decision.campaign = command.campaign;
  for (const Answered& answered : answered_) {
    if (answered.campaign != command.campaign || answered.key != command.idempotency_key) continue;
    decision.outcome = Outcome::command_repeated;
    decision.first_offset = answered.offset;
    return;
  }
  const auto* create = std::get_if<CreateCampaign>(&command.action);
  if (find(command.campaign) == nullptr) {
    if (create == nullptr || (create->terms.ends_at && *create->terms.ends_at <= create->terms.starts_at)) {
      decision.outcome = create == nullptr ? Outcome::command_campaign_not_found : Outcome::command_ends_before_start;
      return;
    }
    campaigns_.push_back({command.campaign, create->terms, false, false});
    decision.outcome = Outcome::command_applied;
  } else {
    for (Campaign& campaign : campaigns_) {
      if (campaign.id == command.campaign) decision.outcome = carry_out(campaign, command);
    }
  }
  answered_.push_back({command.campaign, command.idempotency_key, decision.offset});
}

Outcome ReferenceModel::carry_out(Campaign& campaign, const CampaignCommand& command) const {
  if (std::holds_alternative<CreateCampaign>(command.action)) return Outcome::command_campaign_exists;
  if (std::holds_alternative<CloseCampaign>(command.action)) {
    campaign.closed = true;
    return Outcome::command_applied;
  }
  if (const auto* change = std::get_if<ChangeCampaign>(&command.action)) return alter(campaign, *change);
  if (campaign.closed) return Outcome::command_closed;
  if (std::holds_alternative<PauseCampaign>(command.action)) campaign.paused = true;
  if (std::holds_alternative<ResumeCampaign>(command.action)) campaign.paused = false;
  if (const auto* stock = std::get_if<AddStock>(&command.action)) {
    const std::int64_t left = std::int64_t{campaign.terms.stock} + stock->add;
    if (left < static_cast<std::int64_t>(coupons_of(campaign.id).size())) return Outcome::command_below_issued;
    if (left > 4'294'967'295) return Outcome::command_stock_above_limit;
    campaign.terms.stock = static_cast<std::uint32_t>(left);
  }
  return Outcome::command_applied;
}

// A change is allowed on a closed campaign too: its name may be corrected.
Outcome ReferenceModel::alter(Campaign& campaign, const ChangeCampaign& change) const {
  const bool has_begun = !coupons_of(campaign.id).empty();
  if (has_begun && (change.starts_at || change.policy)) return Outcome::command_already_started;
  CampaignTerms terms = campaign.terms;
  if (change.name) terms.name = *change.name;
  if (change.description) terms.description = *change.description;
  if (change.starts_at) terms.starts_at = *change.starts_at;
  if (change.ends_at) terms.ends_at = *change.ends_at;
  if (change.policy) terms.policy = *change.policy;
  if (terms.ends_at && *terms.ends_at <= terms.starts_at) return Outcome::command_ends_before_start;
  campaign.terms = terms;
  return Outcome::command_applied;
}

void ReferenceModel::replay(const Replay& replay, Decision& decision) {
  const auto* request = std::get_if<IssueRequested>(&replay.original);
  const auto* order = std::get_if<CampaignCommand>(&replay.original);
  if (request != nullptr) decision.campaign = request->campaign;
  if (order != nullptr) decision.campaign = order->campaign;
  const auto origin = std::find(open_.begin(), open_.end(), replay.origin);
  if (origin == open_.end()) {
    decision.outcome = Outcome::replay_ignored;
    return;
  }
  if (request == nullptr && order == nullptr) {
    decision.outcome = Outcome::dead_lettered;
    return;
  }
  open_.erase(origin);
  decision.origin = replay.origin;
  if (request != nullptr) ask(*request, replay.first_arrival, decision);
  if (order != nullptr) command(*order, decision);
}

}  // namespace openrun::issuance::testing
