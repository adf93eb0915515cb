#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace {

int run(int argc, char** argv) {
  using namespace openrun::cli;
  CLI::App app{"openrun: exact, durable coupon issuance for the moment when everybody presses one button", "openrun"};
  app.require_subcommand(1);
  app.set_version_flag("--version", OPENRUN_VERSION);
  app.fallthrough();
  Context context;
  context.url = "http://127.0.0.1:8080";
  app.add_option("--config", context.config_file, "The YAML file of the daemons")->envname("OPENRUN_CONFIG");
  app.add_option("--gateway", context.url, "A gateway's address")->envname("OPENRUN_URL");
  // Secrets come from the environment, never from the command line, where everybody on the machine can read them.
  if (const auto environment = openrun::config::process_environment(); environment.contains("OPENRUN_ADMIN_TOKEN")) {
    context.token = environment.at("OPENRUN_ADMIN_TOKEN");
  }
  app.add_flag("--json", context.json, "Print JSON instead of text");
  add_setup_commands(app, context);
  add_campaign_commands(app, context);
  add_audit_command(app, context);
  add_story_commands(app, context);
  add_load_command(app, context);
  add_dlq_command(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? done : usage_error;
  } catch (const CommandFailed& failure) {
    std::cerr << "openrun: " << failure.message << "\n";
    return failure.code;
  }
  return context.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "openrun: " << error.what() << "\n";
    return openrun::cli::found_wrong;
  }
}
