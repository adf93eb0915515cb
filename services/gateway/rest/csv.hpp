// Coupons as CSV (RFC 4180, UTF-8): lines end with CRLF, and a field with a comma, a quote or a line's end stands in
// quotes. Values are as they are in JSON, also those that a spreadsheet would take for formulas: a user id that was
// changed on its way would be another user's. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/ports/gateway_store.hpp>

namespace openrun::gateway {

inline constexpr std::string_view csv_type = "text/csv; charset=utf-8; header=present";
// The names and the order of the members in JSON.
inline constexpr std::string_view csv_coupon_header =
    "code,campaign_id,sequence,user_id,status,issued_at,valid_until,used_at\r\n";

void append_csv_field(std::string& out, std::string_view field);
void append_csv_coupon(std::string& out, const ports::Coupon& coupon, Timestamp now);

}  // namespace openrun::gateway
