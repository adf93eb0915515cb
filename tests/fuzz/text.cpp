// The small readers: times, UTF-8, user ids, percent-encoding, queries, Prefer, content types, keys, and the headers of
// dead letters. Each is compared with the rule, written anew.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/wire/dead_letter.hpp>
#include <openrun/wire/json.hpp>

#include "fuzz.hpp"
#include "gateway/rest/http_text.hpp"

namespace openrun::fuzz {
namespace {

// Code points by the table of RFC 3629, decoded first and judged afterwards.
std::optional<std::u32string> points_of(std::string_view bytes) {
  std::u32string points;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || bytes.size() - i < length) return std::nullopt;
    char32_t point = length == 1 ? lead : lead & (0x7F >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(bytes[i + k]);
      if (next >> 6 != 2) return std::nullopt;
      point = point << 6 | (next & 0x3F);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return std::nullopt;
    points.push_back(point);
    i += length;
  }
  return points;
}

void check_utf8(std::string_view text) {
  const auto points = points_of(text);
  require(points.has_value() == (utf8_length(text) != not_utf8), "UTF-8 is what RFC 3629 says", text);
  if (!points) {
    require(!is_valid_user_id(text), "a user id is UTF-8", text);
    return;
  }
  require(points->size() == utf8_length(text), "characters are code points", text);
  const bool has_control = std::ranges::any_of(*points, [](char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); });
  require(has_control_character(text) == has_control, "control characters are C0, DEL and C1", text);
  const bool is_user = !points->empty() && points->size() <= 64 && !has_control;
  require(is_valid_user_id(text) == is_user, "a user id is 1 to 64 characters without control characters", text);
}

void check_time(std::string_view text) {
  const auto time = wire::parse_time(text);
  if (!time) {
    require(time.error().kind == Error::Kind::invalid, "a refusal of a time is the caller's fault", text);
    return;
  }
  require(*time >= 0 && *time <= limits::timestamp_ms_max, "a time is within its bounds", text);
  const std::string shown = wire::format_time(*time);
  require(wire::parse_time(shown) == *time, "a time that is shown reads as itself", shown);
  using namespace std::chrono;
  const sys_time<milliseconds> point{milliseconds{*time}};
  const year_month_day date{floor<days>(point)};
  const hh_mm_ss<milliseconds> clock{point - floor<days>(point)};
  char expected[40];
  std::snprintf(expected, sizeof expected, "%04d-%02u-%02uT%02lld:%02lld:%02lld.%03lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<long long>(clock.hours().count()), static_cast<long long>(clock.minutes().count()),
                static_cast<long long>(clock.seconds().count()), static_cast<long long>(clock.subseconds().count()));
  require(shown == expected, "a time is shown as the standard library counts it", shown);
  // Of a text in UTC the digits stand in the answer.
  if (text.ends_with('Z')) require(shown.substr(0, 10) == text.substr(0, 10), "a date is read as it stands", shown);
}

void check_percent(std::string_view text) {
  const std::string encoded = gateway::percent_encode(text);
  require(gateway::percent_decode(encoded) == std::string(text), "what was encoded decodes to itself", encoded);
  const bool plain = std::ranges::all_of(encoded, [](char c) { return c > 0x20 && c < 0x7F && c != '/' && c != '?'; });
  require(plain, "what was encoded can stand in a path", encoded);
  const auto decoded = gateway::percent_decode(text);
  if (!decoded) require(text.find('%') != std::string_view::npos, "only an escape can be broken", text);
  if (decoded) {
    require(decoded->size() + 2 * static_cast<std::size_t>(std::ranges::count(text, '%')) == text.size(),
            "each escape is one byte", text);
  }
}

void check_query(std::string_view text) {
  std::string_view rest = text;
  const std::string_view name = next_part(rest, "=");
  const auto value = gateway::query_parameter(text, name);
  if (!text.empty() && name.find('&') == std::string_view::npos) {
    const std::string_view first = text.substr(0, text.find('&'));
    const std::size_t equals = first.find('=');
    const std::string_view expected = equals == std::string_view::npos ? std::string_view{} : first.substr(equals + 1);
    require(value == expected, "the first parameter of a name counts", text);
  }
  for (const std::string_view wanted : {"limit", "after", "state"}) {
    const auto found = gateway::query_parameter(text, wanted);
    if (found) require(found->find('&') == std::string_view::npos, "a value ends at the next parameter", text);
  }
  const auto number = gateway::parse_number(text, 1'000'000);
  if (number) {
    const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    require(digits && *number <= 1'000'000 && std::stoull(std::string(text)) == *number, "a number is its digits",
            text);
  }
  const auto campaign = gateway::parse_campaign(text);
  if (campaign)
    require(campaign->value >= 1 && campaign->value <= limits::campaign_id_max, "a campaign's bounds", text);
}

void check_headers(std::string_view text) {
  if (const auto seconds = gateway::preferred_wait_s(text)) {
    require(*seconds >= 0 && *seconds <= limits::wait_seconds_max, "a wait is bounded", text);
  }
  if (gateway::is_json_type(text)) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    require(lower.find("application/json") != std::string::npos, "JSON is called application/json", text);
    const bool foreign = lower.find("charset") != std::string::npos && lower.find("utf-8") == std::string::npos;
    require(!foreign, "JSON is UTF-8", text);
  }
  ports::HttpRequest request;
  request.headers.emplace_back("idempotency-KEY", text);
  const auto key = gateway::idempotency_key(request);
  if (key && !key->empty()) {
    require(is_valid_idempotency_key(*key) && text.find(*key) != std::string_view::npos,
            "a key is a part of its header", text);
  }
}

// Bytes that a stranger chose: key, headers and value of the record that failed.
void check_dead_letter(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> original;
  std::string_view rest = text;
  while (!rest.empty() && original.size() < 50) {
    std::string_view line = next_part(rest, "\n");
    const std::string_view name = next_part(line, ":");
    original.emplace_back(name, line);
  }
  wire::DeadLetterFacts facts;
  facts.partition = Partition{3};
  facts.offset = Offset{static_cast<std::int64_t>(text.size())};
  facts.log_time = facts.at = Timestamp{1'800'000'000'000};
  facts.reason = "UNDECODABLE";
  facts.error = std::string(text);
  const auto headers = wire::dead_letter_headers(original, facts);
  require(headers.size() > original.size() && std::equal(original.begin(), original.end(), headers.begin()),
          "the original's headers come first, byte for byte", text);
  for (std::size_t i = original.size(); i < headers.size(); ++i) {
    require(headers[i].first.starts_with("__connect.errors.") || headers[i].first.starts_with("openrun.dlq."),
            "what is added has a known name", headers[i].first);
    require(headers[i].second.size() <= wire::dead_letter_error_bytes_max, "what is added is bounded",
            headers[i].first);
    if (utf8_length(text) != not_utf8) {
      require(utf8_length(headers[i].second) != not_utf8, "an error is cut at a character", headers[i].second);
    }
  }
}

}  // namespace
}  // namespace openrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openrun::fuzz;
  const std::string_view text = text_of(data, size);
  check_utf8(text);
  check_time(text);
  check_percent(text);
  check_query(text);
  check_headers(text);
  check_dead_letter(text);
  return 0;
}
