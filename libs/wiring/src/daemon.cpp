#include <chrono>

#include <openrun/wiring/daemon.hpp>

namespace openrun::wiring {
namespace {

constexpr std::chrono::milliseconds schema_retry{1'000};

}  // namespace

ports::LogLevel level_of(const std::string& name) {
  if (name == "debug") return ports::LogLevel::debug;
  if (name == "warning") return ports::LogLevel::warning;
  if (name == "error") return ports::LogLevel::error;
  return ports::LogLevel::info;
}

LogLevelOnHangUp::LogLevelOnHangUp(const config::Config& config, telemetry::LevelledLogger& logger)
    : signal_([file = config.file, &logger] {
        const auto read = config::load({file, config::process_environment()});
        if (read) return logger.set_minimum(level_of(read->log.level));
        // An error, so that no minimum hides it.
        logger.error("log level stays as it is: the configuration cannot be read again",
                     {{"error", read.error().message}});
      }) {}

kafka::Options kafka_options(const config::Kafka& from, const std::string& daemon, kafka::Health& health) {
  kafka::Options options;
  options.brokers = from.brokers;
  options.client_id = daemon;
  options.topics = {{ports::Topic::requests, from.requests_topic},
                    {ports::Topic::results, from.results_topic},
                    {ports::Topic::dead_letters, from.dead_letters_topic}};
  options.linger = std::chrono::microseconds(from.linger_us);
  options.delivery_timeout = std::chrono::milliseconds(from.delivery_timeout_ms);
  options.queue_records_max = from.queue_records_max;
  options.queue_bytes_max = from.queue_bytes_max;
  options.session_timeout = std::chrono::milliseconds(from.session_timeout_ms);
  options.password_file = from.sasl_password_file;
  options.extra = from.librdkafka;
  options.health = &health;
  return options;
}

postgres::Options postgres_options(const config::Postgres& from, const std::string& daemon, postgres::Health& health) {
  postgres::Options options;
  options.url = from.url;
  options.password_file = from.password_file;
  options.connect_timeout = std::chrono::seconds(from.connect_timeout_s);
  options.statement_timeout = std::chrono::milliseconds(from.statement_timeout_ms);
  options.application = daemon;
  options.health = &health;
  return options;
}

std::string with_store_trouble(std::string reason, postgres::Health& health) {
  const auto now = postgres::Health::Clock::now();
  if (reason.empty()) return health.trouble(now, false);
  // What does not stop it may still be why it stands still.
  const std::string trouble = health.trouble(now, true);
  return trouble.empty() ? reason : reason + "; " + trouble;
}

std::string with_log_trouble(std::string reason, kafka::Health& health) {
  if (reason.empty()) return reason;
  const std::string trouble = health.trouble(kafka::Health::Clock::now());
  return trouble.empty() ? reason : reason + "; " + trouble;
}

bool schema_fits(const postgres::Options& database, const std::string& fingerprint, runtime::StopSignal& stop,
                 ports::Logger& logger) {
  for (bool told = false;; told = true) {
    const auto checked = postgres::check_schema(database, fingerprint);
    if (checked) return true;
    // The schema may come after the daemon: whoever deploys all at once cannot order them.
    const auto kind = checked.error().kind;
    if (kind != Error::Kind::unavailable && kind != Error::Kind::not_found) {
      logger.critical("cannot start", {{"error", checked.error().message}});
      return false;
    }
    if (!told) logger.warning("waiting for Postgres", {{"error", checked.error().message}});
    if (stop.wait_for(schema_retry)) return false;
  }
}

}  // namespace openrun::wiring
