#include "src/test_rows.hpp"

#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace openrun::issuance::testing {
namespace {

const IssueRequested* request_of(const Event& event) {
  if (const auto* replay = std::get_if<Replay>(&event)) return std::get_if<IssueRequested>(&replay->original);
  return std::get_if<IssueRequested>(&event);
}

const CampaignCommand* command_of(const Event& event) {
  if (const auto* replay = std::get_if<Replay>(&event)) return std::get_if<CampaignCommand>(&replay->original);
  return std::get_if<CampaignCommand>(&event);
}

std::vector<std::tuple<std::string, std::string, Claim>> claims_of(const CampaignDetail& detail) {
  std::vector<std::tuple<std::string, std::string, Claim>> claims;
  detail.claims.each([&](std::string_view user, std::string_view key, Claim claim) {
    claims.emplace_back(std::string(user), std::string(key), claim);
  });
  return claims;
}

}  // namespace

void Rows::commit(const Machine& after, const Event& event, const Decision& decision) {
  if (decision.outcome == Outcome::issued) {
    const IssueRequested& request = *request_of(event);
    const bool keyed = after.find(decision.campaign)->terms.policy.max_per_user > 1;
    coupons_.push_back({decision.campaign,
                        std::string(request.user),
                        keyed ? std::string(request.idempotency_key) : std::string(),
                        {decision.sequence, decision.time, request.nonce}});
  }
  if (is_command(decision.outcome) && after.remembers(decision.campaign, decision.offset)) {
    commands_.push_back({decision.campaign, {command_of(event)->idempotency_key, decision.offset}});
  }
}

Machine Rows::restart(const Machine& machine, std::uint64_t hash_seed) {
  return {machine.snapshot(), hash_seed};
}

void Rows::restore_missing(Machine& machine, const Event& event, std::uint64_t hash_seed) const {
  if (const auto campaign = machine.missing(event)) machine.restore(*campaign, detail(*campaign, hash_seed));
}

CampaignDetail Rows::detail(CampaignId campaign, std::uint64_t hash_seed) const {
  CampaignDetail detail{ClaimTable(hash_seed), {}};
  for (const Coupon& coupon : coupons_) {
    if (coupon.campaign == campaign) detail.claims.insert(coupon.user, coupon.key, coupon.claim);
  }
  for (const Command& command : commands_) {
    if (command.campaign == campaign) detail.commands.push_back(command.remembered);
  }
  return detail;
}

bool same_state(const Machine& left, const Machine& right) {
  if (left.snapshot() != right.snapshot()) return false;
  for (const CampaignId id : left.campaign_ids()) {
    const CampaignDetail* const a = left.detail(id);
    const CampaignDetail* const b = right.detail(id);
    if (a == nullptr || b == nullptr) continue;
    if (claims_of(*a) != claims_of(*b) || a->commands != b->commands) return false;
  }
  return true;
}

}  // namespace openrun::issuance::testing
