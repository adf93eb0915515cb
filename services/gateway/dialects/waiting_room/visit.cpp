#include "gateway/dialects/waiting_room/visit.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <openrun/base/text.hpp>
#include <openrun/wire/json.hpp>

#include "gateway/rest/body.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway::dialects {
namespace {

constexpr std::string_view cookie_prefix = "openrun_";
constexpr std::string_view cookie_seconds_max = "86400";
constexpr std::size_t hash_digits = 16;

ports::HttpResponse invalid_field(std::string_view field, std::string_view rule) {
  return invalid_request("The call has faults.", {{std::string(field), std::string(rule)}});
}

std::string text_of(const wire::JsonValue& value) {
  if (const auto* text = value.get<std::string>()) return *text;
  if (const auto* number = value.get<std::int64_t>()) return std::to_string(*number);
  if (const auto* number = value.get<std::uint64_t>()) return std::to_string(*number);
  return {};
}

class Fields {
 public:
  explicit Fields(const ports::HttpRequest& request) : request_(request) {}

  // Empty where it is not there.
  std::expected<std::string, ports::HttpResponse> read(std::string_view name) {
    if (const auto written = query_parameter(request_.query, name)) {
      auto decoded = percent_decode(*written);
      if (!decoded) return std::unexpected(invalid_field(name, "has a broken escape"));
      return std::move(*decoded);
    }
    if (request_.body.empty()) return std::string();
    if (!body_) body_ = read_object(request_, true);
    if (!*body_) return std::unexpected(body_->error());
    for (const auto& [key, value] : **body_) {
      if (key == name) return text_of(value);
    }
    return std::string();
  }

 private:
  const ports::HttpRequest& request_;
  std::optional<std::expected<wire::JsonObject, ports::HttpResponse>> body_;
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::expected<Visit, ports::HttpResponse> read_visit(const ports::HttpRequest& request, std::string_view event) {
  Fields fields(request);
  Visit visit;
  std::string event_id(event);
  if (event_id.empty()) {
    auto read = fields.read("eventId");
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->empty()) return std::unexpected(invalid_field("eventId", "is missing"));
    event_id = std::move(*read);
  }
  const auto campaign = parse_campaign(event_id);
  if (!campaign) return std::unexpected(campaign_not_found());
  visit.campaign = *campaign;
  auto user = fields.read("userId");
  if (!user) return std::unexpected(std::move(user.error()));
  visit.user = std::move(*user);
  if (!visit.user.empty() && !is_valid_user_id(visit.user)) {
    return std::unexpected(
        invalid_field("userId", "must be 1 to 64 characters of valid UTF-8 without control characters"));
  }
  return visit;
}

std::optional<Cookie> find_cookie(const ports::HttpRequest& request, CampaignId campaign) {
  const std::string name = std::string(cookie_prefix) + std::to_string(campaign.value) + "=";
  std::string_view rest = request.header("Cookie");
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    std::string_view pair = trimmed(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (!pair.starts_with(name)) continue;
    pair.remove_prefix(name.size());
    const std::size_t dot = pair.find('.');
    if (dot == std::string_view::npos || pair.size() - dot - 1 != hash_digits) return std::nullopt;
    Cookie cookie{pair.substr(0, dot), 0};
    const char* const last = pair.data() + pair.size();
    const auto [stop, error] = std::from_chars(pair.data() + dot + 1, last, cookie.user_hash, 16);
    if (error != std::errc{} || stop != last) return std::nullopt;
    return cookie;
  }
  return std::nullopt;
}

std::string set_cookie(CampaignId campaign, std::string_view receipt, std::uint64_t user_hash, bool is_long_form,
                       bool is_secure) {
  std::array<char, hash_digits> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), user_hash, 16).ptr;
  const std::size_t length = static_cast<std::size_t>(end - digits.data());
  const std::string id = std::to_string(campaign.value);
  std::string cookie(cookie_prefix);
  cookie.append(id).append("=").append(receipt).append(".");
  cookie.append(hash_digits - length, '0').append(digits.data(), length);
  cookie.append("; Path=").append(is_long_form ? "/gate/events/" + id : "/");
  cookie.append("; Max-Age=").append(cookie_seconds_max).append("; HttpOnly; SameSite=Lax");
  if (is_secure) cookie.append("; Secure");
  return cookie;
}

bool came_by_tls(const ports::HttpRequest& request) {
  return request.header("X-Forwarded-Proto") == "https";
}

}  // namespace openrun::gateway::dialects
