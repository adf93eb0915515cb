// The contract's JSON objects, appended to a string. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/decision.hpp>
#include <openrun/ports/gateway_store.hpp>
#include <openrun/wire/json.hpp>

#include "gateway/calls/issued_coupon.hpp"

namespace openrun::gateway {

void write_campaign(wire::JsonWriter& json, const issuance::Campaign& campaign, Timestamp now);
// As its owner or an admin sees it; EXPIRED is derived from `now`.
void write_coupon(wire::JsonWriter& json, const ports::Coupon& coupon, Timestamp now);

[[nodiscard]] std::string_view coupon_status(const ports::Coupon& coupon, Timestamp now);

// ---- requests: the hot path, written without a tree ----
// {code, sequence, issued_at, valid_until?}
void append_coupon(std::string& out, const IssuedCoupon& coupon);

struct Progress {
  std::int64_t position = 0;
  std::optional<std::int64_t> eta_ms;
  std::int64_t poll_after_ms = 0;
};
[[nodiscard]] std::string waiting_request(std::string_view receipt, CampaignId campaign, const Progress& progress);
[[nodiscard]] std::string issued_request(std::string_view receipt, CampaignId campaign, const IssuedCoupon& coupon);
// `coupon` where the reason is ALREADY_ISSUED.
[[nodiscard]] std::string rejected_request(std::string_view receipt, CampaignId campaign, issuance::Outcome reason,
                                           const std::optional<IssuedCoupon>& coupon);
[[nodiscard]] std::string failed_request(std::string_view receipt, CampaignId campaign);
// A command's receipt: applied.
[[nodiscard]] std::string applied_command(std::string_view receipt, CampaignId campaign);

// Advice to a poller: rises with the time that is left and with the load (0 .. 1), jittered by `random` so that clients
// that came together do not come back together. 200 ms to 5 s before the jitter of a quarter.
// With the jitter at its lowest.
inline constexpr std::int64_t poll_after_ms_min = 150;
[[nodiscard]] std::int64_t poll_after_ms(std::int64_t position, std::optional<std::int64_t> eta_ms, double load,
                                         std::uint32_t random);
[[nodiscard]] std::optional<std::int64_t> eta_ms(std::int64_t position, std::optional<double> rate);
// Whole seconds, rounded up, at least 1.
[[nodiscard]] std::string retry_after(std::int64_t milliseconds);

}  // namespace openrun::gateway
