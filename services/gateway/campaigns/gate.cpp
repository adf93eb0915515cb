#include "gateway/campaigns/gate.hpp"

namespace openrun::gateway {

std::optional<issuance::Outcome> certain_refusal(const CampaignView& view, Timestamp now, std::int64_t clock_skew_ms) {
  if (now + clock_skew_ms < view.starts_at) return issuance::Outcome::not_started;
  if (view.paused) return std::nullopt;
  if (view.closed) return issuance::Outcome::closed;
  if (view.ends_at && now >= *view.ends_at + clock_skew_ms) return issuance::Outcome::ended;
  if (view.issued >= view.stock) return issuance::Outcome::sold_out;
  return std::nullopt;
}

}  // namespace openrun::gateway
