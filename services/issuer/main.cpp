// openrun-issuer: only wires. The rules are in this folder's other files, the adapters in libs/.
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <openrun/config/config.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/http/health.hpp>
#include <openrun/http/server.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/runtime/runtime.hpp>
#include <openrun/stream/stream.hpp>
#include <openrun/telemetry/logger.hpp>
#include <openrun/telemetry/metrics.hpp>
#include <openrun/wiring/daemon.hpp>
#include <openrun/wiring/telemetry.hpp>

#include "issuer/issuer.hpp"

namespace {

using namespace openrun;
using std::chrono::milliseconds;

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr milliseconds membership_poll{100};

issuer::IssuerSettings settings_of(const config::Config& config) {
  issuer::IssuerSettings settings;
  settings.loop.batch_max = static_cast<std::size_t>(config.issuer.batch_max);
  settings.loop.clock_skew_ms_max = config.issuer.clock_skew_ms_max;
  settings.loop.retry_ms_min = config.issuer.retry_ms_min;
  settings.loop.retry_ms_max = config.issuer.retry_ms_max;
  settings.loop.keeps_traces = !config.traces.endpoint.empty();
  std::array<std::uint8_t, sizeof settings.loop.hash_seed> seed{};
  crypto::random_bytes(seed);
  std::memcpy(&settings.loop.hash_seed, seed.data(), seed.size());
  const milliseconds session(config.kafka.session_timeout_ms);
  settings.revoke_grace = session / 2;
  settings.fenced_retry = session * 5 / 2;
  return settings;
}

bool streams(const config::Issuer& from) {
  return from.stream_listeners_max != 0;
}

// Null where nobody may listen.
Result<std::unique_ptr<ports::Broadcaster>> make_stream(const config::Issuer& from, ports::Logger& logger,
                                                        ports::Metrics& metrics) {
  if (!streams(from)) return nullptr;
  stream::BroadcastOptions options;
  options.address = from.stream_address;
  options.port = static_cast<std::uint16_t>(from.stream_port);
  options.host = from.stream_host;
  options.listeners_max = static_cast<std::size_t>(from.stream_listeners_max);
  return stream::make_broadcaster(options, logger, metrics);
}

void work(ports::Membership& membership, issuer::Issuer& issuer, runtime::StopSignal& stop) {
  // Whatever Postgres does, this thread keeps polling: a member that falls silent loses its partitions.
  while (!stop.wait_for(milliseconds(0))) {
    membership.poll(membership_poll);
    issuer.tick();
  }
}

int serve(const config::Config& config, const config::KeyFile& keys, runtime::StopSignal& stop,
          telemetry::LevelledLogger& logger) {
  runtime::SystemClock clock;
  const auto metrics = telemetry::make_metrics("issuer", OPENRUN_VERSION, logger.report_counts());
  const auto span_sink =
      wiring::make_spans(config, "openrun-issuer", config.issuer.instance_id, OPENRUN_VERSION, *metrics, logger);
  std::optional<issuer::IssuerSpans> spans;
  if (span_sink) spans.emplace(*span_sink, clock);
  const crypto::CouponCodes codes(keys.code_key);
  const crypto::UserHash user_hash(keys.user_hash_key);
  postgres::Health store_health(logger, *metrics);
  postgres::Options database = wiring::postgres_options(config.postgres, "openrun-issuer", store_health);
  database.lock_timeout = milliseconds(config.issuer.lock_timeout_ms);
  kafka::Health log_health(logger, *metrics);
  kafka::Options broker = wiring::kafka_options(config.kafka, "openrun-issuer", log_health);
  // Where gateways hear outcomes at once, nobody waits for Kafka's copy, and several batches share a request. Else
  // users wait for it, and one record holds a whole batch of outcomes: there is nothing to collect.
  broker.linger = std::chrono::microseconds(streams(config.issuer) ? config.issuer.results_linger_us : 0);
  broker.instance_id = config.issuer.instance_id;
  const auto failed = [&](const Error& error) {
    logger.critical("cannot start", {{"error", error.message}});
    return exit_failed;
  };

  auto log = kafka::make_log(broker, logger);
  if (!log) return failed(log.error());
  auto& unacknowledged =
      metrics->counter("openrun_results_unacknowledged_total",
                       "Result batches whose delivery failed or is unknown: the relay sees to them.");
  const auto on_deliveries = [&unacknowledged, &spans](std::span<const ports::Delivery> deliveries) {
    if (spans) spans->delivered(deliveries);
    for (const ports::Delivery& delivery : deliveries) {
      if (delivery.fate != ports::Delivery::Fate::stored) unacknowledged.add();
    }
  };
  auto results = kafka::make_appender(broker, ports::Topic::results, on_deliveries, logger);
  if (!results) return failed(results.error());
  const auto stream = make_stream(config.issuer, logger, *metrics);
  if (!stream) return failed(stream.error());
  issuer::Issuer issuer(
      {**log, **results, clock, logger, *metrics, codes, user_hash, spans ? &*spans : nullptr, stream->get()},
      [&] { return postgres::make_coupon_store(database, logger); }, settings_of(config));

  std::atomic<bool> started{false};
  http::ServerOptions http_options;
  http_options.address = config.issuer.metrics_address;
  http_options.port = static_cast<std::uint16_t>(config.issuer.metrics_port);
  const auto server = http::make_server(http_options, logger);
  const auto listening = server->start(http::health_handler(*metrics, [&] {
    std::string reason = started ? issuer.not_ready_reason() : "waiting for Postgres";
    return wiring::with_log_trouble(wiring::with_store_trouble(std::move(reason), store_health), log_health);
  }));
  if (!listening) return failed(listening.error());

  if (!wiring::schema_fits(database, codes.fingerprint(), stop, logger))
    return stop.requested() ? exit_done : exit_failed;
  auto membership =
      kafka::make_membership(broker, ports::Topic::requests, ports::issuers_group, issuer.callbacks(), logger);
  if (!membership) return failed(membership.error());
  started = true;
  logger.info("issuer started", {{"metrics_port", std::int64_t{server->port()}}});
  work(**membership, issuer, stop);

  (*membership)->leave();
  issuer.stop();
  (*results)->flush(milliseconds(2'000));
  server->drain(milliseconds(1'000));
  logger.info("issuer stopped");
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  config::Config config;
  if (const auto code = config::start(argc, argv, "openrun-issuer", OPENRUN_VERSION, config)) return *code;
  runtime::StopSignal stop;
  const auto logger = wiring::make_logger(config, "issuer", config.issuer.instance_id, OPENRUN_VERSION);
  const wiring::LogLevelOnHangUp log_level(config, *logger);
  const auto keys = config::load_keys(config.keys.file);
  if (!keys) {
    logger->critical("cannot start", {{"error", keys.error().message}});
    return exit_failed;
  }
  return serve(config, *keys, stop, *logger);
}
