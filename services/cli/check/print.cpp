#include "cli/check/print.hpp"

#include <algorithm>

#include <openrun/wire/json.hpp>

namespace openrun::cli::check {
namespace {

constexpr std::size_t verdict_columns = 7;

Tone tone_of(Verdict verdict) {
  return verdict == Verdict::ok ? Tone::good : verdict == Verdict::look ? Tone::warning : Tone::bad;
}

std::string padded(std::string text, std::size_t columns) {
  const std::size_t width = display_width(text);
  return width >= columns ? text : std::move(text) + std::string(columns - width, ' ');
}

// What others wrote (names of sessions, a server's message of two lines) stays in its line, and can't steer a terminal.
std::string one_line(std::string_view text) {
  std::string out;
  bool is_between = false;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!is_space && is_between && !out.empty()) out += ' ';
    if (!is_space) out += c;
    is_between = is_space;
  }
  return printable(out);
}

std::int64_t count_of(const Findings& findings, Verdict verdict) {
  return std::ranges::count(findings, verdict, &Finding::verdict);
}

}  // namespace

bool is_ok(const Findings& findings) {
  return count_of(findings, Verdict::wrong) == 0;
}

std::string as_text(const Findings& findings, const PrintStyle& style) {
  std::size_t part_columns = 0;
  std::size_t check_columns = 0;
  for (const Finding& one : findings) {
    part_columns = std::max(part_columns, display_width(one.part) + 2);
    check_columns = std::max(check_columns, display_width(one.check) + 2);
  }
  std::string out;
  for (const Finding& one : findings) {
    const std::string verdict(to_string(one.verdict));
    out += toned(verdict, tone_of(one.verdict), style) + std::string(verdict_columns - verdict.size(), ' ');
    out += padded(one.part, part_columns) + padded(one.check, check_columns) + one_line(one.text) + "\n";
    if (!one.fix.empty()) out += std::string(verdict_columns, ' ') + "-> " + printable(one.fix) + "\n";
  }
  const std::int64_t look = count_of(findings, Verdict::look);
  const std::int64_t wrong = count_of(findings, Verdict::wrong);
  return out + grouped(count_of(findings, Verdict::ok)) + " ok, " + grouped(look) + " to look at, " + grouped(wrong) +
         " WRONG\n";
}

std::string as_json(const Findings& findings) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("ok").boolean(is_ok(findings)).key("findings").begin_array();
  for (const Finding& one : findings) {
    json.begin_object().key("part").string(one.part).key("check").string(one.check);
    json.key("verdict").string(to_string(one.verdict)).key("text").string(one_line(one.text));
    if (!one.fix.empty()) json.key("fix").string(printable(one.fix));
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace openrun::cli::check
