#include <algorithm>

#include <openrun/base/limits.hpp>
#include <openrun/base/text.hpp>
#include <openrun/wire/terms.hpp>

namespace openrun::wire {
namespace {

using issuance::Discount;

constexpr const char* name_rule = "must be valid UTF-8 of at most 100 characters without control characters";
constexpr const char* description_rule =
    "must be valid UTF-8 of at most 1000 characters without control characters other than line feed and tab";
constexpr const char* time_rule = "must lie in the years 1970 to 9999";
static_assert(limits::campaign_name_characters_max == 100 && limits::campaign_description_characters_max == 1000);

bool is_currency(std::string_view text) {
  return text.size() == currency_bytes && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::optional<FieldFault> check_discount(const Discount& discount) {
  if (discount.type == Discount::Type::percent) {
    if (discount.value < 1 || discount.value > 100)
      return FieldFault{"policy.discount.value", "must be 1 to 100 percent"};
    if (!discount.currency.empty()) return FieldFault{"policy.discount.currency", "does not belong to a percentage"};
    return std::nullopt;
  }
  if (discount.type != Discount::Type::amount) return FieldFault{"policy.discount.type", "must be percent or amount"};
  if (discount.value < 1) return FieldFault{"policy.discount.value", "must be above 0"};
  if (!is_currency(discount.currency)) {
    return FieldFault{"policy.discount.currency", "must be three capital letters (ISO 4217)"};
  }
  return std::nullopt;
}

}  // namespace

bool is_valid_time(Timestamp time) noexcept {
  return time.value >= 0 && time.value <= limits::timestamp_ms_max;
}

bool is_valid_campaign(CampaignId campaign) noexcept {
  return campaign.value >= 1 && campaign.value <= limits::campaign_id_max;
}

bool is_valid_name(std::string_view bytes) noexcept {
  return utf8_length(bytes) <= limits::campaign_name_characters_max && !has_control_character(bytes);
}

bool is_valid_description(std::string_view bytes) noexcept {
  if (utf8_length(bytes) > limits::campaign_description_characters_max) return false;
  while (!bytes.empty()) {
    const std::size_t line = std::min(bytes.find_first_of("\n\t"), bytes.size());
    if (has_control_character(bytes.substr(0, line))) return false;
    bytes.remove_prefix(std::min(line + 1, bytes.size()));
  }
  return true;
}

std::optional<FieldFault> check(const issuance::Policy& policy) {
  if (policy.discount) {
    if (auto fault = check_discount(*policy.discount)) return fault;
  }
  if (policy.valid_until && policy.valid_for_seconds) {
    return FieldFault{"policy.valid_for_seconds", "cannot stand beside valid_until"};
  }
  if (policy.valid_until && !is_valid_time(*policy.valid_until)) return FieldFault{"policy.valid_until", time_rule};
  if (policy.valid_for_seconds &&
      (*policy.valid_for_seconds < 1 || *policy.valid_for_seconds > valid_for_seconds_max)) {
    return FieldFault{"policy.valid_for_seconds", "must be 1 to 315360000 (ten years)"};
  }
  if (policy.max_per_user < 1 || policy.max_per_user > limits::coupons_per_user_max) {
    return FieldFault{"policy.max_per_user", "must be 1 to 1000"};
  }
  if (policy.code_format != issuance::CodeFormat::hangul && policy.code_format != issuance::CodeFormat::latin) {
    return FieldFault{"policy.code_format", "must be hangul or latin"};
  }
  return std::nullopt;
}

std::optional<FieldFault> check(const issuance::CampaignTerms& terms) {
  if (!is_valid_name(terms.name)) return FieldFault{"name", name_rule};
  if (!is_valid_description(terms.description)) return FieldFault{"description", description_rule};
  if (!is_valid_time(terms.starts_at)) return FieldFault{"starts_at", time_rule};
  if (terms.ends_at && !is_valid_time(*terms.ends_at)) return FieldFault{"ends_at", time_rule};
  return check(terms.policy);
}

std::optional<FieldFault> check(const issuance::ChangeCampaign& change) {
  if (change.name && !is_valid_name(*change.name)) return FieldFault{"name", name_rule};
  if (change.description && !is_valid_description(*change.description))
    return FieldFault{"description", description_rule};
  if (change.starts_at && !is_valid_time(*change.starts_at)) return FieldFault{"starts_at", time_rule};
  if (change.ends_at && *change.ends_at && !is_valid_time(**change.ends_at)) return FieldFault{"ends_at", time_rule};
  return change.policy ? check(*change.policy) : std::nullopt;
}

std::optional<FieldFault> check(const issuance::AddStock& action) {
  if (action.add < -limits::stock_max || action.add > limits::stock_max) {
    return FieldFault{"add", "must lie within 4294967295 either way"};
  }
  return std::nullopt;
}

}  // namespace openrun::wire
