// The words, numbers and files of `openrun dlq`: arguments, exported lines and back, JSON. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/ports/dead_letters.hpp>
#include <openrun/wire/json.hpp>

#include "dlq/plan.hpp"
#include "dlq/run.hpp"

namespace openrun::dlq {

// "5" or "5-9", both inclusive. Error::Kind::invalid otherwise.
[[nodiscard]] Result<std::pair<Offset, Offset>> parse_offsets(std::string_view text);
// "PARTITION:OFFSET". Error::Kind::invalid otherwise.
[[nodiscard]] Result<ports::DeadLetterPlace> parse_place(std::string_view text);
// "90s", "30m", "2h" or "7d" ago, or an RFC 3339 time. Error::Kind::invalid otherwise.
[[nodiscard]] Result<Timestamp> parse_since(std::string_view text, Timestamp now);
[[nodiscard]] std::string format_place(const ports::DeadLetterPlace& place);

// RFC 4648, section 4, with padding. Reading refuses anything that writing would not have made.
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

// One JSON object without a line end: the place, the bytes in base 64, and what happened to it.
[[nodiscard]] std::string export_line(const ports::DeadLetter& letter);
// The repaired records of a file: lines as export_line() writes them, each with another `value_base64`, or with a
// `request` {campaign_id, user_id, idempotency_key?} in its place; every other member is passed over. Or, where the
// file does not begin with '{', the bytes of one record, which belong to `only`. Each must be a request or a command
// that the issuer can read. Error::Kind::invalid with the line and the reason otherwise.
[[nodiscard]] Result<Repairs> parse_repairs(std::string_view file, const std::optional<ports::DeadLetterPlace>& only);

// Members of the objects that --json prints; `letter` without its bytes.
void write_letter(wire::JsonWriter& json, const ports::DeadLetter& letter);
// Its bytes: key, value and headers in base 64.
void write_bytes(wire::JsonWriter& json, const ports::DeadLetter& letter);
void write_plan(wire::JsonWriter& json, const Plan& plan);
void write_stats(wire::JsonWriter& json, const Stats& stats);
// The filter as it is kept in dead_letter_action.
[[nodiscard]] std::string filter_json(const LetterFilter& filter, const PlanRules& rules, const Repairs& repairs);

// Bytes as text where they are plain text, else as hexadecimal digits after "0x".
[[nodiscard]] std::string readable_bytes(std::string_view bytes);
// Lines of offset, 16 bytes and their ASCII, as hexdump -C writes them; cut after `bytes_max`.
[[nodiscard]] std::string hex_dump(std::string_view bytes, std::size_t bytes_max);

}  // namespace openrun::dlq
