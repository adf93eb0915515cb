// What every command of `openrun` shares: the options before the command, the configuration, the way of printing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/config/config.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/wire/json.hpp>

#include "cli/front/json_view.hpp"
#include "cli/front/text_table.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 names it so
class App;
}

namespace openrun::cli {

// Exit codes of every command.
inline constexpr int done = 0;
inline constexpr int found_wrong = 1;
inline constexpr int usage_error = 2;

// Ends a command with a message on stderr and an exit code; caught in app.cpp.
struct CommandFailed {
  int code = found_wrong;
  std::string message;
  // For programs: the gateway's `code`, or empty for USAGE or FAILED by the exit code.
  std::string name = {};  // NOLINT(readability-redundant-member-init): who leaves it out would be warned without
};

struct Context {
  std::string config_file;
  std::string url;
  std::string token_file;
  std::string ca_file;
  std::string version;  // of this program
  bool json = false;
  int exit_code = done;
  PrintStyle style;           // of stdout
  std::function<void()> run;  // what the command line asks for; set by parsing it

  [[nodiscard]] config::Config config() const;  // throws CommandFailed with usage_error
  [[nodiscard]] config::KeyFile keys() const;
  [[nodiscard]] postgres::Options postgres() const;
  [[nodiscard]] kafka::Options kafka() const;
};

// What the configuration wants of the topics.
[[nodiscard]] kafka::TopicSettings topic_settings(const config::Kafka& settings);

// The command runs after the whole line was parsed, so that options of every command may stand anywhere.
void on_run(CLI::App& command, Context& context, std::function<void()> run);

template <class T>
T value_or_fail(Result<T> result) {
  if (!result) {
    const bool unreachable = result.error().kind == Error::Kind::unavailable;
    throw CommandFailed{found_wrong, result.error().message, unreachable ? "UNREACHABLE" : ""};
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// "2026-11-21T09:00:00Z", "now", or "+90s" / "+5m" / "+2h" from now -> ms since 1970. Throws CommandFailed.
[[nodiscard]] std::int64_t time_argument(const std::string& text);
// "3600", "90s", "30m", "2h" or "7d" -> seconds, at least 1. Throws CommandFailed.
[[nodiscard]] std::int64_t seconds_argument(const std::string& text);

// user@host of whoever runs this, for records of who did what.
[[nodiscard]] std::string operator_name();

// ---- the commands ----

void add_campaign_commands(CLI::App& app, Context& context);  // campaign
void add_coupon_commands(CLI::App& app, Context& context);    // coupon, user, request, dispatch
void add_story_commands(CLI::App& app, Context& context);     // why, campaign history, campaign export; after campaign
void add_audit_command(CLI::App& app, Context& context);
void add_dlq_command(CLI::App& app, Context& context);
void add_setup_commands(CLI::App& app, Context& context);  // migrate, topics, keys
void add_load_command(CLI::App& app, Context& context);
void add_plan_command(CLI::App& app, Context& context);
void add_check_command(CLI::App& app, Context& context);

// Log lines of adapters, shown only with OPENRUN_LOG__LEVEL=debug: a tool's stderr is for its own messages.
[[nodiscard]] ports::Logger& quiet_logger();

}  // namespace openrun::cli
