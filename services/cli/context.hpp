// What every command of `openrun` shares: the options before the command, the configuration, the way of printing.
#pragma once

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

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 names it so
class App;
}

namespace openrun::cli {

// Exit codes of every command.
inline constexpr int done = 0;
inline constexpr int found_wrong = 1;
inline constexpr int usage_error = 2;

// Ends a command with a message on stderr and an exit code; caught in main.
struct CommandFailed {
  int code = found_wrong;
  std::string message;
};

struct Context {
  std::string config_file;
  std::string url;
  std::string token;
  bool json = false;
  int exit_code = done;

  [[nodiscard]] config::Config config() const;  // throws CommandFailed with usage_error
  [[nodiscard]] config::KeyFile keys() const;
  [[nodiscard]] postgres::Options postgres() const;
  [[nodiscard]] kafka::Options kafka() const;
};

template <class T>
T value_or_fail(Result<T> result) {
  if (!result) throw CommandFailed{found_wrong, result.error().message};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// ---- the gateway, by HTTP ----

struct HttpAnswer {
  long status = 0;
  std::string body;
  wire::JsonValue json;  // null where the body is none
};
// Calls the gateway at context.url with the admin token. Throws CommandFailed where it cannot be reached, or, unless
// `any_status`, where it answers with an error (its detail is the message).
[[nodiscard]] HttpAnswer call(const Context& context, std::string_view method, const std::string& path,
                              const std::string& body = "", const std::string& idempotency_key = "",
                              bool any_status = false);
[[nodiscard]] const wire::JsonValue* member(const wire::JsonValue& object, std::string_view name);
// A member as text for a table or a message; "-" for null or absent.
[[nodiscard]] std::string text_of(const wire::JsonValue& object, std::string_view name);

// ---- printing ----

// Columns padded to their widest cell, the header in the first row.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);
// "2026-11-21T09:00:00Z", "now", or "+90s" / "+5m" / "+2h" from now -> ms since 1970. Throws CommandFailed.
[[nodiscard]] std::int64_t time_argument(const std::string& text);

// ---- the commands ----

void add_setup_commands(CLI::App& app, Context& context);     // migrate, topics, keys
void add_campaign_commands(CLI::App& app, Context& context);  // campaign, dispatch
void add_audit_command(CLI::App& app, Context& context);
void add_story_commands(CLI::App& app, Context& context);  // why, campaign history, campaign export; after campaign
void add_load_command(CLI::App& app, Context& context);
void add_dlq_command(CLI::App& app, Context& context);

// Log lines of adapters, shown only with OPENRUN_LOG__LEVEL=debug: a tool's stderr is for its own messages.
[[nodiscard]] ports::Logger& quiet_logger();

}  // namespace openrun::cli
