// The gateway's answers as people read them: campaigns, coupons, requests, dispatch rates. Pure functions; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <openrun/wire/json.hpp>

#include "cli/front/text_table.hpp"

namespace openrun::cli {

// Green is what goes on by itself, yellow what waits for somebody or something, red what went wrong.
[[nodiscard]] Cell state_cell(const std::string& state);

// Names on the left, values on the right, under a title.
[[nodiscard]] std::string field_list(const std::string& title, const std::vector<std::pair<std::string, Cell>>& fields,
                                     const PrintStyle& style);

[[nodiscard]] TextTable campaign_table();
void add_campaign(TextTable& table, const wire::JsonValue& campaign);
[[nodiscard]] std::string campaign_fields(const wire::JsonValue& campaign, const PrintStyle& style);

[[nodiscard]] TextTable coupon_table();
void add_coupon(TextTable& table, const wire::JsonValue& coupon);
[[nodiscard]] std::string coupon_fields(const wire::JsonValue& coupon, const PrintStyle& style);

[[nodiscard]] std::string request_fields(const wire::JsonValue& request, const PrintStyle& style);
[[nodiscard]] std::string dispatch_text(const wire::JsonValue& rates, const PrintStyle& style);

}  // namespace openrun::cli
