// A tree of commands with one of everything, for tests of what reads such trees.
#pragma once

#include "cli/front/command_tree.hpp"

namespace openrun::cli {

inline OptionInfo flag(const char* name, const char* description) {
  OptionInfo option;
  option.names = {name};
  option.description = description;
  return option;
}

inline OptionInfo valued(std::vector<std::string> names, const char* value, const char* description) {
  OptionInfo option;
  option.names = std::move(names);
  option.value_name = value;
  option.description = description;
  return option;
}

inline OptionInfo positional(const char* name, const char* value, const char* description) {
  OptionInfo option = valued({name}, value, description);
  option.is_positional = true;
  option.is_required = true;
  return option;
}

// campaign create|show|list, user coupons, completion, help
inline CommandInfo small_tree() {
  OptionInfo name = valued({"--name"}, "TEXT", "Its name");
  name.is_required = true;
  OptionInfo starts = valued({"--starts-at"}, "TIME", "When it opens");
  starts.default_text = "now";
  OptionInfo state = valued({"--state"}, "STATE", "Only those");
  state.choices = {"open", "paused", "sold_out"};
  OptionInfo wait = valued({"--wait"}, "SECONDS", "How long");
  wait.range = "1 to 30";
  OptionInfo from = valued({"--from"}, "PLACE", "Where to begin");
  from.is_repeated = true;
  OptionInfo shell = positional("SHELL", "SHELL", "Which one");
  shell.choices = {"bash", "zsh", "fish"};
  OptionInfo words = positional("COMMAND", "COMMAND", "For example: campaign create");
  words.is_required = false;
  words.is_repeated = true;
  OptionInfo gateway = valued({"--gateway"}, "URL", "A gateway's address");
  gateway.default_text = "http://127.0.0.1:8080";
  gateway.environment = "OPENRUN_URL";

  CommandInfo root{"openrun", "", "", "The operator's tool.", {flag("--json", "Print JSON"), gateway}, {}};
  root.commands.push_back(
      {"campaign",
       "campaign",
       "Campaigns",
       "Create and look at campaigns",
       {},
       {{"create", "campaign create", "Commands", "Create a campaign", {name, starts, wait}, {}},
        {"show", "campaign show", "Commands", "Show one", {positional("CAMPAIGN", "CAMPAIGN", "Its id")}, {}},
        {"list", "campaign list", "Commands", "List campaigns", {state, from}, {}}}});
  root.commands.push_back(
      {"export", "export", "Campaigns", "Write coupons", {valued({"--output", "-o"}, "FILE", "Where to")}, {}});
  root.commands.push_back({"completion", "completion", "This tool", "Print a script", {shell}, {}});
  root.commands.push_back({"help", "help", "This tool", "Show what a command does", {words}, {}});
  return root;
}

}  // namespace openrun::cli
