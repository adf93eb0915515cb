// openrun-gateway: only wires. The rules are in this folder's other files, the adapters in libs/.
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <malloc.h>

#include <openrun/base/address.hpp>
#include <openrun/config/config.hpp>
#include <openrun/grpc/server.hpp>
#include <openrun/http/server.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/postgres/dead_letter_store.hpp>
#include <openrun/postgres/operations_store.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/runtime/runtime.hpp>
#include <openrun/stream/stream.hpp>
#include <openrun/telemetry/logger.hpp>
#include <openrun/telemetry/metrics.hpp>
#include <openrun/wiring/daemon.hpp>
#include <openrun/wiring/telemetry.hpp>

#include "gateway/gateway.hpp"
#include "gateway/starting.hpp"

namespace {

using namespace openrun;
using std::chrono::milliseconds;

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr milliseconds retry{1'000};
constexpr milliseconds broker_timeout{2'000};
constexpr milliseconds token_keys_interval{2'000};

gateway::LimitSettings limits_of(const config::Gateway& from) {
  gateway::LimitSettings limits;
  limits.user = {from.limits.user_per_second, from.limits.user_burst};
  limits.address = {from.limits.address_per_second, from.limits.address_burst};
  limits.campaign = {from.limits.campaign_per_second, from.limits.campaign_burst};
  limits.slots = static_cast<std::size_t>(from.limits.slots);
  limits.proxies.trusted = parse_networks(from.trusted_proxies).value_or(std::vector<Network>{});
  if (from.proxy_header == "forwarded") limits.proxies.header = gateway::ProxyHeader::forwarded;
  limits.admission = {from.admission.append_delay_ms_max, from.admission.line_wait_ms_max};
  return limits;
}

gateway::Settings settings_of(const config::Gateway& from, const config::Traces& traces) {
  gateway::Settings settings;
  settings.trace_sample_ratio = traces.sample_ratio;
  settings.cors_origins = from.cors_origins;
  for (const config::AdminToken& token : from.admin_tokens) settings.admin_tokens.push_back({token.name, token.token});
  settings.users_by_token = from.auth_mode == "jwt";
  settings.token_rules = {from.jwt.issuer, from.jwt.audience, from.jwt.leeway_s};
  settings.limits = limits_of(from);
  settings.waits_max = from.waits_max;
  settings.streams_max = from.streams_max;
  settings.pending_max = from.pending_max;
  settings.window_records = from.window_records;
  settings.window_age_s = from.window_age_s;
  settings.store_threads = from.store_threads;
  settings.store_queue_max = from.store_queue_max;
  settings.clock_skew_ms_max = from.clock_skew_ms_max;
  settings.campaign_refresh_ms = from.campaign_refresh_ms;
  settings.ready_produce_stall_ms = from.ready_produce_stall_ms;
  settings.ready_results_lag_ms = from.ready_results_lag_ms;
  settings.serves_tls = !from.tls_certificate_file.empty();
  settings.waiting_room_users = from.waiting_room_users;
  settings.connect_open_admin = from.connect_open_admin;
  settings.connect_codes_max = from.connect_codes_max;
  return settings;
}

// What is larger than a JWK set may be is cut, and refused by its reader.
Result<std::string> read_token_keys(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(gateway::jwks_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad()) {
    return fail(Error::Kind::not_found, "cannot read " + file + "; name a readable file with auth.jwt.jwks_file");
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

http::ServerOptions server_options(const config::Gateway& from) {
  http::ServerOptions options;
  options.address = from.address;
  options.port = static_cast<std::uint16_t>(from.port);
  options.second_port = static_cast<std::uint16_t>(from.second_port);
  options.threads = static_cast<unsigned>(from.threads);
  options.tls_certificate_file = from.tls_certificate_file;
  options.tls_key_file = from.tls_key_file;
  options.connections_max = static_cast<std::size_t>(from.connections_max);
  return options;
}

rpc::ServerOptions grpc_options(const config::Gateway& from) {
  rpc::ServerOptions options;
  options.address = from.address;
  options.port = static_cast<std::uint16_t>(from.grpc_port);
  options.calls_max = static_cast<std::size_t>(from.waits_max);
  options.tls_certificate_file = from.tls_certificate_file;
  options.tls_key_file = from.tls_key_file;
  return options;
}

std::vector<crypto::ReceiptKey> receipt_keys(const config::KeyFile& keys) {
  std::vector<crypto::ReceiptKey> receipts;
  receipts.reserve(keys.receipt_keys.size());
  for (const auto& key : keys.receipt_keys) receipts.push_back({key.id, key.key});
  return receipts;
}

// Asks again while the other side is away. Empty: a stop was asked for, or it will never work (logged).
template <class Ask>
auto until_available(Ask ask, std::string_view what, runtime::StopSignal& stop, ports::Logger& logger)
    -> std::optional<decltype(ask())> {
  for (;;) {
    auto answer = ask();
    if (answer) return answer;
    const bool passing =
        answer.error().kind == Error::Kind::unavailable || answer.error().kind == Error::Kind::not_found;
    if (!passing) {
      logger.critical("cannot start", {{"waiting_for", std::string(what)}, {"error", answer.error().message}});
      return std::nullopt;
    }
    logger.warning("waiting at start", {{"waiting_for", std::string(what)}, {"error", answer.error().message}});
    if (stop.wait_for(retry)) return std::nullopt;
  }
}

// Postgres with the right schema, then Kafka with the topic of requests: how many partitions it has. Empty as above.
std::optional<std::int32_t> wait_for_servers(const postgres::Options& database, const std::string& fingerprint,
                                             ports::Log& log, gateway::Starting& starting, runtime::StopSignal& stop,
                                             ports::Logger& logger) {
  starting.waiting_for("Postgres");
  const auto schema =
      until_available([&] { return postgres::check_schema(database, fingerprint); }, "postgres", stop, logger);
  if (!schema) return std::nullopt;
  starting.waiting_for("Kafka");
  const auto partitions =
      until_available([&] { return log.partitions(ports::Topic::requests, broker_timeout); }, "kafka", stop, logger);
  if (!partitions) return std::nullopt;
  return **partitions;
}

// How far the store has decided, before any result is read. Empty as above.
std::optional<ports::GatewayStore::Checkpoints> wait_for_checkpoints(const postgres::Options& database,
                                                                     gateway::Starting& starting,
                                                                     runtime::StopSignal& stop, ports::Logger& logger) {
  starting.waiting_for("Postgres");
  const auto store = postgres::make_gateway_store(database, logger);
  const auto checkpoints = until_available([&] { return store->checkpoints(); }, "postgres", stop, logger);
  if (!checkpoints) return std::nullopt;
  return **checkpoints;
}

// What is wrong with the server that is waited for: Postgres comes first.
std::string trouble_of(postgres::Health& store, kafka::Health& log) {
  const auto now = postgres::Health::Clock::now();
  const std::string trouble = store.trouble(now, true);
  return trouble.empty() ? log.trouble(now) : trouble;
}

int cannot_start(ports::Logger& logger, const Error& error) {
  logger.critical("cannot start", {{"error", error.message}});
  return exit_failed;
}

Result<void> start_grpc(rpc::Server& grpc, const config::Gateway& from, gateway::Gateway& gateway,
                        std::vector<ports::IoThread*> io_threads) {
  if (from.grpc_port == 0) return {};
  return grpc.start(gateway.handler(), std::move(io_threads));
}

std::vector<ports::IoThread*> io_threads_of(http::Server& server) {
  std::vector<ports::IoThread*> io_threads;
  io_threads.reserve(server.threads());
  for (std::size_t i = 0; i < server.threads(); ++i) io_threads.push_back(&server.thread(i));
  return io_threads;
}

// What it refers to outlives it.
gateway::DeadLetterAccess dead_letter_access(const postgres::Options& database, const kafka::Options& broker,
                                             ports::Logger& logger) {
  return {[&] { return postgres::make_dead_letter_store(database, logger); },
          [&](ports::LogAppender::OnDeliveries told) {
            return kafka::make_appender(broker, ports::Topic::requests, std::move(told), logger);
          }};
}

// Answers what has arrived, each part within `most`.
void drain(gateway::Gateway& gateway, ports::LogAppender& appender, rpc::Server& grpc, http::Server& server,
           milliseconds most, ports::Logger& logger) {
  logger.info("stopping");
  gateway.begin_drain();
  const bool acknowledged = appender.flush(most);
  if (!acknowledged) logger.warning("some appends were not acknowledged in time");
  grpc.drain(most);
  server.drain(most);
}

std::string instance_of(const config::Config& config) {
  return config.gateway.address + ":" + std::to_string(config.gateway.port);
}

// Buffers of results that are read back are as large as the broker gives them. By themselves these thresholds grow with
// the first buffer that is freed; the next ones then come from the reading thread's own heap, whose end malloc_trim
// leaves alone: one to three MB. So large buffers are mapped until all is read back, and what serves is spared that.
void map_large_buffers() {
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}
void give_back_and_map_no_more() {
  ::malloc_trim(0);
  ::mallopt(M_MMAP_THRESHOLD, 2 * 1024 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
}

void serve_until_stopped(gateway::Gateway& gateway, runtime::StopSignal& stop) {
  bool has_read_back = false;
  while (!stop.wait_for(token_keys_interval)) {
    // A failure is logged, and the old keys stay.
    std::ignore = gateway.refresh_token_keys();
    // The batches that were read back at the start have left holes all over the heap: some MB, that nobody needs again.
    if (!has_read_back && gateway.observe().results_ready) {
      has_read_back = true;
      give_back_and_map_no_more();
    }
  }
}

// Everything that lives as long as the daemon serves, in the order in which it has to be made.
int serve(const config::Config& config, const config::KeyFile& keys, runtime::StopSignal& stop,
          telemetry::LevelledLogger& logger) {
  const runtime::SystemClock clock;
  const auto metrics = telemetry::make_metrics("gateway", OPENRUN_VERSION, logger.report_counts());
  const auto spans =
      wiring::make_spans(config, "openrun-gateway", instance_of(config), OPENRUN_VERSION, *metrics, logger);
  const crypto::ReceiptSigner signer(receipt_keys(keys));
  const crypto::CouponCodes codes(keys.code_key);
  const crypto::UserHash user_hash(keys.user_hash_key);
  postgres::Health store_health(logger, *metrics);
  const postgres::Options database = wiring::postgres_options(config.postgres, "openrun-gateway", store_health);
  kafka::Health log_health(logger, *metrics);
  const kafka::Options broker = wiring::kafka_options(config.kafka, "openrun-gateway", log_health);

  // Until the gateway can be made, somebody answers in its place.
  gateway::Starting starting([&] { return trouble_of(store_health, log_health); });
  std::unique_ptr<http::Server> stand_in = http::make_server(server_options(config.gateway), logger);
  if (const Result<void> listening = stand_in->start(starting.handler()); !listening)
    return cannot_start(logger, listening.error());
  auto log = kafka::make_log(broker, logger);
  if (!log) return cannot_start(logger, log.error());
  const auto partitions = wait_for_servers(database, codes.fingerprint(), **log, starting, stop, logger);
  if (!partitions) return stop.requested() ? exit_done : exit_failed;
  const auto checkpoints = wait_for_checkpoints(database, starting, stop, logger);
  if (!checkpoints) return stop.requested() ? exit_done : exit_failed;

  auto server = http::make_server(server_options(config.gateway), logger);
  const std::vector<ports::IoThread*> io_threads = io_threads_of(*server);
  gateway::Gateway gateway({clock,
                            logger,
                            *metrics,
                            **log,
                            [&] { return postgres::make_gateway_store(database, logger); },
                            signer,
                            codes,
                            user_hash,
                            io_threads,
                            {},
                            crypto::random_u32,
                            [&] { return store_health.trouble(postgres::Health::Clock::now(), true); },
                            [&] { return log_health.trouble(kafka::Health::Clock::now()); },
                            [&] { return read_token_keys(config.gateway.jwt.jwks_file); },
                            [&server] { return server->connections(); },
                            [&] { return postgres::make_operations_store(database, logger); },
                            dead_letter_access(database, broker, logger),
                            spans.get(),
                            [&](auto told) { return stream::make_listener({}, std::move(told), logger, *metrics); }},
                           settings_of(config.gateway, config.traces));
  if (const Result<void> known = gateway.refresh_token_keys(); !known) return cannot_start(logger, known.error());
  auto appender = kafka::make_appender(broker, ports::Topic::requests, gateway.on_deliveries(), logger);
  if (!appender) return cannot_start(logger, appender.error());
  gateway.start(**appender, *partitions, checkpoints);
  stand_in.reset();
  if (const Result<void> started = server->start(gateway.handler(), gateway.line()); !started)
    return cannot_start(logger, started.error());
  const auto grpc = rpc::make_server(grpc_options(config.gateway));
  if (const Result<void> called = start_grpc(*grpc, config.gateway, gateway, io_threads); !called) {
    server.reset();
    return cannot_start(logger, called.error());
  }
  logger.info("serving", {{"address", config.gateway.address}, {"port", std::int64_t{server->port()}}});
  serve_until_stopped(gateway, stop);

  drain(gateway, **appender, *grpc, *server, milliseconds(config.gateway.drain_ms), logger);
  // Nobody may call into the gateway from here on: first those who post to its threads, then the threads.
  appender->reset();
  gateway.stop();
  server.reset();
  logger.info("stopped");
  return exit_done;
}

int run(int argc, char** argv) {
  runtime::StopSignal stop;
  config::Config config;
  if (const auto done = config::start(argc, argv, "gateway", OPENRUN_VERSION, config)) return *done;
  const auto logger = wiring::make_logger(config, "gateway", instance_of(config), OPENRUN_VERSION);
  const wiring::LogLevelOnHangUp log_level(config, *logger);
  const auto keys = config::load_keys(config.keys.file);
  if (!keys) {
    logger->critical("cannot start", {{"error", keys.error().message}});
    return exit_failed;
  }
  map_large_buffers();
  return serve(config, *keys, stop, *logger);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "openrun-gateway: %s\n", error.what());
    return exit_failed;
  }
}
