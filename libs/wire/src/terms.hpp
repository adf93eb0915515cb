// CampaignTerms and CampaignChange, read from their bytes and written into generated messages. Shared by the log and
// the results.
#pragma once

#include <optional>
#include <string_view>

#include <openrun/issuance/campaign.hpp>
#include <openrun/issuance/event.hpp>
#include <openrun/v1/log.pb.h>

namespace openrun::wire {

// Structure only, strictly: empty where the bytes are no such message. What it says is judged by check().
[[nodiscard]] std::optional<issuance::CampaignTerms> read_terms(std::string_view bytes);
[[nodiscard]] std::optional<issuance::ChangeCampaign> read_change(std::string_view bytes);

void write_terms(const issuance::CampaignTerms& terms, openrun::v1::CampaignTerms& out);
void write_change(const issuance::ChangeCampaign& change, openrun::v1::CampaignChange& out);

}  // namespace openrun::wire
