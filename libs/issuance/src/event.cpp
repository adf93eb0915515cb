#include <openrun/issuance/event.hpp>

namespace openrun::issuance {
namespace {

struct Named {
  std::optional<CampaignId> operator()(const IssueRequested& request) const { return request.campaign; }
  std::optional<CampaignId> operator()(const CampaignCommand& command) const { return command.campaign; }
  std::optional<CampaignId> operator()(const Replay& replay) const { return std::visit(*this, replay.original); }
  std::optional<CampaignId> operator()(const DecisionVersion& /*version*/) const { return std::nullopt; }
  std::optional<CampaignId> operator()(const Undecidable& /*record*/) const { return std::nullopt; }
};

}  // namespace

std::optional<CampaignId> campaign_of(const Event& event) {
  return std::visit(Named{}, event);
}

std::optional<CampaignId> campaign_of(const Replay& replay) {
  return Named{}(replay);
}

Timestamp judged_at(const Event& event, Timestamp log_time) {
  const auto* replay = std::get_if<Replay>(&event);
  return replay == nullptr ? log_time : replay->first_arrival;
}

}  // namespace openrun::issuance
