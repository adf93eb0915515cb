// The findings for people and for programs. Pure functions; any thread.
#pragma once

#include <string>

#include "cli/check/finding.hpp"
#include "cli/front/text_table.hpp"

namespace openrun::cli::check {

// False where something is wrong.
[[nodiscard]] bool is_ok(const Findings& findings);

// A line each: verdict, part, check and what was found; where it is not ok, how to mend it in a line of its own, to be
// copied. The last line counts.
[[nodiscard]] std::string as_text(const Findings& findings, const PrintStyle& style);
// {"ok", "findings": [{"part", "check", "verdict": "ok", "look" or "WRONG", "text", "fix" where it is not ok}]}
[[nodiscard]] std::string as_json(const Findings& findings);

}  // namespace openrun::cli::check
