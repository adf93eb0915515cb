#include "cli/front/completion.hpp"

#include <algorithm>
#include <utility>

#include "cli/front/text_table.hpp"

namespace openrun::cli {
namespace {

constexpr std::string_view bash_script = R"script(# Completion of openrun in bash. Put this into ~/.bashrc:
#   source <(openrun completion bash)
_openrun() {
  local lines current="${COMP_WORDS[COMP_CWORD]}"
  if [[ "$current" == "=" ]]; then current=""; fi
  mapfile -t lines < <("${COMP_WORDS[0]/#\~/$HOME}" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=()
  if [[ "${lines[0]-}" == ":files" ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    COMPREPLY=("${lines[@]:1}")
  fi
}
complete -F _openrun openrun
)script";

constexpr std::string_view zsh_script = R"script(#compdef openrun
# Completion of openrun in zsh. Put this into ~/.zshrc, behind compinit:
#   source <(openrun completion zsh)
_openrun() {
  local -a lines candidates
  local line
  lines=("${(@f)$(${~words[1]} __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "${lines[1]}" == ":files" ]]; then
    _files
    return
  fi
  for line in "${(@)lines[2,-1]}"; do
    candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  _describe openrun candidates
}
if [[ "${funcstack[1]}" == "_openrun" ]]; then
  _openrun "$@"
else
  compdef _openrun openrun
fi
)script";

constexpr std::string_view fish_script = R"script(# Completion of openrun in fish. Save this once:
#   openrun completion fish > ~/.config/fish/completions/openrun.fish
function __openrun_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = ":files"
        __fish_complete_path "$current"
    else if set -q lines[2]
        printf '%s\n' $lines[2..-1]
    end
end
complete -c openrun -f -a '(__openrun_complete)'
)script";

// What bash has taken apart at its word breaks "=" and ":", put together again.
std::vector<std::string> as_typed(std::vector<std::string> words) {
  std::vector<std::string> out;
  bool glue = false;
  for (std::string& word : words) {
    const bool follows_option = !out.empty() && out.back().starts_with("--");
    if (word == "=" && follows_option) {
      out.emplace_back();
      glue = true;
    } else if (glue || (word == ":" && !out.empty())) {
      out.back() += word;
      glue = word == ":";
    } else {
      out.push_back(std::move(word));
    }
  }
  return out;
}

class Completer {
 public:
  Completer(const CommandInfo& root, std::string current, const CompletionSources& sources)
      : root_(root), current_(std::move(current)), sources_(sources) {}

  // Values of an option or a positional; `before` stands before each ("--state=").
  void values(const OptionInfo& option, const std::string& before = "") {
    if (option.value_name == "FILE") found_.files = before.empty();
    for (const std::string& choice : option.choices) add(before + choice, "");
    if (option.value_name != "CAMPAIGN" || !sources_.campaigns) return;
    for (const Candidate& one : sources_.campaigns()) add(before + one.text, one.description);
  }

  void options(const CommandInfo& command, std::span<const std::string> given) {
    for (const CommandInfo* const owner : {&command, &root_}) {
      for (const OptionInfo& option : owner->options) {
        if (option.is_positional) continue;
        const bool again = std::ranges::any_of(given, [&option](const std::string& word) {
          return std::ranges::find(option.names, word) != option.names.end();
        });
        if (again && !option.is_repeated) continue;
        for (const std::string& name : option.names) add(name, option.description);
      }
      if (&command == &root_) break;
    }
  }

  void commands(const CommandInfo& command) {
    for (const CommandInfo& one : command.commands) add(one.name, one.description);
  }

  [[nodiscard]] Completion take() { return std::move(found_); }

 private:
  void add(const std::string& text, const std::string& description) {
    if (text.starts_with(current_)) found_.candidates.push_back({text, description});
  }

  const CommandInfo& root_;
  std::string current_;
  const CompletionSources& sources_;
  Completion found_;
};

const OptionInfo* positional(const CommandInfo& command, std::size_t index) {
  std::size_t at = 0;
  for (const OptionInfo& option : command.options) {
    if (option.is_positional && (at++ == index || option.is_repeated)) return &option;
  }
  return nullptr;
}

// `openrun help campaign ...`: the words behind it name a command.
void complete_help(Completer& completer, const CommandInfo& root, std::span<const std::string> behind) {
  if (const CommandInfo* named = find_command(root, behind)) completer.commands(*named);
}

}  // namespace

std::optional<Shell> shell_named(std::string_view name) {
  if (name == "bash") return Shell::bash;
  if (name == "zsh") return Shell::zsh;
  if (name == "fish") return Shell::fish;
  return std::nullopt;
}

std::string_view completion_script(Shell shell) {
  return shell == Shell::bash ? bash_script : shell == Shell::zsh ? zsh_script : fish_script;
}

Completion complete(const CommandInfo& root, std::vector<std::string> words, Shell shell,
                    const CompletionSources& sources) {
  if (shell == Shell::bash) words = as_typed(std::move(words));
  const std::string current = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  Completer completer(root, current, sources);
  const Walk at = walk(root, words);
  const OptionInfo* next = positional(*at.command, at.positionals);
  const std::size_t equals = current.find('=');
  if (at.pending != nullptr) {
    completer.values(*at.pending);
  } else if (current.starts_with('-') && equals != std::string::npos) {
    const OptionInfo* option = find_option(root, *at.command, current.substr(0, equals));
    if (option != nullptr) completer.values(*option, current.substr(0, equals + 1));
  } else if (at.command->path == "help" && !current.starts_with('-')) {
    complete_help(completer, root, std::span(words).last(at.positionals));
  } else if (!at.command->commands.empty() && !current.starts_with('-')) {
    completer.commands(*at.command);
  } else if (next != nullptr && !current.starts_with('-')) {
    completer.values(*next);
  } else if (current.empty() || current.starts_with('-')) {
    completer.options(*at.command, words);
  }
  return completer.take();
}

std::string completion_lines(const Completion& completion, Shell shell) {
  if (completion.files) return ":files\n";
  std::string out = ":words\n";
  for (const Candidate& one : completion.candidates) {
    out += printable(one.text);
    if (shell != Shell::bash) out += "\t" + printable(one.description);
    out += '\n';
  }
  return out;
}

}  // namespace openrun::cli
