#include <algorithm>
#include <array>

#include <openrun/base/limits.hpp>
#include <openrun/wire/json.hpp>

namespace openrun::wire {
namespace {

constexpr std::int64_t ms_per_day = 86'400'000;
constexpr std::size_t text_length = 24;  // 2026-11-21T09:00:00.000Z
// The proleptic Gregorian calendar in eras of 400 years that start on the first of March, so that leap days come last.
constexpr std::int64_t days_per_era = 146'097;
constexpr std::int64_t days_to_1970 = 719'468;  // from 0000-03-01

struct Date {
  std::int64_t year;
  unsigned month;  // 1..12
  unsigned day;    // 1..31
};

// days >= -719468: from the first of March of year 0 on.
constexpr Date date_of(std::int64_t days) {
  days += days_to_1970;
  const std::int64_t era = days / days_per_era;
  const auto day_of_era = static_cast<unsigned>(days % days_per_era);
  const unsigned year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

// year >= 1, or year 0 from March on.
constexpr std::int64_t days_of(const Date& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year % 400;
  const unsigned month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
  const unsigned day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  return era * days_per_era + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - days_to_1970;
}
static_assert(days_of({1970, 1, 1}) == 0 && days_of({2000, 2, 29}) == 11'016);

constexpr unsigned days_in_month(std::int64_t year, unsigned month) {
  constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

void put(char*& out, std::int64_t value, int digits, char after) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  out[digits] = after;
  out += digits + 1;
}

// Takes from the front of a text; once something is missing, nothing more is there.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : text_(text) {}

  unsigned number(std::size_t digits) {
    unsigned value = 0;
    if (text_.size() < digits) return fail();
    for (const char c : text_.substr(0, digits)) {
      if (c < '0' || c > '9') return fail();
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }

  // The first of the characters that stands here, or NUL.
  char any_of(std::string_view characters) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return '\0';
    const char found = text_.front();
    text_.remove_prefix(1);
    return found;
  }

  void expect(std::string_view characters) {
    if (any_of(characters) == '\0') fail();
  }

  // Milliseconds out of 1 to 9 digits.
  unsigned fraction() {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; ++digits) {
      if (digits < 3) value = value * 10 + static_cast<unsigned>(text_.front() - '0');
      text_.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return fail();
    for (; digits < 3; ++digits) value *= 10;
    return value;
  }

  [[nodiscard]] bool complete() const { return !failed_ && text_.empty(); }

 private:
  unsigned fail() {
    failed_ = true;
    text_ = {};
    return 0;
  }

  std::string_view text_;
  bool failed_ = false;
};

struct ParsedTime {
  Date date;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned ms = 0;
  std::int64_t offset_minutes = 0;
};

bool read_time(std::string_view text, ParsedTime& out) {
  TimeReader reader(text);
  out.date.year = reader.number(4);
  reader.expect("-");
  out.date.month = reader.number(2);
  reader.expect("-");
  out.date.day = reader.number(2);
  reader.expect("Tt");
  out.hour = reader.number(2);
  reader.expect(":");
  out.minute = reader.number(2);
  reader.expect(":");
  out.second = reader.number(2);
  if (reader.any_of(".") != '\0') out.ms = reader.fraction();
  if (const char sign = reader.any_of("+-"); sign != '\0') {
    const unsigned hours = reader.number(2);
    reader.expect(":");
    const unsigned minutes = reader.number(2);
    if (hours > 23 || minutes > 59) return false;
    out.offset_minutes = (sign == '+' ? 1 : -1) * static_cast<std::int64_t>(hours * 60 + minutes);
  } else {
    reader.expect("Zz");
  }
  return reader.complete() && out.date.month >= 1 && out.date.month <= 12 && out.date.day >= 1 &&
         out.date.day <= days_in_month(out.date.year, out.date.month) && out.hour <= 23 && out.minute <= 59 &&
         out.second <= 59;
}

}  // namespace

void append_time(std::string& out, std::int64_t ms_since_1970) {
  const std::int64_t ms = std::clamp<std::int64_t>(ms_since_1970, 0, limits::timestamp_ms_max);
  const Date date = date_of(ms / ms_per_day);
  const std::int64_t of_day = ms % ms_per_day;
  std::array<char, text_length> text;
  char* at = text.data();
  put(at, date.year, 4, '-');
  put(at, date.month, 2, '-');
  put(at, date.day, 2, 'T');
  put(at, of_day / 3'600'000, 2, ':');
  put(at, of_day / 60'000 % 60, 2, ':');
  put(at, of_day / 1'000 % 60, 2, '.');
  put(at, of_day % 1'000, 3, 'Z');
  out.append(text.data(), text.size());
}

std::string format_time(std::int64_t ms_since_1970) {
  std::string out;
  append_time(out, ms_since_1970);
  return out;
}

Result<std::int64_t> parse_time(std::string_view text) {
  ParsedTime parsed;
  if (!read_time(text, parsed)) {
    return fail(Error::Kind::invalid, "must be an RFC 3339 time such as 2026-11-21T09:00:00.000Z");
  }
  std::int64_t ms = -1;
  if (parsed.date.year >= 1969) {
    const std::int64_t minutes =
        days_of(parsed.date) * 1'440 + parsed.hour * 60 + parsed.minute - parsed.offset_minutes;
    ms = minutes * 60'000 + parsed.second * 1'000 + parsed.ms;
  }
  if (ms < 0 || ms > limits::timestamp_ms_max) return fail(Error::Kind::invalid, "must lie in the years 1970 to 9999");
  return ms;
}

}  // namespace openrun::wire
