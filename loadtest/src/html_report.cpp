#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <string_view>

#include <openrun/load/html_report.hpp>

namespace openrun::load {
namespace {

constexpr double plot_width = 720, plot_height = 220, margin_left = 70, margin_top = 12, margin_bottom = 34;

constexpr std::string_view style =
    R"(body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}table{border-collapse:collapse}
th,td{text-align:left;padding:.25rem .9rem .25rem 0;vertical-align:top;border-bottom:1px solid #ddd}td.n{text-align:right}
svg{width:100%;height:auto}text{font-size:12px;fill:#444}.grid{stroke:#ddd}.a{stroke:#0b5cad;fill:none;stroke-width:2}
.b{stroke:#b3541e;fill:none;stroke-width:2;stroke-dasharray:6 3}.ta{fill:#0b5cad}.tb{fill:#b3541e}
.good{color:#17692e}.bad{color:#b00020;font-weight:bold}code{overflow-wrap:anywhere}
td.w{width:16rem}.bar{background:#0b5cad;height:.8rem;margin-top:.35rem})";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string number(double value) {
  std::array<char, 40> text{};
  const int decimals = value >= 100 || value == std::floor(value) ? 0 : value >= 10 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  std::string out = text.data();
  const std::size_t whole = std::min(out.find('.'), out.size());
  for (std::size_t i = whole; i > 3; i -= 3) out.insert(i - 3, 1, ',');
  return out;
}

std::string coordinate(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

// The next of 1, 2, 5, 10, 20, 50, ... at or above the value.
double round_up(double value) {
  double step = 1e-3;
  for (int i = 0; step < value; ++i) step *= i % 3 == 1 ? 2.5 : 2;
  return step;
}

struct Line {
  std::string name;
  char letter;                 // a or b: colour and dashes
  std::vector<double> values;  // one for each mark on the horizontal axis, evenly spread
};

struct Plot {
  std::string title;
  std::string unit;
  std::vector<std::string> marks;  // below the horizontal axis; empty ones are left out
  std::vector<Line> lines;
};

std::string svg(const Plot& plot) {
  double top = 0;
  for (const Line& line : plot.lines) {
    for (const double value : line.values) top = std::max(top, value);
  }
  top = round_up(std::max(top, 1e-3));
  const double right = plot_width - 20, bottom = plot_height - margin_bottom;
  const auto y = [&](double value) { return bottom - (bottom - margin_top) * value / top; };
  const auto x = [&](std::size_t i) {
    const double steps = static_cast<double>(std::max<std::size_t>(1, plot.marks.size() - 1));
    return margin_left + (right - margin_left) * static_cast<double>(i) / steps;
  };
  std::string out = "<svg viewBox=\"0 0 " + number(plot_width) + " " + number(plot_height) +
                    "\" role=\"img\" aria-label=\"" + escaped(plot.title) + "\">";
  for (int i = 0; i <= 4; ++i) {
    const double value = top * i / 4;
    out += "<line class=\"grid\" x1=\"" + coordinate(margin_left) + "\" x2=\"" + coordinate(right) + "\" y1=\"" +
           coordinate(y(value)) + "\" y2=\"" + coordinate(y(value)) + "\"/><text text-anchor=\"end\" x=\"" +
           coordinate(margin_left - 6) + "\" y=\"" + coordinate(y(value) + 4) + "\">" + number(value) + "</text>";
  }
  for (std::size_t i = 0; i < plot.marks.size(); ++i) {
    if (plot.marks[i].empty()) continue;
    out += "<text text-anchor=\"middle\" x=\"" + coordinate(x(i)) + "\" y=\"" + coordinate(bottom + 16) + "\">" +
           escaped(plot.marks[i]) + "</text>";
  }
  double name_at = margin_left;
  for (const Line& line : plot.lines) {
    out += std::string("<polyline class=\"") + line.letter + "\" points=\"";
    for (std::size_t i = 0; i < line.values.size(); ++i)
      out += coordinate(x(i)) + "," + coordinate(y(line.values[i])) + " ";
    out += std::string("\"/><text class=\"t") + line.letter + "\" x=\"" + coordinate(name_at) + "\" y=\"" +
           coordinate(plot_height - 3) + "\">" + escaped(line.name) + ", " + escaped(plot.unit) + "</text>";
    name_at += 200;
  }
  return out + "</svg>";
}

Plot timeline_plot(const Report& report, std::string title, std::string unit) {
  Plot plot{std::move(title), std::move(unit), {}, {}};
  const std::size_t every = std::max<std::size_t>(1, (report.timeline.size() + 9) / 10);
  for (std::size_t i = 0; i < report.timeline.size(); ++i)
    plot.marks.push_back(i % every == 0 ? std::to_string(i) + " s" : "");
  return plot;
}

Line line_of(const Report& report, std::string name, char letter, const std::function<double(const Second&)>& value) {
  Line line{std::move(name), letter, {}};
  for (const Second& second : report.timeline) line.values.push_back(value(second));
  return line;
}

// Each with a bar of its share.
std::string cpu_table(const CpuReport& cpu) {
  if (cpu.uses.empty()) return "";
  const std::vector<CpuUse> lines = cpu.lines();
  double most = 0;
  for (const CpuUse& use : lines) most = std::max(most, use.seconds.value_or(0));
  std::string out = "<h2>CPU until the last outcome</h2><table><tr><th></th>";
  for (const char* head : {"s", "of a core", "µs a decided request", ""}) out += std::string("<th>") + head + "</th>";
  out += "</tr>";
  for (const CpuUse& use : lines) {
    out += "<tr><th>" + escaped(use.name) + "</th>";
    for (const std::optional<double>& value : {use.seconds, cpu.of_a_core(use), cpu.us_per_decided(use)})
      out += "<td class=\"n\">" + (value ? number(*value) : "–") + "</td>";
    out += "<td class=\"w\">" + escaped(use.remark());
    if (use.seconds && most > 0)
      out += "<div class=\"bar\" style=\"width:" + coordinate(100 * *use.seconds / most) + "%\"></div>";
    out += "</td></tr>";
  }
  return out + "</table>";
}

std::string plots(const Report& report) {
  Plot rate = timeline_plot(report, "Outcomes and requests, second by second", "a second");
  rate.lines = {line_of(report, "outcomes", 'a', [](const Second& s) { return static_cast<double>(s.decided); }),
                line_of(report, "requests", 'b', [](const Second& s) { return static_cast<double>(s.sent); })};
  const auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1'000; };
  Plot latency = timeline_plot(report, "Latency from the intended send time, second by second", "ms");
  latency.lines = {line_of(report, "p50", 'a', [&](const Second& s) { return ms(s.decided_us.percentile_us(50)); }),
                   line_of(report, "p99", 'b', [&](const Second& s) { return ms(s.decided_us.percentile_us(99)); })};
  Plot shape{"Latency by percentile", "ms", {}, {}};
  shape.lines = {{"until the outcome", 'a', {}}};
  for (const double percent : {0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 100.0}) {
    std::array<char, 16> mark{};
    std::snprintf(mark.data(), mark.size(), "%g", percent);
    shape.marks.emplace_back(mark.data());
    shape.lines[0].values.push_back(ms(report.decided_us.percentile_us(percent)));
  }
  const auto titled = [](const Plot& plot) { return "<h2>" + escaped(plot.title) + "</h2>" + svg(plot); };
  // What throughput costs stands beside it.
  return titled(rate) + cpu_table(report.cpu) + titled(latency) + titled(shape);
}

std::string row(std::string_view name, std::string_view value) {
  return "<tr><th>" + escaped(name) + "</th><td>" + std::string(value) + "</td></tr>";
}

std::string latencies(const Report& report) {
  std::string out = "<h2>Latencies, ms</h2><table><tr><th></th>";
  for (const char* head : {"count", "mean", "p50", "p90", "p99", "p99.9", "max"})
    out += std::string("<th>") + head + "</th>";
  out += "</tr>";
  const auto add = [&](const char* name, const Histogram& histogram) {
    if (histogram.count() == 0) return;
    out += std::string("<tr><th>") + name + "</th><td class=\"n\">" + number(static_cast<double>(histogram.count())) +
           "</td>";
    for (const double us :
         {histogram.mean_us(), static_cast<double>(histogram.percentile_us(50)),
          static_cast<double>(histogram.percentile_us(90)), static_cast<double>(histogram.percentile_us(99)),
          static_cast<double>(histogram.percentile_us(99.9)), static_cast<double>(histogram.max_us())})
      out += "<td class=\"n\">" + number(us / 1'000) + "</td>";
    out += "</tr>";
  };
  add("until the receipt", report.accepted_us);
  add("until the outcome", report.decided_us);
  add("read again", report.reread_us);
  return out + "</table>";
}

std::string counts(const Report& report) {
  std::string out = "<h2>Outcomes</h2><table>";
  for (const auto& [outcome, count] : report.outcomes) out += row(outcome, number(static_cast<double>(count)));
  if (report.gave_up > 0) out += row("no answer", number(static_cast<double>(report.gave_up)));
  if (report.retried > 0) out += row("retried", number(static_cast<double>(report.retried)));
  return out + "</table>";
}

}  // namespace

std::string html_report(const Report& report, const std::vector<Check>& checks, const RunFacts& facts) {
  const bool exact = std::ranges::all_of(checks, &Check::ok);
  std::string out = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>openrun load</title><style>";
  out += style;
  out += "</style></head><body><h1>openrun load: <span class=\"";
  out += exact ? "good\">exact" : "bad\">NOT EXACT";
  out += "</span></h1><p>" + number(static_cast<double>(report.sent)) + " requests in " + number(report.seconds) +
         " s; " + number(static_cast<double>(report.decided_us.count()) / std::max(report.send_seconds, 1e-6)) +
         " decided a second.</p>";
  out += latencies(report) + counts(report) + plots(report) + "<h2>Verdict</h2><table>";
  for (const Check& check : checks)
    out += row(check.text, check.ok ? "<span class=\"good\">ok</span>" : "<span class=\"bad\">WRONG</span>");
  out += "</table><h2>The run</h2><table>" + row("started", escaped(facts.started_at)) +
         row("machine", escaped(facts.machine)) + row("commit", escaped(facts.commit)) +
         row("command", "<code>" + escaped(facts.command) + "</code>");
  for (const auto& [name, value] : facts.settings) out += row(name, escaped(value));
  return out + "</table></body></html>\n";
}

}  // namespace openrun::load
