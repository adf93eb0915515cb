#include "gateway/rest/csv.hpp"

#include <optional>

#include <openrun/wire/json.hpp>

#include "gateway/rest/render.hpp"

namespace openrun::gateway {
namespace {

void append_time(std::string& out, std::optional<Timestamp> time) {
  out.push_back(',');
  if (time) wire::append_time(out, time->value);
}

}  // namespace

void append_csv_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out.append(field);
    return;
  }
  out.push_back('"');
  for (const char c : field) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_csv_coupon(std::string& out, const ports::Coupon& coupon, Timestamp now) {
  append_csv_field(out, coupon.code);
  out.append(",").append(std::to_string(coupon.campaign.value));
  out.append(",").append(std::to_string(coupon.sequence.value)).append(",");
  append_csv_field(out, coupon.user);
  out.append(",").append(coupon_status(coupon, now));
  append_time(out, coupon.issued_at);
  append_time(out, coupon.valid_until);
  append_time(out, coupon.used_at);
  out.append("\r\n");
}

}  // namespace openrun::gateway
