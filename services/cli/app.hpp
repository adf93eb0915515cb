// The parser of `openrun`: every command with its options, and what is done with a whole command line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "cli/front/command_tree.hpp"

namespace openrun::cli {

// Parsing leaves what is to be done in context.run; the context must outlive the parser.
[[nodiscard]] std::unique_ptr<CLI::App> make_app(Context& context);
[[nodiscard]] CommandInfo tree_of(const CLI::App& app);

// The whole program: parses the words behind the program's name, runs, prints, and returns the exit code. Errors go to
// stderr: a line for people, or {"error": {"code", "message", "exit_code"}} where --json stands anywhere.
[[nodiscard]] int run_app(const std::vector<std::string>& words);

// What is shown on that file: its width and colour where it is a terminal, and neither where it is not. NO_COLOR and
// TERM=dumb take the colour away.
[[nodiscard]] PrintStyle style_of(int file);

}  // namespace openrun::cli
