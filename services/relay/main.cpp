// openrun-relay: wires the relay to Kafka, Postgres, metrics and signals.
#include <cstdio>
#include <exception>

#include <openrun/config/config.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/http/health.hpp>
#include <openrun/http/server.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/runtime/runtime.hpp>
#include <openrun/telemetry/logger.hpp>
#include <openrun/telemetry/metrics.hpp>
#include <openrun/wiring/daemon.hpp>

#include "relay/relay.hpp"

namespace {

using namespace openrun;

template <class T>
T started(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Waits for Postgres as long as it takes; a schema or code key that does not fit ends the daemon.
bool schema_fits(const postgres::Options& database, const std::string& fingerprint, ports::Logger& logger,
                 runtime::StopSignal& stop) {
  for (bool told = false;; told = true) {
    const auto checked = postgres::check_schema(database, fingerprint);
    if (checked) return true;
    if (checked.error().kind != Error::Kind::unavailable) throw std::runtime_error(checked.error().message);
    if (!told) logger.warning("waiting for Postgres", {{"error", checked.error().message}});
    if (stop.wait_for(std::chrono::milliseconds(500))) return false;
  }
}

int run(const config::Config& config) {
  runtime::StopSignal stop;
  runtime::SystemClock clock;
  const auto logger = telemetry::make_logger("relay", config.relay.instance_id, wiring::level_of(config.log.level));
  const auto metrics = telemetry::make_metrics("relay", OPENRUN_VERSION);
  const config::KeyFile keys = started(config::load_keys(config.keys.file));

  postgres::Health store_health(*logger, *metrics);
  postgres::Options database = wiring::postgres_options(config.postgres, "openrun-relay");
  database.health = &store_health;
  relay::Relay relay([&] { return postgres::make_outbox(database, *logger); },
                     {.missing_after_us = config.relay.missing_after_ms * 1'000,
                      .scan_interval_us = config.relay.scan_interval_ms * 1'000,
                      .outcome_retention_ms = config.relay.outcome_retention_hours * 3'600'000});
  http::ServerOptions server_options;
  server_options.address = config.relay.metrics_address;
  server_options.port = static_cast<std::uint16_t>(config.relay.metrics_port);
  const auto server = http::make_server(server_options, *logger);
  started(server->start(http::health_handler(
      *metrics, [&] { return wiring::with_store_trouble(relay.not_ready_reason(), store_health); })));

  if (schema_fits(database, crypto::CouponCodes(keys.code_key).fingerprint(), *logger, stop)) {
    kafka::Options options = wiring::kafka_options(config.kafka, "openrun-relay");
    options.instance_id = config.relay.instance_id;
    const auto log = started(kafka::make_log(options, *logger));
    const auto results = started(kafka::make_appender(options, ports::Topic::results, relay.on_deliveries(), *logger));
    const auto dead_letters =
        started(kafka::make_appender(options, ports::Topic::dead_letters, relay.on_deliveries(), *logger));
    relay.begin({*log, *results, *dead_letters, clock, *logger, *metrics, config.kafka.requests_topic});
    const auto membership =
        started(kafka::make_membership(options, ports::Topic::results, "openrun-relays", relay.callbacks(), *logger));
    logger->info("relay started");
    while (!stop.requested()) {
      membership->poll(std::chrono::milliseconds(200));
      relay.tick();
      (void)stop.wait_for(std::chrono::milliseconds(0));
    }
    // The cursors are saved while this relay still owns its partitions.
    relay.stop();
    membership->leave();
    relay.stop();
    results->flush(std::chrono::seconds(2));
  }
  server->drain(std::chrono::seconds(1));
  logger->info("relay stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  config::Config config;
  if (const auto exit_code = config::start(argc, argv, "openrun-relay", OPENRUN_VERSION, config)) return *exit_code;
  try {
    return run(config);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "openrun-relay: %s\n", error.what());
    return 1;
  }
}
