#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

#include <unistd.h>

#include <openrun/load/process_cpu.hpp>

#include "clock.hpp"

namespace openrun::load {
namespace {

using Processes = std::map<int, ProcessStat>;

std::optional<int> pid_of(std::string_view text) {
  int pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc{} && end == text.data() + text.size() && pid > 0 ? std::optional(pid) : std::nullopt;
}

std::optional<ProcessStat> read_process(const std::string& proc, int pid) {
  std::ifstream file(proc + "/" + std::to_string(pid) + "/stat", std::ios::binary);
  return parse_process_stat(std::string(std::istreambuf_iterator<char>(file), {}));
}

// One that ends meanwhile is left out.
Processes read_processes(const std::string& proc) {
  Processes found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(proc, error), end; !error && entry != end; entry.increment(error)) {
    const std::optional<int> pid = pid_of(entry->path().filename().native());
    if (const auto process = pid ? read_process(proc, *pid) : std::nullopt) found.emplace(*pid, *process);
  }
  return found;
}

// Of these and all their descendants, each once.
std::uint64_t family_ticks(const Processes& processes, const std::vector<int>& roots) {
  std::multimap<int, int> children;
  for (const auto& [pid, process] : processes) children.emplace(process.parent, pid);
  std::set<int> counted;
  std::uint64_t ticks = 0;
  for (std::vector<int> left = roots; !left.empty();) {
    const int pid = left.back();
    left.pop_back();
    if (!counted.insert(pid).second) continue;
    ticks += processes.at(pid).cpu_ticks;
    const auto [begin, end] = children.equal_range(pid);
    for (auto child = begin; child != end; ++child) left.push_back(child->second);
  }
  return ticks;
}

bool is_the_same(const Processes& before, const Processes& after, int pid) {
  const auto then = before.find(pid);
  const auto now = after.find(pid);
  return then != before.end() && now != after.end() && now->second.runs &&
         then->second.started_ticks == now->second.started_ticks;
}

}  // namespace

Result<std::vector<NamedProcess>> parse_processes(const std::vector<std::string>& texts, const std::string& proc) {
  if (texts.size() > named_processes_max) {
    return fail(Error::Kind::invalid, std::to_string(texts.size()) + " processes are named; name at most " +
                                          std::to_string(named_processes_max) +
                                          ", what they have started is measured with them");
  }
  std::vector<NamedProcess> processes;
  for (const std::string& text : texts) {
    const std::size_t equals = std::min(text.rfind('='), text.size());
    const std::optional<int> pid = pid_of(std::string_view(text).substr(std::min(equals + 1, text.size())));
    if (equals == 0 || !pid)
      return fail(Error::Kind::invalid, text + " names no process; write NAME=PID, like gateway=4711");
    const auto process = read_process(proc, *pid);
    if (!process || !process->runs) {
      return fail(Error::Kind::invalid, "there is no process " + std::to_string(*pid) + " (" + text +
                                            "); name one that runs on this machine, or leave it out");
    }
    processes.push_back({text.substr(0, equals), *pid});
  }
  return processes;
}

// "PID (COMMAND) STATE PARENT ...": the command may hold spaces and parentheses, so what follows is counted from the
// last.
std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  constexpr std::size_t state = 0, parent = 1, user = 11, system_of_ended_children = 14, started = 19;
  const std::size_t command_end = text.rfind(')');
  if (command_end == std::string_view::npos) return std::nullopt;
  std::istringstream words{std::string(text.substr(command_end + 1))};
  const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
  if (fields.size() <= started) return std::nullopt;
  const auto number = [&](std::size_t field) {
    std::uint64_t value = 0;
    std::from_chars(fields[field].data(), fields[field].data() + fields[field].size(), value);
    return value;
  };
  ProcessStat process;
  process.parent = static_cast<int>(number(parent));
  process.runs = fields[state] != "Z" && fields[state] != "X";
  for (std::size_t field = user; field <= system_of_ended_children; ++field) process.cpu_ticks += number(field);
  process.started_ticks = number(started);
  return process;
}

std::string CpuUse::remark() const {
  if (ended == 0) return "";
  if (ended == processes) return "ended meanwhile: what it used is not known";
  return std::to_string(ended) + " of " + std::to_string(processes) + " ended meanwhile: without what they used";
}

std::vector<CpuUse> CpuReport::lines() const {
  std::vector<CpuUse> out = uses;
  if (uses.size() <= 2) return out;
  CpuUse together{.name = "these together", .processes = 0, .ended = 0, .seconds = std::nullopt};
  for (auto use = uses.begin(); use + 1 != uses.end(); ++use) {
    together.processes += use->processes;
    together.ended += use->ended;
    if (use->seconds) together.seconds = together.seconds.value_or(0) + *use->seconds;
  }
  out.insert(out.end() - 1, std::move(together));
  return out;
}

std::optional<double> CpuReport::of_a_core(const CpuUse& use) const {
  return use.seconds.transform([&](double used) { return used / std::max(seconds, 1e-6); });
}

std::optional<double> CpuReport::us_per_decided(const CpuUse& use) const {
  if (decided == 0) return std::nullopt;
  return use.seconds.transform([&](double used) { return used * 1e6 / static_cast<double>(decided); });
}

CpuMeter::CpuMeter(std::vector<NamedProcess> processes, std::string proc)
    : processes_(std::move(processes)), proc_(std::move(proc)) {}

// What the look itself costs is not within what is measured.
void CpuMeter::begin(std::uint64_t decided) {
  if (first_) return;
  Look look;
  if (!processes_.empty()) look.processes = read_processes(proc_);
  look.decided = decided;
  look.own_cpu_us = own_cpu_us();
  look.at_us = monotonic_us();
  first_ = std::move(look);
}

void CpuMeter::end(std::uint64_t decided) {
  if (std::exchange(is_over_, true) || !first_) return;
  Look last{{}, monotonic_us(), own_cpu_us(), decided};
  if (!processes_.empty()) last.processes = read_processes(proc_);
  report_.seconds = static_cast<double>(last.at_us - first_->at_us) / 1e6;
  report_.decided = last.decided - first_->decided;
  for (const NamedProcess& process : processes_) {
    if (std::ranges::find(report_.uses, process.name, &CpuUse::name) == report_.uses.end())
      report_.uses.push_back(use_of(process.name, last));
  }
  const double own_seconds = static_cast<double>(last.own_cpu_us - first_->own_cpu_us) / 1e6;
  report_.uses.push_back({.name = "openrun load", .processes = 1, .ended = 0, .seconds = own_seconds});
}

CpuUse CpuMeter::use_of(const std::string& name, const Look& last) const {
  CpuUse use{.name = name, .processes = 0, .ended = 0, .seconds = std::nullopt};
  std::vector<int> there;
  for (const NamedProcess& process : processes_) {
    if (process.name != name) continue;
    use.processes += 1;
    if (is_the_same(first_->processes, last.processes, process.pid))
      there.push_back(process.pid);
    else
      use.ended += 1;
  }
  if (there.empty()) return use;
  const std::uint64_t before = family_ticks(first_->processes, there);
  // A child that left for another parent takes what it had used with it.
  const std::uint64_t after = std::max(before, family_ticks(last.processes, there));
  use.seconds = static_cast<double>(after - before) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return use;
}

}  // namespace openrun::load
