// Small readers of what HTTP carries as text. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/base/ids.hpp>
#include <openrun/ports/http.hpp>

namespace openrun::gateway {

// Empty where an escape is broken. '+' stays '+': paths are no forms.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
[[nodiscard]] std::string percent_encode(std::string_view text);
// The first parameter of that name, not decoded; empty optional where there is none.
[[nodiscard]] std::optional<std::string_view> query_parameter(std::string_view query, std::string_view name);
// Decimal digits only, at most `highest`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t highest);
// 1 .. limits::campaign_id_max.
[[nodiscard]] std::optional<CampaignId> parse_campaign(std::string_view text);
// application/json, with nothing or charset=utf-8 after it; names count without case.
[[nodiscard]] bool is_json_type(std::string_view content_type);
// Whether the Accept header names text/csv, and no less than JSON (RFC 9110, section 12.5.1).
[[nodiscard]] bool prefers_csv(std::string_view accept);
// N of `Prefer: wait=N` (RFC 7240), cut to limits::wait_seconds_max; empty where it is not asked for.
[[nodiscard]] std::optional<std::int64_t> preferred_wait_s(std::string_view prefer);
// The Idempotency-Key header. Empty string: there is none; empty optional: not a valid one, an empty one too. Quotes of
// a structured field are taken off.
[[nodiscard]] std::optional<std::string_view> idempotency_key(const ports::HttpRequest& request);

}  // namespace openrun::gateway
