// What `openrun load` tells of a run: for people, for programs, and as a page that can be kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <openrun/load/html_report.hpp>
#include <openrun/load/load.hpp>

namespace openrun::cli {

// Machine, commit and command as this process finds them; started_at is now.
[[nodiscard]] load::RunFacts facts_of_this_process();

void print_load_text(const load::Report& report, const std::vector<load::Check>& checks);
void print_load_json(const load::Report& report, const std::vector<load::Check>& checks,
                     const std::vector<std::uint32_t>& campaigns, const load::RunFacts& facts);
// Throws CommandFailed where the file can't be written.
void write_load_page(const std::string& file, const load::Report& report, const std::vector<load::Check>& checks,
                     const load::RunFacts& facts);

}  // namespace openrun::cli
