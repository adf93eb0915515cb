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

kafka::Options kafka_options(const config::Kafka& from, const std::string& daemon) {
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
  options.extra = from.librdkafka;
  return options;
}

postgres::Options postgres_options(const config::Postgres& from, const std::string& daemon) {
  postgres::Options options;
  options.url = from.url;
  options.connect_timeout = std::chrono::seconds(from.connect_timeout_s);
  options.statement_timeout = std::chrono::milliseconds(from.statement_timeout_ms);
  options.application = daemon;
  return options;
}

std::string with_store_trouble(std::string reason, postgres::Health& health) {
  const std::string trouble = health.trouble(postgres::Health::Clock::now(), false);
  if (reason.empty() || trouble.empty()) return reason + trouble;
  return reason + "; " + trouble;
}

bool schema_fits(const postgres::Options& database, const std::string& fingerprint, runtime::StopSignal& stop,
                 ports::Logger& logger) {
  for (bool told = false;; told = true) {
    const auto checked = postgres::check_schema(database, fingerprint);
    if (checked) return true;
    if (checked.error().kind != Error::Kind::unavailable) {
      logger.critical("cannot start", {{"error", checked.error().message}});
      return false;
    }
    if (!told) logger.warning("waiting for Postgres", {{"error", checked.error().message}});
    if (stop.wait_for(schema_retry)) return false;
  }
}

}  // namespace openrun::wiring
