#include "process_metrics.hpp"

#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include <dirent.h>
#include <unistd.h>

namespace openrun::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily single(std::string name, std::string help, MetricType type, double value) {
  ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return {std::move(name), std::move(help), type, {metric}};
}

// Fields of /proc/self/stat, counted from 1 as in proc(5), from the third on: the second may hold spaces and brackets.
struct ProcessStat {
  double user_ticks = 0;      // 14
  double system_ticks = 0;    // 15
  double threads = 0;         // 20
  double start_ticks = 0;     // 22, since boot
  double resident_pages = 0;  // 24
};
std::optional<ProcessStat> read_stat() {
  std::ifstream stream("/proc/self/stat");
  std::string text;
  if (!std::getline(stream, text)) return std::nullopt;
  const std::size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(bracket + 1));
  ProcessStat stat;
  std::string field;
  for (int number = 3; fields >> field; ++number) {
    if (number == 14) stat.user_ticks = std::stod(field);
    if (number == 15) stat.system_ticks = std::stod(field);
    if (number == 20) stat.threads = std::stod(field);
    if (number == 22) stat.start_ticks = std::stod(field);
    if (number == 24) {
      stat.resident_pages = std::stod(field);
      return stat;
    }
  }
  return std::nullopt;
}

std::optional<double> boot_time_seconds() {
  std::ifstream stream("/proc/stat");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

std::optional<double> open_files() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  double entries = 0;
  while (readdir(folder) != nullptr) ++entries;
  closedir(folder);
  return entries - 3;  // ".", ".." and the folder's own descriptor
}

}  // namespace

ProcessMetrics::ProcessMetrics(std::string daemon, std::string version)
    : daemon_(std::move(daemon)), version_(std::move(version)) {}

std::vector<MetricFamily> ProcessMetrics::collect() const {
  std::vector<MetricFamily> families;
  ClientMetric build;
  build.label = {{"daemon", daemon_}, {"version", version_}};
  build.gauge.value = 1;
  families.push_back({"openrun_build_info", "Always 1; what runs here.", MetricType::Gauge, {build}});
  const double ticks_a_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto stat = read_stat()) {
    families.push_back(single("process_cpu_seconds_total", "User and system CPU time spent.", MetricType::Counter,
                              (stat->user_ticks + stat->system_ticks) / ticks_a_second));
    families.push_back(single("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
                              stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE))));
    families.push_back(single("process_threads", "Threads of the process.", MetricType::Gauge, stat->threads));
    if (const auto boot = boot_time_seconds()) {
      families.push_back(single("process_start_time_seconds", "Start of the process, in seconds since 1970.",
                                MetricType::Gauge, *boot + stat->start_ticks / ticks_a_second));
    }
  }
  if (const auto files = open_files()) {
    families.push_back(single("process_open_fds", "Open file descriptors.", MetricType::Gauge, *files));
  }
  return families;
}

}  // namespace openrun::telemetry
