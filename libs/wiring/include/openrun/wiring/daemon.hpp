// What the mains of all daemons translate alike: the configuration into the options of the adapters. Plain functions;
// any thread.
#pragma once

#include <string>

#include <openrun/config/config.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/runtime/runtime.hpp>

namespace openrun::wiring {

// debug, info, warning or error; anything else is info.
[[nodiscard]] ports::LogLevel level_of(const std::string& name);

// `daemon` becomes Kafka's client id and Postgres's application name, for example "openrun-relay".
[[nodiscard]] kafka::Options kafka_options(const config::Kafka& from, const std::string& daemon);
[[nodiscard]] postgres::Options postgres_options(const config::Postgres& from, const std::string& daemon);

// A daemon's own reason for not being ready, with what is wrong with Postgres behind it; empty where both are.
[[nodiscard]] std::string with_store_trouble(std::string reason, postgres::Health& health);

// Waits for Postgres as long as it takes. False: a stop was asked for, or schema or code key do not fit (logged).
[[nodiscard]] bool schema_fits(const postgres::Options& database, const std::string& fingerprint,
                               runtime::StopSignal& stop, ports::Logger& logger);

}  // namespace openrun::wiring
