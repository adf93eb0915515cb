#include "cli/context.hpp"

#include <array>
#include <charconv>
#include <memory>

#include <pwd.h>
#include <unistd.h>

#include <openrun/runtime/runtime.hpp>
#include <openrun/telemetry/logger.hpp>

namespace openrun::cli {

config::Config Context::config() const {
  auto loaded = config::load({config_file, config::process_environment()});
  if (!loaded) throw CommandFailed{usage_error, loaded.error().message, "CONFIGURATION"};
  return std::move(*loaded);
}

config::KeyFile Context::keys() const {
  auto loaded = config::load_keys(config().keys.file);
  if (!loaded) throw CommandFailed{usage_error, loaded.error().message, "CONFIGURATION"};
  return std::move(*loaded);
}

postgres::Options Context::postgres() const {
  const config::Postgres settings = config().postgres;
  postgres::Options options;
  options.url = settings.url;
  options.password_file = settings.password_file;
  options.connect_timeout = std::chrono::seconds(settings.connect_timeout_s);
  // A report may read for long; a daemon's statement may not.
  options.statement_timeout = std::chrono::minutes(30);
  options.application = "openrun-cli";
  return options;
}

kafka::Options Context::kafka() const {
  const config::Kafka settings = config().kafka;
  kafka::Options options;
  options.brokers = settings.brokers;
  options.client_id = "openrun-cli";
  options.topics = {{ports::Topic::requests, settings.requests_topic},
                    {ports::Topic::results, settings.results_topic},
                    {ports::Topic::dead_letters, settings.dead_letters_topic}};
  options.password_file = settings.sasl_password_file;
  options.extra = settings.librdkafka;
  return options;
}

kafka::TopicSettings topic_settings(const config::Kafka& settings) {
  return {settings.partitions, settings.replication_factor, settings.min_insync_replicas,
          settings.retention_hours * 3'600'000, settings.production};
}

std::int64_t time_argument(const std::string& text) {
  const std::int64_t now = runtime::SystemClock{}.now().value;
  if (text == "now") return now;
  if (text.size() >= 3 && text.front() == '+') {
    std::int64_t amount = 0;
    const char* unit = text.data() + text.size() - 1;
    const auto [end, error] = std::from_chars(text.data() + 1, unit, amount);
    const std::int64_t factor = *unit == 's' ? 1'000 : *unit == 'm' ? 60'000 : *unit == 'h' ? 3'600'000 : 0;
    if (error == std::errc{} && end == unit && factor > 0 && amount < 1'000'000) return now + amount * factor;
  }
  auto parsed = wire::parse_time(text);
  if (!parsed)
    throw CommandFailed{usage_error, text + " is no time; write 2026-11-21T09:00:00Z, now, or +30s, +5m, +2h from now"};
  return *parsed;
}

std::int64_t seconds_argument(const std::string& text) {
  std::int64_t amount = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, amount);
  const std::string unit(end, last);
  const std::int64_t factor = unit.empty() || unit == "s" ? 1
                              : unit == "m"               ? 60
                              : unit == "h"               ? 3'600
                              : unit == "d"               ? 86'400
                                                          : 0;
  constexpr std::int64_t amount_max = 1'000'000'000;
  if (error == std::errc{} && factor > 0 && amount > 0 && amount <= amount_max) return amount * factor;
  throw CommandFailed{usage_error, text + " is no duration; write 3600 for seconds, or 90s, 30m, 2h, 7d"};
}

std::string operator_name() {
  std::array<char, 256> host{};
  (void)gethostname(host.data(), host.size() - 1);
  std::array<char, 4'096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const bool known = getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return (known ? std::string(entry.pw_name) : std::to_string(geteuid())) + "@" + host.data();
}

ports::Logger& quiet_logger() {
  static const std::unique_ptr<ports::Logger> logger = [] {
    const auto environment = config::process_environment();
    const auto level = environment.find("OPENRUN_LOG__LEVEL");
    const bool debug = level != environment.end() && level->second == "debug";
    return telemetry::make_logger("openrun", "cli", debug ? ports::LogLevel::debug : ports::LogLevel::critical);
  }();
  return *logger;
}

}  // namespace openrun::cli
