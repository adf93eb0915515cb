// --help, printed from the tree of commands and the table of lessons. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/front/command_tree.hpp"
#include "cli/front/text_table.hpp"

namespace openrun::cli {

// What a command's help says besides its options. Examples are lines for a shell that work as they are printed, on a
// system as `./dev up` starts it (exit 0 or 1, never 2); tests run them.
struct Lesson {
  struct Example {
    std::string_view why;   // one line; for people
    std::string_view line;  // "openrun campaign list --state open"
  };
  std::string_view path;  // "campaign create"
  std::vector<Example> examples;
  std::string_view exits;      // what differs from the usual; empty: nothing
  std::string_view read_more;  // "docs/cli.md#campaigns"
};

// One for each command that can be run.
[[nodiscard]] std::span<const Lesson> lessons();
[[nodiscard]] const Lesson* lesson_of(std::string_view path);

// One sentence, usage, options with their defaults, examples, exits, where to read more; of a group its commands, and
// of the root all of them. Lines are wrapped at the style's width, or at 100 columns where it has none.
[[nodiscard]] std::string help_text(const CommandInfo& root, const CommandInfo& command, const PrintStyle& style);

}  // namespace openrun::cli
