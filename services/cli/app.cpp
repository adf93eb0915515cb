#include "cli/app.hpp"

#include <algorithm>
#include <exception>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/front/completion.hpp"
#include "cli/front/help_text.hpp"
#include "cli/front/suggestion.hpp"
#include "cli/gateway_call.hpp"

namespace openrun::cli {
namespace {

// ---- the tree ----

// CLI11 tells a value's name and its bounds in one text: "COUNT:INT in [1 - 30]", "FORMAT:{csv,json}".
void read_type(const std::string& type, OptionInfo& option) {
  const std::size_t colon = type.find(':');
  option.value_name = type.substr(0, colon);
  if (colon == std::string::npos) return;
  const std::string bounds = type.substr(colon + 1);
  const std::size_t open = bounds.find_first_of("{[");
  const std::size_t close = bounds.find_last_of("}]");
  if (open == std::string::npos || close == std::string::npos) return;
  std::string inner = bounds.substr(open + 1, close - open - 1);
  if (bounds[open] == '[') {
    if (const std::size_t dash = inner.find(" - "); dash != std::string::npos) inner.replace(dash, 3, " to ");
    option.range = inner;
    return;
  }
  while (!inner.empty()) {
    const std::size_t comma = inner.find(',');
    option.choices.push_back(inner.substr(0, comma));
    inner.erase(0, comma == std::string::npos ? inner.size() : comma + 1);
  }
}

OptionInfo info_of(const CLI::Option& option) {
  OptionInfo info;
  info.is_positional = option.get_positional();
  if (info.is_positional) {
    info.names.push_back(option.get_name());
  } else {
    for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
    for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
  }
  if (option.get_items_expected_max() > 0) read_type(option.get_type_name(), info);
  info.is_repeated = option.get_items_expected_max() > 1;
  const std::string text = option.get_default_str();
  const bool tells_nothing = text == "[]" || text == "\"\"" || text == "false";
  if (!tells_nothing && !option.get_required()) info.default_text = text;
  info.environment = option.get_envname();
  info.description = option.get_description();
  info.is_required = option.get_required();
  return info;
}

CommandInfo info_of(const CLI::App& app, const std::string& path) {
  CommandInfo info{app.get_name(), path, app.get_group(), app.get_description(), {}, {}};
  for (const bool positionals : {true, false}) {
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_positional() != positionals) continue;
      // Every command has its own --help; told once, at the root.
      if (app.get_parent() != nullptr && option == app.get_help_ptr()) continue;
      info.options.push_back(info_of(*option));
    }
  }
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    info.commands.push_back(info_of(*one, path.empty() ? one->get_name() : path + " " + one->get_name()));
  }
  return info;
}

// ---- help ----

class HelpFormatter final : public CLI::FormatterBase {
 public:
  explicit HelpFormatter(const Context& context) : context_(context) {}

  std::string make_help(const CLI::App* app, std::string /*name*/, CLI::AppFormatMode /*mode*/) const override {
    std::vector<std::string> path;
    for (; app->get_parent() != nullptr; app = app->get_parent()) path.insert(path.begin(), app->get_name());
    const CommandInfo root = tree_of(*app);
    const CommandInfo* command = find_command(root, path);
    return help_text(root, command == nullptr ? root : *command, context_.style);
  }

 private:
  const Context& context_;
};

void help(const Context& context, const CLI::App& app, const std::vector<std::string>& words) {
  const CommandInfo root = tree_of(app);
  const CommandInfo* command = find_command(root, words);
  if (command == nullptr) throw CommandFailed{usage_error, unknown_word(root, words)};
  if (!context.json) {
    std::cout << help_text(root, *command, context.style);
    return;
  }
  std::string out;
  wire::JsonWriter json(out);
  write_command(json, *command);
  std::cout << out << "\n";
}

void print_script(const Context& context, const std::string& name) {
  const std::string_view script = completion_script(*shell_named(name));
  if (!context.json) {
    std::cout << script;
    return;
  }
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("shell").string(name).key("script").string(script).end_object();
  std::cout << out << "\n";
}

void add_own_commands(CLI::App& app, Context& context) {
  constexpr const char* group = "This tool";
  auto words = std::make_shared<std::vector<std::string>>();
  auto* help_command = app.add_subcommand("help", "Show what a command does, its options and examples")->group(group);
  help_command->add_option("COMMAND", *words, "For example: campaign create")->type_name("COMMAND");
  on_run(*help_command, context, [&context, &app, words] { help(context, app, *words); });

  auto shell = std::make_shared<std::string>();
  auto* completion =
      app.add_subcommand("completion", "Print a script that completes this tool's commands in a shell")->group(group);
  completion->add_option("SHELL", *shell, "Which one")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  on_run(*completion, context, [&context, shell] { print_script(context, *shell); });
}

// ---- completion ----

std::vector<Candidate> campaign_candidates(const Context& context) {
  constexpr std::chrono::milliseconds patience{500};  // somebody looks at the cursor
  std::vector<Candidate> out;
  const auto answer = try_call(context, {.method = "GET", .path = "/v1/campaigns?limit=200"}, patience);
  if (!answer) return out;
  for (const wire::JsonValue& one : items_of(answer->json, "campaigns")) {
    out.push_back({text_of(one, "id"), text_of(one, "state") + ": " + text_of(one, "name")});
  }
  return out;
}

