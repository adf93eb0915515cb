// What processes cost: CPU time, user and system, of them and all that they have started, those that have ended
// included. From /proc, so on Linux alone, to a hundredth of a second.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/result.hpp>

namespace openrun::load {

// Several may have one name: what they use adds up.
struct NamedProcess {
  std::string name;
  int pid = 0;
};
inline constexpr std::size_t named_processes_max = 32;

// Each like "gateway=4711". Error::Kind::invalid where one is not written so, or no such process runs. `proc` is the
// directory where the kernel tells of processes.
[[nodiscard]] Result<std::vector<NamedProcess>> parse_processes(const std::vector<std::string>& texts,
                                                                const std::string& proc = "/proc");

struct ProcessStat {
  int parent = 0;
  bool runs = true;                 // false: it has ended, and only its parent has not been told yet
  std::uint64_t cpu_ticks = 0;      // its own, and that of children which have ended and were waited for
  std::uint64_t started_ticks = 0;  // since boot: where a pid was given to another process, it is another
};
// Of the text of /proc/PID/stat; nothing where it is none.
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

// What was used under one name between two looks.
struct CpuUse {
  std::string name;
  unsigned processes = 0;         // that were named
  unsigned ended = 0;             // of them, meanwhile: what they have used is not known
  std::optional<double> seconds;  // of the others; nothing where there are none
  // What a reader must know of those that have ended; empty where none has.
  [[nodiscard]] std::string remark() const;
};
struct CpuReport {
  double seconds = 0;         // between the looks
  std::uint64_t decided = 0;  // outcomes that came between them
  std::vector<CpuUse> uses;   // in the order in which the names came first; the load generator itself is the last
  // The lines of a table for people: these, and where several were named also what they used together.
  [[nodiscard]] std::vector<CpuUse> lines() const;
  [[nodiscard]] std::optional<double> of_a_core(const CpuUse& use) const;
  // Nothing where nobody was decided.
  [[nodiscard]] std::optional<double> us_per_decided(const CpuUse& use) const;
};

// Looks twice. A look takes some milliseconds where there are hundreds of processes, and none where none is named.
class CpuMeter {
 public:
  explicit CpuMeter(std::vector<NamedProcess> processes, std::string proc = "/proc");
  // Only the first call of each counts, and no beginning behind the end. `decided`: outcomes so far.
  void begin(std::uint64_t decided);
  void end(std::uint64_t decided);
  // Empty until both have counted.
  [[nodiscard]] const CpuReport& report() const { return report_; }

 private:
  struct Look {
    std::map<int, ProcessStat> processes;  // all that there are, by pid
    std::int64_t at_us = 0;
    std::int64_t own_cpu_us = 0;
    std::uint64_t decided = 0;
  };
  [[nodiscard]] CpuUse use_of(const std::string& name, const Look& last) const;

  std::vector<NamedProcess> processes_;
  std::string proc_;
  std::optional<Look> first_;
  bool is_over_ = false;
  CpuReport report_;
};

}  // namespace openrun::load
