// Completion in bash, zsh and fish. The scripts are thin: at each press of the key they ask `openrun __complete`, which
// answers from the tree of commands, so that no shell knows a command of its own. Pure functions; any thread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/front/command_tree.hpp"

namespace openrun::cli {

enum class Shell { bash, zsh, fish };
[[nodiscard]] std::optional<Shell> shell_named(std::string_view name);

// What a user's shell reads once: `source <(openrun completion bash)`.
[[nodiscard]] std::string_view completion_script(Shell shell);

struct Candidate {
  std::string text;
  std::string description;
};

struct Completion {
  bool files = false;  // the shell is to complete names of files
  std::vector<Candidate> candidates;
};

// Where values come from that are not in the tree.
struct CompletionSources {
  // The campaigns that there are; must be quick, and empty where it can't tell. May be empty itself.
  std::function<std::vector<Candidate>()> campaigns;
};

// `words` are those after the program's name up to the one under the cursor, which is the last and may be empty.
// bash hands over "--state=open" as three words.
[[nodiscard]] Completion complete(const CommandInfo& root, std::vector<std::string> words, Shell shell,
                                  const CompletionSources& sources);

// What the scripts read: ":files", or ":words" and then one candidate a line, for zsh and fish with a tab and its
// description behind it.
[[nodiscard]] std::string completion_lines(const Completion& completion, Shell shell);

}  // namespace openrun::cli
