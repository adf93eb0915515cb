#include "gateway/rest/render.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace openrun::gateway {
namespace {

void append_number(std::string& out, std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void write_time(wire::JsonWriter& json, std::string_view key, Timestamp time) {
  json.key(key).string(wire::format_time(time.value));
}

void write_policy(wire::JsonWriter& json, const issuance::Policy& policy) {
  json.begin_object();
  if (policy.discount) {
    const bool percent = policy.discount->type == issuance::Discount::Type::percent;
    json.key("discount").begin_object();
    json.key("type").string(percent ? "percent" : "amount");
    json.key("value").number(policy.discount->value);
    if (!policy.discount->currency.empty()) json.key("currency").string(policy.discount->currency);
    json.end_object();
  }
  if (policy.valid_until) write_time(json, "valid_until", *policy.valid_until);
  if (policy.valid_for_seconds) json.key("valid_for_seconds").number(*policy.valid_for_seconds);
  json.key("max_per_user").number(static_cast<std::int64_t>(policy.max_per_user));
  json.key("code_format").string(policy.code_format == issuance::CodeFormat::latin ? "latin" : "hangul");
  json.end_object();
}

std::string begin_request(std::string_view receipt, CampaignId campaign, std::string_view status) {
  std::string out;
  out.reserve(256);
  out += R"({"receipt":")";
  out += receipt;
  out += R"(","campaign_id":)";
  append_number(out, campaign.value);
  out += R"(,"status":")";
  out += status;
  out += '"';
  return out;
}

}  // namespace

void write_campaign(wire::JsonWriter& json, const issuance::Campaign& campaign, Timestamp now) {
  json.begin_object();
  json.key("id").number(static_cast<std::int64_t>(campaign.id.value));
  json.key("name").string(campaign.terms.name);
  json.key("description").string(campaign.terms.description);
  json.key("stock").number(static_cast<std::int64_t>(campaign.terms.stock));
  json.key("issued").number(static_cast<std::int64_t>(campaign.issued));
  json.key("remaining").number(static_cast<std::int64_t>(campaign.terms.stock) - campaign.issued);
  json.key("state").string(issuance::to_string(issuance::state_at(campaign, now)));
  write_time(json, "starts_at", campaign.terms.starts_at);
  if (campaign.terms.ends_at) {
    write_time(json, "ends_at", *campaign.terms.ends_at);
  } else {
    json.key("ends_at").null();
  }
  json.key("policy");
  write_policy(json, campaign.terms.policy);
  write_time(json, "created_at", campaign.created_at);
  write_time(json, "server_time", now);
  json.end_object();
}

std::string_view coupon_status(const ports::Coupon& coupon, Timestamp now) {
  if (coupon.used_at) return "USED";
  return coupon.valid_until && now >= *coupon.valid_until ? "EXPIRED" : "UNUSED";
}

void write_coupon(wire::JsonWriter& json, const ports::Coupon& coupon, Timestamp now) {
  json.begin_object();
  json.key("code").string(coupon.code);
  json.key("campaign_id").number(static_cast<std::int64_t>(coupon.campaign.value));
  json.key("sequence").number(static_cast<std::int64_t>(coupon.sequence.value));
  json.key("user_id").string(coupon.user);
  json.key("status").string(coupon_status(coupon, now));
  write_time(json, "issued_at", coupon.issued_at);
  if (coupon.valid_until) write_time(json, "valid_until", *coupon.valid_until);
  if (coupon.used_at) write_time(json, "used_at", *coupon.used_at);
  json.end_object();
}

// Codes are of two alphabets that need no escaping in JSON.
void append_coupon(std::string& out, const IssuedCoupon& coupon) {
  out += R"({"code":")";
  out += coupon.code;
  out += R"(","sequence":)";
  append_number(out, coupon.sequence.value);
  out += R"(,"issued_at":")";
  wire::append_time(out, coupon.issued_at.value);
  out += '"';
  if (coupon.valid_until) {
    out += R"(,"valid_until":")";
    wire::append_time(out, coupon.valid_until->value);
    out += '"';
  }
  out += '}';
}

std::string waiting_request(std::string_view receipt, CampaignId campaign, const Progress& progress) {
  std::string out = begin_request(receipt, campaign, "waiting");
  out += R"(,"position":)";
  append_number(out, progress.position);
  out += R"(,"eta_ms":)";
  if (progress.eta_ms) {
    append_number(out, *progress.eta_ms);
  } else {
    out += "null";
  }
  out += R"(,"poll_after_ms":)";
  append_number(out, progress.poll_after_ms);
  out += '}';
  return out;
}

std::string issued_request(std::string_view receipt, CampaignId campaign, const IssuedCoupon& coupon) {
  std::string out = begin_request(receipt, campaign, "issued");
  out += R"(,"coupon":)";
  append_coupon(out, coupon);
  out += '}';
  return out;
}

std::string rejected_request(std::string_view receipt, CampaignId campaign, issuance::Outcome reason,
                             const std::optional<IssuedCoupon>& coupon) {
  std::string out = begin_request(receipt, campaign, "rejected");
  out += R"(,"reason":")";
  out += issuance::to_string(reason);
  out += '"';
  if (coupon) {
    out += R"(,"coupon":)";
    append_coupon(out, *coupon);
  }
  out += '}';
  return out;
}

std::string failed_request(std::string_view receipt, CampaignId campaign) {
  std::string out = begin_request(receipt, campaign, "failed");
  out += R"(,"reason":"DEAD_LETTERED"})";
  return out;
}

std::string applied_command(std::string_view receipt, CampaignId campaign) {
  std::string out = begin_request(receipt, campaign, "applied");
  out += '}';
  return out;
}

std::optional<std::int64_t> eta_ms(std::int64_t position, std::optional<double> rate) {
  if (!rate || *rate <= 0) return std::nullopt;
  const double milliseconds = static_cast<double>(position + 1) * 1'000.0 / *rate;
  constexpr double eta_ms_max = 1e12;
  return static_cast<std::int64_t>(std::ceil(std::min(milliseconds, eta_ms_max)));
}

std::int64_t poll_after_ms(std::int64_t position, std::optional<std::int64_t> eta, double load, std::uint32_t random) {
  constexpr double lowest = 200;
  constexpr double jitter_min = 0.75;
  static_assert(lowest * jitter_min >= poll_after_ms_min);
  constexpr double highest = 5'000;
  // Half of what is left, so that the answer is fetched soon after it is there; without a rate a guess by the position.
  const double left = eta ? static_cast<double>(*eta) / 2 : lowest + static_cast<double>(position) / 10;
  const double loaded = std::max(left, lowest) * (1 + 4 * std::clamp(load, 0.0, 1.0));
  const double jitter = jitter_min + 0.5 * static_cast<double>(random) / 4'294'967'296.0;
  return static_cast<std::int64_t>(std::clamp(loaded, lowest, highest) * jitter);
}

std::string retry_after(std::int64_t milliseconds) {
  return std::to_string(std::max<std::int64_t>((milliseconds + 999) / 1'000, 1));
}

}  // namespace openrun::gateway
