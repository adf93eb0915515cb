// openrun-relay: wires the relay to Kafka, Postgres, metrics and signals.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

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
#include <openrun/wiring/telemetry.hpp>

#include "relay/relay.hpp"

namespace {

using namespace openrun;

template <class T>
T started(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

int run(const config::Config& config) {
  runtime::StopSignal stop;
  runtime::SystemClock clock;
  const auto logger = wiring::make_logger(config, "relay", config.relay.instance_id, OPENRUN_VERSION);
  const wiring::LogLevelOnHangUp log_level(config, *logger);
  const auto metrics = telemetry::make_metrics("relay", OPENRUN_VERSION, logger->report_counts());
  const auto spans =
      wiring::make_spans(config, "openrun-relay", config.relay.instance_id, OPENRUN_VERSION, *metrics, *logger);
  const config::KeyFile keys = started(config::load_keys(config.keys.file));

  postgres::Health store_health(*logger, *metrics);
  const postgres::Options database = wiring::postgres_options(config.postgres, "openrun-relay", store_health);
  kafka::Health log_health(*logger, *metrics);
  relay::Relay relay([&] { return postgres::make_outbox(database, *logger); },
                     {.missing_after_us = config.relay.missing_after_ms * 1'000,
                      .scan_interval_us = config.relay.scan_interval_ms * 1'000,
                      .outcome_retention_ms = config.relay.outcome_retention_hours * 3'600'000});
  http::ServerOptions server_options;
  server_options.address = config.relay.metrics_address;
  server_options.port = static_cast<std::uint16_t>(config.relay.metrics_port);
  const auto server = http::make_server(server_options, *logger);
  std::atomic<bool> begun{false};
  started(server->start(http::health_handler(*metrics, [&] {
    std::string reason = begun ? relay.not_ready_reason() : "waiting for Postgres";
    return wiring::with_log_trouble(wiring::with_store_trouble(std::move(reason), store_health), log_health);
  })));

  const bool fits = wiring::schema_fits(database, crypto::CouponCodes(keys.code_key).fingerprint(), stop, *logger);
  if (fits) {
    kafka::Options options = wiring::kafka_options(config.kafka, "openrun-relay", log_health);
    options.instance_id = config.relay.instance_id;
    // Well below the time after which a row counts as missing in the topic.
    options.read_gather = std::chrono::milliseconds(std::min<std::int64_t>(config.relay.missing_after_ms / 2, 100));
    const auto log = started(kafka::make_log(options, *logger));
    const auto results = started(kafka::make_appender(options, ports::Topic::results, relay.on_deliveries(), *logger));
    const auto dead_letters =
        started(kafka::make_appender(options, ports::Topic::dead_letters, relay.on_deliveries(), *logger));
    relay.begin({*log, *results, *dead_letters, clock, *logger, *metrics, config.kafka.requests_topic, spans.get()});
    begun = true;
    const auto membership = started(
        kafka::make_membership(options, ports::Topic::results, ports::relays_group, relay.callbacks(), *logger));
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
  return fits || stop.requested() ? 0 : 1;
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
