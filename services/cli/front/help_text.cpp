#include "cli/front/help_text.hpp"

#include <algorithm>
#include <utility>

namespace openrun::cli {
namespace {

constexpr std::size_t columns_default = 100;
constexpr std::size_t left_columns_max = 30;
constexpr std::string_view usual_exits =
    "0 done, 1 it could not be done or something is wrong, 2 wrong usage or configuration.";

// Words broken into lines of at most so many columns; at least one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines{""};
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    const std::size_t width = display_width(lines.back());
    if (width > 0 && width + 1 + display_width(word) > columns) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string heading(std::string_view text, const PrintStyle& style) {
  return "\n" + toned(text, Tone::heading, style) + "\n";
}

// Two columns: what is written, and what it means.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows, std::size_t columns) {
  std::size_t left = 0;
  for (const auto& [name, text] : rows) {
    if (display_width(name) <= left_columns_max) left = std::max(left, display_width(name));
  }
  const std::size_t indent = left + 4;
  std::string out;
  for (const auto& [name, text] : rows) {
    std::string line = "  " + name;
    if (display_width(name) > left) {
      out += line + "\n";
      line.clear();
    }
    for (const std::string& part : wrapped(text, std::max<std::size_t>(20, columns - std::min(columns, indent)))) {
      line.append(indent - std::min(indent, display_width(line)), ' ');
      out += line + part + "\n";
      line.clear();
    }
  }
  return out;
}

std::string written(const OptionInfo& option) {
  if (option.is_positional) return option.names.front();
  std::string out;
  for (const std::string& name : option.names) out += (out.empty() ? "" : ", ") + name;
  return option.takes_value() ? out + " " + option.value_name : out;
}

std::string explained(const OptionInfo& option) {
  std::vector<std::string> notes;
  std::string choices;
  for (const std::string& choice : option.choices) choices += (choices.empty() ? "" : " | ") + choice;
  if (!choices.empty()) notes.push_back(choices);
  if (!option.range.empty()) notes.push_back(option.range);
  if (!option.default_text.empty()) notes.push_back("default: " + option.default_text);
  if (!option.environment.empty()) notes.push_back("or " + option.environment + " in the environment");
  if (option.is_repeated) notes.emplace_back("may be given several times");
  if (option.is_required && !option.is_positional) notes.emplace_back("required");
  std::string out = option.description;
  for (std::size_t i = 0; i < notes.size(); ++i) out += (i == 0 ? " (" : "; ") + notes[i];
  return notes.empty() ? out : out + ")";
}

std::string options_of(const CommandInfo& command, std::size_t columns) {
  std::vector<std::pair<std::string, std::string>> rows;
  rows.reserve(command.options.size());
  for (const OptionInfo& option : command.options) rows.emplace_back(written(option), explained(option));
  return two_columns(rows, columns);
}

std::string usage(const CommandInfo& command) {
  std::string out = "  openrun";
  if (!command.path.empty()) out += " " + command.path;
  if (!command.commands.empty()) return out + " COMMAND ...\n";
  bool optional = false;
  for (const OptionInfo& option : command.options) {
    if (option.is_positional) {
      const std::string name = option.names.front() + (option.is_repeated ? "..." : "");
      out += option.is_required ? " " + name : " [" + name + "]";
    } else if (option.is_required) {
      out += " " + option.names.front() + " " + option.value_name;
    } else {
      optional = true;
    }
  }
  return out + (optional ? " [OPTIONS]\n" : "\n");
}

std::string commands_of(const CommandInfo& command, const PrintStyle& style, std::size_t columns) {
  std::vector<std::string> groups;
  for (const CommandInfo& one : command.commands) {
    if (std::ranges::find(groups, one.group) == groups.end()) groups.push_back(one.group);
  }
  std::string out;
  for (const std::string& group : groups) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const CommandInfo& one : command.commands) {
      if (one.group != group) continue;
      rows.emplace_back(one.name, one.description);
    }
    out += heading(group + ":", style) + two_columns(rows, columns);
  }
  return out;
}

std::string lesson_text(const Lesson& lesson, const PrintStyle& style, std::size_t columns) {
  std::string out = heading("Examples:", style);
  for (const Lesson::Example& example : lesson.examples) {
    out +=
        "  " + toned("# " + std::string(example.why), Tone::faint, style) + "\n  " + std::string(example.line) + "\n";
  }
  out += heading("Exits with:", style);
  for (const std::string& line : wrapped(lesson.exits.empty() ? usual_exits : lesson.exits, columns - 2)) {
    out += "  " + line + "\n";
  }
  return out + "\nRead more: " + std::string(lesson.read_more) + "\n";
}

}  // namespace

std::string help_text(const CommandInfo& root, const CommandInfo& command, const PrintStyle& style) {
  const std::size_t columns = style.columns_max == 0 ? columns_default : std::max<std::size_t>(40, style.columns_max);
  std::string out;
  for (const std::string& line : wrapped(command.description, columns)) out += line + "\n";
  out += heading("Usage:", style) + usage(command);
  out += commands_of(command, style, columns);
  if (&command != &root && !command.options.empty()) {
    out += heading("Options:", style) + options_of(command, columns);
  }
  out += heading("Options of every command:", style) + options_of(root, columns);
  if (const Lesson* lesson = lesson_of(command.path)) return out + lesson_text(*lesson, style, columns);
  const std::string more = command.path.empty() ? "COMMAND" : command.path + " COMMAND";
  return out + "\nopenrun help " + more + " shows a command's options and examples. Read more: docs/cli.md\n";
}

const Lesson* lesson_of(std::string_view path) {
  const auto found = std::ranges::find(lessons(), path, &Lesson::path);
  return found == lessons().end() ? nullptr : &*found;
}

}  // namespace openrun::cli
