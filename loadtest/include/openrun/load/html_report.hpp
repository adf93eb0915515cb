// A run as one HTML file for people: figures, verdict, plots as inline SVG. It loads nothing and runs no script, so
// that it can be kept, mailed and opened anywhere.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <openrun/load/load.hpp>

namespace openrun::load {

// What a figure is worthless without.
struct RunFacts {
  std::string started_at;  // RFC 3339
  std::string machine;     // processor, cores, memory, kernel
  std::string commit;      // of the tool
  std::string command;     // as it was typed
  std::vector<std::pair<std::string, std::string>> settings;
};

// Valid HTML whatever the texts hold. Pure.
[[nodiscard]] std::string html_report(const Report& report, const std::vector<Check>& checks, const RunFacts& facts);

}  // namespace openrun::load
