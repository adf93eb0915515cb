// What the mains of all daemons translate alike: the configuration into the options of the adapters. Plain functions;
// any thread.
#pragma once

#include <string>

#include <openrun/config/config.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/runtime/runtime.hpp>
#include <openrun/telemetry/logger.hpp>

namespace openrun::wiring {

// debug, info, warning or error; anything else is info.
[[nodiscard]] ports::LogLevel level_of(const std::string& name);

// On SIGHUP reads the configuration again (file and environment) and takes its log.level, nothing else; a line of the
// log says so. A configuration with a mistake anywhere changes nothing, and a line names the mistake. Construct before
// other threads start; `logger` outlives it.
class LogLevelOnHangUp {
 public:
  LogLevelOnHangUp(const config::Config& config, telemetry::LevelledLogger& logger);

 private:
  runtime::HangUpSignal signal_;
};

// `daemon` becomes Kafka's client id and Postgres's application name, for example "openrun-relay". `health` outlives
// all that is made with the options.
[[nodiscard]] kafka::Options kafka_options(const config::Kafka& from, const std::string& daemon, kafka::Health& health);
[[nodiscard]] postgres::Options postgres_options(const config::Postgres& from, const std::string& daemon,
                                                 postgres::Health& health);

// A daemon's own reason for not being ready, with what is wrong with Postgres behind it; empty where both are.
[[nodiscard]] std::string with_store_trouble(std::string reason, postgres::Health& health);

// The same for what keeps it out of Kafka; that is no reason of its own.
[[nodiscard]] std::string with_log_trouble(std::string reason, kafka::Health& health);

// Waits for Postgres, and for the schema in it, as long as it takes. False: a stop was asked for, or schema or code key
// do not fit (logged).
[[nodiscard]] bool schema_fits(const postgres::Options& database, const std::string& fingerprint,
                               runtime::StopSignal& stop, ports::Logger& logger);

}  // namespace openrun::wiring
