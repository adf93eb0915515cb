#include "cli/front/views.hpp"

#include <algorithm>
#include <array>

#include "cli/front/json_view.hpp"

namespace openrun::cli {
namespace {

std::string discount_text(const wire::JsonValue& policy) {
  const wire::JsonValue* discount = member(policy, "discount");
  if (discount == nullptr) return "-";
  const std::string unit = text_of(*discount, "type") == "percent" ? "percent" : text_of(*discount, "currency");
  return count_of(*discount, "value") + (unit == "-" ? "" : " " + unit);
}

std::string validity_text(const wire::JsonValue& policy) {
  if (member(policy, "valid_until") != nullptr) return "until " + text_of(policy, "valid_until");
  if (member(policy, "valid_for_seconds") != nullptr) return count_of(policy, "valid_for_seconds") + " s after issue";
  return "for ever";
}

std::string rate_text(const wire::JsonValue& rate) {
  const std::string text = count_of(rate, "per_second");
  return text == "0" ? "no limit" : text;
}

}  // namespace

Cell state_cell(const std::string& state) {
  static constexpr std::array<std::string_view, 6> good{"open", "UNUSED", "issued", "replayed", "applied", "clean"};
  static constexpr std::array<std::string_view, 5> waiting{"paused", "scheduled", "waiting", "replaying", "EXPIRED"};
  static constexpr std::array<std::string_view, 3> bad{"failed", "refused_replay", "rejected"};
  if (std::ranges::find(good, state) != good.end()) return {state, Tone::good};
  if (std::ranges::find(waiting, state) != waiting.end()) return {state, Tone::warning};
  if (std::ranges::find(bad, state) != bad.end()) return {state, Tone::bad};
  return state;
}

std::string field_list(const std::string& title, const std::vector<std::pair<std::string, Cell>>& fields,
                       const PrintStyle& style) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, display_width(name));
  std::string out = toned(printable(title), Tone::heading, style) + "\n";
  for (const auto& [name, value] : fields) {
    out += "  " + name + std::string(width - display_width(name) + 2, ' ');
    out += toned(printable(value.text), value.tone, style) + "\n";
  }
  return out;
}

TextTable campaign_table() {
  return {{{"ID", Align::right},
           {"STATE"},
           {"STOCK", Align::right},
           {"ISSUED", Align::right},
           {"LEFT", Align::right},
           {"STARTS"},
           {"ENDS"},
           {"NAME", Align::left, true}},
          "there is no such campaign"};
}

void add_campaign(TextTable& table, const wire::JsonValue& campaign) {
  table.add({text_of(campaign, "id"), state_cell(text_of(campaign, "state")), count_of(campaign, "stock"),
             count_of(campaign, "issued"), count_of(campaign, "remaining"), text_of(campaign, "starts_at"),
             text_of(campaign, "ends_at"), text_of(campaign, "name")});
}

std::string campaign_fields(const wire::JsonValue& campaign, const PrintStyle& style) {
  std::vector<std::pair<std::string, Cell>> fields{
      {"state", state_cell(text_of(campaign, "state"))},
      {"issued", count_of(campaign, "issued") + " of " + count_of(campaign, "stock")},
      {"left", count_of(campaign, "remaining")},
      {"starts", text_of(campaign, "starts_at")},
      {"ends", text_of(campaign, "ends_at") == "-" ? "never" : text_of(campaign, "ends_at")}};
  if (const wire::JsonValue* policy = member(campaign, "policy")) {
    fields.emplace_back("discount", discount_text(*policy));
    fields.emplace_back("valid", validity_text(*policy));
    fields.emplace_back("per user", count_of(*policy, "max_per_user"));
    fields.emplace_back("codes", text_of(*policy, "code_format"));
  }
  if (const std::string words = text_of(campaign, "description"); !words.empty() && words != "-") {
    fields.emplace_back("description", words);
  }
  fields.emplace_back("created", text_of(campaign, "created_at"));
  return field_list("campaign " + text_of(campaign, "id") + ": " + text_of(campaign, "name"), fields, style);
}

TextTable coupon_table() {
  return {{{"CAMPAIGN", Align::right},
           {"SEQUENCE", Align::right},
           {"CODE"},
           {"STATUS"},
           {"USER", Align::left, true},
           {"ISSUED"},
           {"VALID UNTIL"},
           {"USED"}},
          "there are no coupons"};
}

void add_coupon(TextTable& table, const wire::JsonValue& coupon) {
  table.add({text_of(coupon, "campaign_id"), count_of(coupon, "sequence"), text_of(coupon, "code"),
             state_cell(text_of(coupon, "status")), text_of(coupon, "user_id"), text_of(coupon, "issued_at"),
             text_of(coupon, "valid_until"), text_of(coupon, "used_at")});
}

std::string coupon_fields(const wire::JsonValue& coupon, const PrintStyle& style) {
  return field_list("coupon " + text_of(coupon, "code"),
                    {{"status", state_cell(text_of(coupon, "status"))},
                     {"user", text_of(coupon, "user_id")},
                     {"campaign", text_of(coupon, "campaign_id")},
                     {"sequence", count_of(coupon, "sequence")},
                     {"issued", text_of(coupon, "issued_at")},
                     {"valid until", text_of(coupon, "valid_until")},
                     {"used", text_of(coupon, "used_at")}},
                    style);
}

std::string request_fields(const wire::JsonValue& request, const PrintStyle& style) {
  std::vector<std::pair<std::string, Cell>> fields{{"status", state_cell(text_of(request, "status"))},
                                                   {"campaign", text_of(request, "campaign_id")}};
  if (member(request, "reason") != nullptr) fields.emplace_back("reason", text_of(request, "reason"));
  if (member(request, "position") != nullptr) {
    fields.emplace_back("position", count_of(request, "position"));
    fields.emplace_back("wait", text_of(request, "eta_ms") == "-" ? "-" : count_of(request, "eta_ms") + " ms");
  }
  if (const wire::JsonValue* coupon = member(request, "coupon")) {
    fields.emplace_back("coupon", text_of(*coupon, "code"));
    fields.emplace_back("sequence", count_of(*coupon, "sequence"));
    fields.emplace_back("issued", text_of(*coupon, "issued_at"));
  }
  return field_list("request " + text_of(request, "receipt"), fields, style);
}

std::string dispatch_text(const wire::JsonValue& rates, const PrintStyle& style) {
  TextTable table({{"PARTITION"}, {"DECISIONS A SECOND", Align::right}}, "");
  table.add({"all", rate_text(rates)});
  for (const wire::JsonValue& one : items_of(rates, "partitions")) {
    table.add({text_of(one, "partition"), rate_text(one)});
  }
  return table.text(style);
}

}  // namespace openrun::cli
