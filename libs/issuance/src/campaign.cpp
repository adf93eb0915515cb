#include <algorithm>

#include <openrun/base/limits.hpp>
#include <openrun/issuance/campaign.hpp>

namespace openrun::issuance {

std::optional<Timestamp> valid_until(const Policy& policy, Timestamp issued_at) {
  if (policy.valid_until) return policy.valid_until;
  if (!policy.valid_for_seconds) return std::nullopt;
  // Bounded before the multiplication: years beyond 9999 can be neither printed nor stored.
  const std::int64_t seconds_left = std::max<std::int64_t>(0, (limits::timestamp_ms_max - issued_at.value) / 1'000);
  const std::int64_t seconds = std::clamp<std::int64_t>(*policy.valid_for_seconds, 0, seconds_left);
  return issued_at + seconds * 1'000;
}

CampaignState state_at(const Campaign& campaign, Timestamp now) {
  const CampaignTerms& terms = campaign.terms;
  if (campaign.closed) return CampaignState::closed;
  if (terms.ends_at && now >= *terms.ends_at) return CampaignState::ended;
  if (campaign.paused) return CampaignState::paused;
  if (now < terms.starts_at) return CampaignState::scheduled;
  if (campaign.issued >= terms.stock) return CampaignState::sold_out;
  return CampaignState::open;
}

const char* to_string(CampaignState state) {
  switch (state) {
    case CampaignState::scheduled:
      return "scheduled";
    case CampaignState::open:
      return "open";
    case CampaignState::paused:
      return "paused";
    case CampaignState::sold_out:
      return "sold_out";
    case CampaignState::ended:
      return "ended";
    case CampaignState::closed:
      return "closed";
  }
  return "unknown";
}

}  // namespace openrun::issuance
