#include "cli/load_report.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include <sys/utsname.h>

#include <openrun/runtime/runtime.hpp>
#include <openrun/wire/json.hpp>

#include "cli/context.hpp"
#include "openrun_commit.hpp"

namespace openrun::cli {
namespace {

constexpr std::size_t command_bytes_max = 4'096;

// The value behind `name :` in one of the kernel's lists; empty where it is not there.
std::string line_of(const char* file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t colon = line.find(':');
    const std::size_t begin = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string machine() {
  utsname system{};
  ::uname(&system);
  std::ostringstream out;
  out << line_of("/proc/cpuinfo", "model name") << ", " << std::thread::hardware_concurrency() << " cores, "
      << line_of("/proc/meminfo", "MemTotal") << ", " << system.sysname << " " << system.release << " "
      << system.machine;
  return out.str();
}

std::string command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string bytes(command_bytes_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  while (!bytes.empty() && bytes.back() == '\0') bytes.pop_back();
  for (char& c : bytes) {
    if (c == '\0' || c == '\n') c = ' ';
  }
  return bytes;
}

void print_latency(const char* name, const load::Histogram& histogram) {
  if (histogram.count() == 0) return;
  const auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1'000; };
  std::printf("%-22s mean %8.2f  p50 %8.2f  p90 %8.2f  p99 %8.2f  p99.9 %8.2f  max %8.2f ms\n", name,
              histogram.mean_us() / 1'000, ms(histogram.percentile_us(50)), ms(histogram.percentile_us(90)),
              ms(histogram.percentile_us(99)), ms(histogram.percentile_us(99.9)), ms(histogram.max_us()));
}

void print_cpu(const load::CpuReport& cpu) {
  for (const load::CpuUse& use : cpu.lines()) {
    std::printf("CPU of %-15s", use.name.c_str());
    if (use.seconds) std::printf(" %8.2f s %8.2f of a core", *use.seconds, cpu.of_a_core(use).value_or(0));
    if (const auto us = cpu.us_per_decided(use)) std::printf(" %9.1f us a decided request", *us);
    const std::string remark = use.remark();
    std::printf("%s%s\n", remark.empty() ? "" : " ", remark.c_str());
  }
}

void write_cpu(wire::JsonWriter& writer, const load::CpuReport& cpu) {
  const auto number = [&](const char* name, const std::optional<double>& value) {
    writer.key(name);
    value ? writer.number(*value) : writer.null();
  };
  writer.key("cpu").begin_array();
  for (const load::CpuUse& use : cpu.uses) {
    writer.begin_object().key("name").string(use.name);
    number("seconds", use.seconds);
    number("of_a_core", cpu.of_a_core(use));
    number("us_per_decided", cpu.us_per_decided(use));
    writer.key("ended").number(use.ended).end_object();
  }
  writer.end_array();
}

void write_histogram(wire::JsonWriter& writer, const char* name, const load::Histogram& histogram) {
  writer.key(name).begin_object().key("count").number(static_cast<std::int64_t>(histogram.count()));
  writer.key("mean").number(histogram.mean_us());
  writer.key("p50").number(histogram.percentile_us(50)).key("p90").number(histogram.percentile_us(90));
  writer.key("p99").number(histogram.percentile_us(99)).key("p999").number(histogram.percentile_us(99.9));
  writer.key("max").number(histogram.max_us()).end_object();
}

void write_facts(wire::JsonWriter& writer, const load::RunFacts& facts) {
  writer.key("run").begin_object().key("started_at").string(facts.started_at);
  writer.key("machine").string(facts.machine).key("commit").string(facts.commit);
  writer.key("command").string(facts.command).key("settings").begin_object();
  for (const auto& [name, value] : facts.settings) writer.key(name).string(value);
  writer.end_object().end_object();
}

}  // namespace

load::RunFacts facts_of_this_process() {
  load::RunFacts facts;
  facts.started_at = wire::format_time(runtime::SystemClock{}.now().value);
  facts.machine = machine();
  facts.commit = OPENRUN_COMMIT;
  facts.command = command_line();
  return facts;
}

void print_load_text(const load::Report& report, const std::vector<load::Check>& checks) {
  std::printf("\n%llu requests in %.2f s: %.0f decided a second\n", static_cast<unsigned long long>(report.sent),
              report.send_seconds, static_cast<double>(report.decided_us.count()) / report.send_seconds);
  for (const auto& [outcome, count] : report.outcomes) {
    std::printf("  %-20s %llu\n", outcome.c_str(), static_cast<unsigned long long>(count));
  }
  if (report.gave_up > 0) std::printf("  %-20s %llu\n", "no answer", static_cast<unsigned long long>(report.gave_up));
  if (report.retried > 0) std::printf("  %-20s %llu\n", "retried", static_cast<unsigned long long>(report.retried));
  print_latency("until the receipt", report.accepted_us);
  print_latency("until the outcome", report.decided_us);
  print_latency("read again", report.reread_us);
  print_cpu(report.cpu);
  bool exact = true;
  for (const load::Check& check : checks) {
    std::printf("  %s %s\n", check.ok ? "ok   " : "WRONG", check.text.c_str());
    exact = exact && check.ok;
  }
  std::printf("verdict: %s\n", exact ? "exact" : "NOT EXACT");
}

void print_load_json(const load::Report& report, const std::vector<load::Check>& checks,
                     const std::vector<std::uint32_t>& campaigns, const load::RunFacts& facts) {
  std::string out;
  wire::JsonWriter writer(out);
  const auto count = [&](const char* name, std::uint64_t n) { writer.key(name).number(static_cast<std::int64_t>(n)); };
  bool exact = true;
  for (const load::Check& check : checks) exact = exact && check.ok;
  writer.begin_object().key("exact").boolean(exact).key("seconds").number(report.seconds);
  writer.key("send_seconds").number(report.send_seconds);
  writer.key("decided_per_second").number(static_cast<double>(report.decided_us.count()) / report.send_seconds);
  count("sent", report.sent);
  count("accepted", report.accepted);
  count("undecided", report.undecided);
  count("gave_up", report.gave_up);
  count("impatient", report.impatient);
  count("retried", report.retried);
  count("transport_errors", report.transport_errors);
  count("unadvised", report.unadvised);
  count("changed", report.changed);
  writer.key("campaigns").begin_array();
  for (const std::uint32_t id : campaigns) writer.number(static_cast<std::int64_t>(id));
  writer.end_array().key("outcomes").begin_object();
  for (const auto& [outcome, n] : report.outcomes) count(outcome.c_str(), n);
  writer.end_object().key("statuses").begin_object();
  for (const auto& [status, n] : report.statuses) count(std::to_string(status).c_str(), n);
  writer.end_object();
  write_histogram(writer, "accepted_us", report.accepted_us);
  write_histogram(writer, "decided_us", report.decided_us);
  write_histogram(writer, "reread_us", report.reread_us);
  write_cpu(writer, report.cpu);
  writer.key("checks").begin_array();
  for (const load::Check& check : checks)
    writer.begin_object().key("ok").boolean(check.ok).key("text").string(check.text).end_object();
  writer.end_array();
  write_facts(writer, facts);
  writer.end_object();
  std::cout << out << "\n";
}

void write_load_page(const std::string& file, const load::Report& report, const std::vector<load::Check>& checks,
                     const load::RunFacts& facts) {
  std::ofstream out(file, std::ios::binary);
  out << load::html_report(report, checks, facts) << std::flush;
  if (!out)
    throw CommandFailed{found_wrong, "cannot write the report to " + file + "; name another file with --report"};
}

}  // namespace openrun::cli