int answer_completion(const std::vector<std::string>& words) {
  const std::optional<Shell> shell = words.size() < 2 ? std::nullopt : shell_named(words[1]);
  if (!shell) return usage_error;
  Context context;
  const auto app = make_app(context);
  const CompletionSources sources{[&context] { return campaign_candidates(context); }};
  const auto environment = config::process_environment();
  if (const auto url = environment.find("OPENRUN_URL"); url != environment.end()) context.url = url->second;
  std::cout << completion_lines(complete(tree_of(*app), {words.begin() + 2, words.end()}, *shell, sources), *shell);
  return done;
}

// ---- errors ----

bool asks_for_json(const std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, "--");
  return std::find(words.begin(), end, "--json") != end;
}

int report(const CommandFailed& failure, bool json) {
  if (!json) {
    std::cerr << "openrun: " << failure.message << "\n";
    return failure.code;
  }
  const std::string name = !failure.name.empty() ? failure.name : failure.code == usage_error ? "USAGE" : "FAILED";
  std::string out;
  wire::JsonWriter writer(out);
  writer.begin_object().key("error").begin_object().key("code").string(name).key("message");
  // Messages of others may hold bytes that JSON can't.
  writer.string(printable(failure.message)).key("exit_code").number(failure.code).end_object().end_object();
  std::cerr << out << "\n";
  return failure.code;
}

int report_usage(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words, bool json) {
  const CommandInfo root = tree_of(app);
  const CommandInfo& command = *walk(root, words).command;
  std::string text = unknown_word(root, words);
  if (text.empty() && !command.commands.empty()) {
    // The group alone: its help is the answer, but it is not what was asked for.
    if (!json) {
      std::cerr << help_text(root, command, style_of(STDERR_FILENO));
      return usage_error;
    }
    text = "name a command:";
    for (const CommandInfo& one : command.commands) text += " " + one.name;
  }
  if (text.empty()) text = error.what();
  const std::string more = "openrun help" + (command.path.empty() ? "" : " " + command.path);
  return report({usage_error, json ? text : text + "\nsee: " + more, ""}, json);
}

int parse_and_run(CLI::App& app, Context& context, const std::vector<std::string>& words) {
  const bool json = asks_for_json(words);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    if (app.get_option("--gateway")->count() > 1 && !app.got_subcommand("check")) {
      throw CommandFailed{usage_error, "--gateway names one gateway; `openrun check` alone asks several"};
    }
    if (context.run) context.run();
    std::cout.flush();
    if (!std::cout) throw CommandFailed{found_wrong, "the standard output could not be written", "OUTPUT"};
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report_usage(app, error, words, json);
  } catch (const CommandFailed& failure) {
    std::cout.flush();
    return report(failure, json);
  } catch (const std::exception& error) {
    return report({found_wrong, error.what(), ""}, json);
  }
  return context.exit_code;
}

}  // namespace

void on_run(CLI::App& command, Context& context, std::function<void()> run) {
  command.callback([&context, run = std::move(run)] { context.run = run; });
}

std::unique_ptr<CLI::App> make_app(Context& context) {
  context.url = "http://127.0.0.1:8080";
  context.version = OPENRUN_VERSION;
  auto app = std::make_unique<CLI::App>(
      "The operator's tool of openrun: campaigns and coupons, dead letters, proofs, and setting up.", "openrun");
  app->formatter(std::make_shared<HelpFormatter>(context));
  app->option_defaults()->always_capture_default();
  app->set_help_flag("--help,-h", "Show this");
  app->require_subcommand(1);
  app->fallthrough();
  app->add_flag("--json", context.json, "Print JSON for programs, also for errors");
  app->add_option("--config", context.config_file, "The YAML file of the daemons")
      ->envname("OPENRUN_CONFIG")
      ->type_name("FILE");
  app->add_option("--gateway", context.url, "A gateway's address; check takes several, one behind each --gateway")
      ->envname("OPENRUN_URL")
      ->type_name("URL")
      ->take_last();
  app->add_option("--token-file", context.token_file,
                  "A file whose first line is an admin's token (without it: OPENRUN_ADMIN_TOKEN)")
      ->envname("OPENRUN_ADMIN_TOKEN_FILE")
      ->type_name("FILE");
  app->add_option("--ca-file", context.ca_file, "Certificates that may vouch for the gateway, as PEM")
      ->envname("OPENRUN_CA_FILE")
      ->type_name("FILE");
  app->set_version_flag("--version", OPENRUN_VERSION, "Show the version");
  add_campaign_commands(*app, context);
  add_coupon_commands(*app, context);
  add_story_commands(*app, context);
  add_audit_command(*app, context);
  add_dlq_command(*app, context);
  add_setup_commands(*app, context);
  add_load_command(*app, context);
  add_plan_command(*app, context);
  add_check_command(*app, context);
  add_own_commands(*app, context);
  return app;
}

CommandInfo tree_of(const CLI::App& app) {
  return info_of(app, "");
}

PrintStyle style_of(int file) {
  PrintStyle style;
  if (::isatty(file) != 1) return style;
  winsize size{};
  if (::ioctl(file, TIOCGWINSZ, &size) == 0) style.columns_max = size.ws_col;
  const auto environment = config::process_environment();
  const auto term = environment.find("TERM");
  const auto no_colour = environment.find("NO_COLOR");
  const bool dumb = term == environment.end() || term->second.empty() || term->second == "dumb";
  style.colour = !dumb && (no_colour == environment.end() || no_colour->second.empty());
  return style;
}

int run_app(const std::vector<std::string>& words) {
  if (!words.empty() && words.front() == "__complete") return answer_completion(words);
  Context context;
  context.style = style_of(STDOUT_FILENO);
  const auto app = make_app(context);
  return parse_and_run(*app, context, words);
}

}  // namespace openrun::cli
