#include "gateway/rest/http_text.hpp"

#include <algorithm>
#include <charconv>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>

namespace openrun::gateway {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_text(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

// Cuts `text` at the next separator and returns what stood before it.
std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return part;
}

constexpr int weight_max = 1'000;

// In thousandths: 0 to 1 with at most three decimals, and 0 for what is no weight.
int read_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[1] != '.')) return 0;
  int weight = 0;
  int unit = weight_max;
  for (const char c : text) {
    if (c == '.') continue;
    if (c < '0' || c > '9') return 0;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return weight > weight_max ? 0 : weight;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[byte >> 4U]);
      out.push_back(digits[byte & 0xFU]);
    }
  }
  return out;
}

std::optional<std::string_view> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    std::string_view value = next_part(query, '&');
    const std::string_view key = next_part(value, '=');
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t highest) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > highest) return std::nullopt;
  return number;
}

std::optional<CampaignId> parse_campaign(std::string_view text) {
  const auto number = parse_number(text, limits::campaign_id_max);
  if (!number || *number == 0) return std::nullopt;
  return CampaignId{static_cast<std::uint32_t>(*number)};
}

bool is_json_type(std::string_view content_type) {
  std::string_view rest = content_type;
  if (!same_text(trim(next_part(rest, ';')), "application/json")) return false;
  while (!rest.empty()) {
    std::string_view parameter = trim(next_part(rest, ';'));
    if (parameter.empty()) continue;
    const std::string_view name = next_part(parameter, '=');
    if (!same_text(trim(name), "charset") || !same_text(unquote(trim(parameter)), "utf-8")) return false;
  }
  return true;
}

bool prefers_csv(std::string_view accept) {
  int csv = 0;
  int json = 0;
  while (!accept.empty()) {
    std::string_view rest = next_part(accept, ',');
    const std::string_view type = trim(next_part(rest, ';'));
    int weight = weight_max;
    while (!rest.empty()) {
      std::string_view parameter = next_part(rest, ';');
      if (same_text(trim(next_part(parameter, '=')), "q")) weight = read_weight(trim(parameter));
    }
    if (same_text(type, "text/csv")) csv = weight;
    if (same_text(type, "application/json")) json = weight;
  }
  return csv > 0 && csv >= json;
}

std::optional<std::int64_t> preferred_wait_s(std::string_view prefer) {
  while (!prefer.empty()) {
    std::string_view preference = next_part(prefer, ',');
    std::string_view value = trim(next_part(preference, ';'));
    const std::string_view name = trim(next_part(value, '='));
    if (!same_text(name, "wait")) continue;
    const std::string_view digits = unquote(trim(value));
    if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    const auto seconds = parse_number(digits, static_cast<std::uint64_t>(limits::wait_seconds_max));
    return seconds ? static_cast<std::int64_t>(*seconds) : limits::wait_seconds_max;
  }
  return std::nullopt;
}

std::optional<std::string_view> idempotency_key(const ports::HttpRequest& request) {
  if (!request.has_header("Idempotency-Key")) return std::string_view();
  const std::string_view key = unquote(trim(request.header("Idempotency-Key")));
  if (!is_valid_idempotency_key(key)) return std::nullopt;
  return key;
}

}  // namespace openrun::gateway
