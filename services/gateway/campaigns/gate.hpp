// What can be refused for certain without asking the log. Pure function of what the gateway knows.
#pragma once

#include <cstdint>
#include <optional>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/decision.hpp>

#include "gateway/campaigns/campaign_cache.hpp"

namespace openrun::gateway {

// not_started (stands before "already issued" in the order of refusals), or closed, ended, sold_out (stand after it, so
// that winners must be told apart first), or nothing: the request enters the log. A paused campaign is left to the log,
// because PAUSED stands before those three and may be over by then. Times count only beyond `clock_skew_ms`.
[[nodiscard]] std::optional<issuance::Outcome> certain_refusal(const CampaignView& view, Timestamp now,
                                                               std::int64_t clock_skew_ms);

}  // namespace openrun::gateway
