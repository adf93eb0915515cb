#include "cli/front/command_tree.hpp"

#include <algorithm>

#include "cli/front/help_text.hpp"

namespace openrun::cli {
namespace {

void collect(const CommandInfo& command, std::vector<const CommandInfo*>& out) {
  if (command.commands.empty()) out.push_back(&command);
  for (const CommandInfo& one : command.commands) collect(one, out);
}

void write_texts(wire::JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

void write_text_or_null(wire::JsonWriter& json, std::string_view name, const std::string& text) {
  json.key(name);
  text.empty() ? json.null() : json.string(text);
}

void write_option(wire::JsonWriter& json, const OptionInfo& option) {
  json.begin_object();
  write_texts(json, "names", option.names);
  write_text_or_null(json, "value", option.value_name);
  write_texts(json, "choices", option.choices);
  write_text_or_null(json, "range", option.range);
  write_text_or_null(json, "default", option.default_text);
  write_text_or_null(json, "environment", option.environment);
  json.key("description").string(option.description).key("required").boolean(option.is_required);
  json.key("positional").boolean(option.is_positional).key("repeated").boolean(option.is_repeated).end_object();
}

}  // namespace

const CommandInfo* CommandInfo::find(std::string_view command) const {
  const auto found = std::ranges::find(commands, command, &CommandInfo::name);
  return found == commands.end() ? nullptr : &*found;
}

const OptionInfo* find_option(const CommandInfo& root, const CommandInfo& command, std::string_view name) {
  for (const CommandInfo* const owner : {&command, &root}) {
    for (const OptionInfo& option : owner->options) {
      if (!option.is_positional && std::ranges::find(option.names, name) != option.names.end()) return &option;
    }
  }
  return nullptr;
}

const CommandInfo* find_command(const CommandInfo& root, std::span<const std::string> words) {
  const CommandInfo* at = &root;
  for (const std::string& word : words) {
    at = at->find(word);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::vector<const CommandInfo*> runnable_commands(const CommandInfo& root) {
  std::vector<const CommandInfo*> out;
  collect(root, out);
  return out;
}

Walk walk(const CommandInfo& root, std::span<const std::string> words) {
  Walk at;
  at.command = &root;
  bool only_positionals = false;
  const auto note_unknown = [&at](const std::string& word) {
    if (at.unknown.empty()) at.unknown = word;
  };
  for (const std::string& word : words) {
    if (at.pending != nullptr) {
      at.pending = nullptr;
    } else if (!only_positionals && word == "--") {
      only_positionals = true;
    } else if (!only_positionals && word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9')) {
      const std::size_t equals = word.find('=');
      const OptionInfo* option = find_option(root, *at.command, word.substr(0, equals));
      if (option == nullptr) note_unknown(word.substr(0, equals));
      if (option != nullptr && option->takes_value() && equals == std::string::npos) at.pending = option;
    } else if (const CommandInfo* next = at.command->find(word); next != nullptr) {
      at.command = next;
      at.positionals = 0;
    } else if (at.command->commands.empty()) {
      ++at.positionals;
    } else {
      note_unknown(word);
    }
  }
  return at;
}

void write_command(wire::JsonWriter& json, const CommandInfo& command) {
  json.begin_object().key("name").string(command.name).key("path").string(command.path);
  json.key("description").string(command.description).key("options").begin_array();
  for (const OptionInfo& option : command.options) write_option(json, option);
  json.end_array().key("examples").begin_array();
  if (const Lesson* lesson = lesson_of(command.path)) {
    for (const Lesson::Example& one : lesson->examples) {
      json.begin_object().key("why").string(one.why).key("line").string(one.line).end_object();
    }
  }
  json.end_array().key("commands").begin_array();
  for (const CommandInfo& one : command.commands) write_command(json, one);
  json.end_array().end_object();
}

}  // namespace openrun::cli
