// The commands of `openrun` as plain values: what help, completion, "did you mean" and their tests all read. It is made
// from the parser's own definitions (app.cpp), so that nothing can be told that is not parsed. Pure functions; any
// thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/wire/json.hpp>

namespace openrun::cli {

struct OptionInfo {
  std::vector<std::string> names;    // "--file", "-f"; the one to show comes first. A positional's: "CAMPAIGN"
  std::string value_name;            // "COUNT", "TIME", "FILE"; empty for a flag
  std::vector<std::string> choices;  // all values that it takes, where they can be listed
  std::string range;                 // "1 to 30", where it is a number with bounds
  std::string default_text;          // empty: none
  std::string environment;           // the variable that is read where the option is absent
  std::string description;
  bool is_required = false;
  bool is_positional = false;
  bool is_repeated = false;

  [[nodiscard]] bool takes_value() const { return !value_name.empty(); }
};

struct CommandInfo {
  std::string name;   // "create"; of the root "openrun"
  std::string path;   // "campaign create"; of the root empty
  std::string group;  // the heading under which the root's help lists it
  std::string description;
  std::vector<OptionInfo> options;    // positionals first; without those of every command, which stand at the root
  std::vector<CommandInfo> commands;  // none: it can be run

  [[nodiscard]] const CommandInfo* find(std::string_view command) const;
};

// The option with that name, of the command or of every command; null where there is none.
[[nodiscard]] const OptionInfo* find_option(const CommandInfo& root, const CommandInfo& command, std::string_view name);

// The command that the words lead to; null where one of them names none.
[[nodiscard]] const CommandInfo* find_command(const CommandInfo& root, std::span<const std::string> words);

// All that can be run, in the order of the tree.
[[nodiscard]] std::vector<const CommandInfo*> runnable_commands(const CommandInfo& root);

// How far words lead into the tree: what a command line has named so far.
struct Walk {
  const CommandInfo* command = nullptr;  // the last one that was named
  const OptionInfo* pending = nullptr;   // the last word is an option that still waits for its value
  std::size_t positionals = 0;           // how many were given to `command`
  std::string unknown;                   // the first word that is no command where one was due, or no option
};
[[nodiscard]] Walk walk(const CommandInfo& root, std::span<const std::string> words);

// {"name", "path", "description", "options": [...], "examples": [...], "commands": [...]} of the command and all below
// it.
void write_command(wire::JsonWriter& json, const CommandInfo& command);

}  // namespace openrun::cli
