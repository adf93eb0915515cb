// A campaign and its row. The policy is jsonb for readers; here it is taken apart and put together by SQL, to the
// millisecond.
#pragma once

#include <span>
#include <string_view>

#include <openrun/base/digest.hpp>
#include <openrun/issuance/campaign.hpp>

#include "connection.hpp"

namespace openrun::postgres {

// For SELECT ... FROM campaign: `campaign_columns` many, in the order that read_campaign() expects from `first` on.
#define OPENRUN_CAMPAIGN_COLUMNS                                                                                       \
  "id, name, description, stock, issued, starts_at, ends_at, paused, closed, created_at, updated_at, terms_offset, "   \
  "policy->'discount'->>'type', (policy->'discount'->>'value')::bigint, policy->'discount'->>'currency', "             \
  "(policy->>'valid_until')::timestamptz, (policy->>'valid_for_seconds')::bigint, (policy->>'max_per_user')::bigint, " \
  "policy->>'code_format', partition, counters_offset"
inline constexpr int campaign_partition_column = 19;
inline constexpr int campaign_counters_offset_column = 20;
inline constexpr int campaign_columns_end = 21;

[[nodiscard]] issuance::Campaign read_campaign(const Rows& rows, int row);

// A campaign after a batch that touched it.
struct TouchedCampaign {
  const issuance::Campaign* campaign;
  const Digest* digest;
};

// Writes campaigns as they stand after a batch that ends at `last_offset`; new ones are inserted. A campaign never
// moves to another partition: an attempt fails.
[[nodiscard]] Step upsert_campaigns_step(std::span<const TouchedCampaign> campaigns, Partition partition,
                                         Offset last_offset);

// The same for campaigns that are stored, and of which only counters and digest have changed: a fraction of the cost.
// Touches one row for each; of one campaign, which is what a flash event has, without arrays and without a join.
extern const Statement update_counters;
extern const Statement update_counters_of_many;
[[nodiscard]] Step update_counters_step(std::span<const TouchedCampaign> campaigns, Partition partition,
                                        Offset last_offset);

// What a reader sees of it apart from the times.
[[nodiscard]] std::string_view stored_state(const issuance::Campaign& campaign);

}  // namespace openrun::postgres
