// openrun-reconciler: only wires. The rules are in this folder's other files, the adapters in libs/.
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <openrun/config/config.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/http/health.hpp>
#include <openrun/http/server.hpp>
#include <openrun/kafka/kafka.hpp>
#include <openrun/postgres/operations_store.hpp>
#include <openrun/postgres/postgres.hpp>
#include <openrun/runtime/runtime.hpp>
#include <openrun/telemetry/logger.hpp>
#include <openrun/telemetry/metrics.hpp>
#include <openrun/wiring/daemon.hpp>
#include <openrun/wiring/telemetry.hpp>

#include "reconciler/facts.hpp"
#include "reconciler/log_watch.hpp"
#include "reconciler/reconciler.hpp"

namespace {

using namespace openrun;
using std::chrono::milliseconds;

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr milliseconds drain_grace{1'000};

class PostgresFacts final : public reconciler::Facts {
 public:
  explicit PostgresFacts(postgres::AuditStore& store) : store_(store) {}

  Result<std::vector<issuance::StoredCampaign>> stored_campaigns(
      CampaignId after, std::size_t limit, Timestamp changed_since,
      std::span<const issuance::StoredCampaign> known) override {
    return store_.stored_campaigns(after, limit, changed_since, known);
  }
  Result<std::vector<reconciler::PartitionFacts>> partitions(
      const std::map<Partition, Offset>& sound_through) override {
    const auto rows = store_.partitions(sound_through);
    if (!rows) return std::unexpected(rows.error());
    std::vector<reconciler::PartitionFacts> facts;
    for (const auto& row : *rows) {
      facts.push_back({row.partition, row.epoch, row.next_offset, row.outbox_first, row.outbox_next, row.outbox_gaps,
                       row.published_through, row.outbox_backlog, row.open_dead_letters});
    }
    return facts;
  }

 private:
  postgres::AuditStore& store_;
};

class PostgresCoupons final : public reconciler::Coupons {
 public:
  explicit PostgresCoupons(postgres::AuditStore& store) : store_(store) {}

  Result<std::vector<reconciler::CouponSum>> sums(const std::vector<reconciler::CouponRange>& ranges) override {
    std::vector<postgres::AuditStore::CouponRange> wanted;
    wanted.reserve(ranges.size());
    for (const auto& range : ranges) wanted.push_back(of(range));
    const auto rows = store_.coupon_sums(wanted);
    if (!rows) return std::unexpected(rows.error());
    std::vector<reconciler::CouponSum> sums;
    sums.reserve(rows->size());
    for (const auto& row : *rows) sums.push_back({row.coupons, row.sum});
    return sums;
  }
  Result<std::vector<reconciler::CouponKey>> coupons(const reconciler::CouponRange& range) override {
    const auto rows = store_.coupon_keys(of(range));
    if (!rows) return std::unexpected(rows.error());
    std::vector<reconciler::CouponKey> coupons;
    coupons.reserve(rows->size());
    for (const auto& row : *rows) coupons.push_back({row.sequence, row.request_offset});
    return coupons;
  }
  Result<std::map<Partition, Offset>> checkpoints() override { return store_.checkpoints(); }

 private:
  static postgres::AuditStore::CouponRange of(const reconciler::CouponRange& range) {
    return {range.campaign, range.partition, range.first, range.last};
  }
  postgres::AuditStore& store_;
};

// Follows Kafka until a stop is asked for. A thread of its own: a pass over all campaigns may take long.
void follow(const config::Config& config, const postgres::Options& database, ports::Log& log, ports::Clock& clock,
            ports::Metrics& metrics, reconciler::MissingCoupons& missing, reconciler::ToldOffsets& told,
            runtime::StopSignal& stop, ports::Logger& logger) {
  const auto store = postgres::make_audit_store(database, logger);
  PostgresCoupons coupons(*store);
  reconciler::LogWatch watch(log, coupons, clock, logger, metrics, missing, told,
                             config.reconciler.acknowledged_lookback_s * 1'000);
  while (!stop.wait_for(milliseconds(watch.turn()))) continue;
}

int serve(const config::Config& config, const config::KeyFile& keys, runtime::StopSignal& stop,
          telemetry::LevelledLogger& logger) {
  runtime::SystemClock clock;
  const auto metrics = telemetry::make_metrics("reconciler", OPENRUN_VERSION, logger.report_counts());
  postgres::Health store_health(logger, *metrics);
  const postgres::Options database = wiring::postgres_options(config.postgres, "openrun-reconciler", store_health);
  const auto store = postgres::make_audit_store(database, logger);
  PostgresFacts facts(*store);
  const auto results = postgres::make_audit_results(database, logger);
  reconciler::MissingCoupons missing{0};
  reconciler::ToldOffsets told;
  reconciler::Reconciler reconciler(
      facts, *results, missing, told, clock, logger, *metrics,
      {.interval_ms = config.reconciler.interval_ms, .full_interval_ms = config.reconciler.full_interval_s * 1'000});

  kafka::Health log_health(logger, *metrics);
  kafka::Options broker = wiring::kafka_options(config.kafka, "openrun-reconciler", log_health);
  broker.read_gather = std::chrono::milliseconds(500);
  auto log = kafka::make_log(broker, logger);
  if (!log) {
    logger.critical("cannot start", {{"error", log.error().message}});
    return exit_failed;
  }

  http::ServerOptions http_options;
  http_options.address = config.reconciler.metrics_address;
  http_options.port = static_cast<std::uint16_t>(config.reconciler.metrics_port);
  const auto server = http::make_server(http_options, logger);
  const auto listening = server->start(http::health_handler(*metrics, [&] {
    return wiring::with_log_trouble(wiring::with_store_trouble(reconciler.not_ready_reason(), store_health),
                                    log_health);
  }));
  if (!listening) {
    logger.critical("cannot start", {{"error", listening.error().message}});
    return exit_failed;
  }

  const std::string fingerprint = crypto::CouponCodes(keys.code_key).fingerprint();
  if (!wiring::schema_fits(database, fingerprint, stop, logger)) return stop.requested() ? exit_done : exit_failed;
  logger.info("reconciler started", {{"metrics_port", std::int64_t{server->port()}}});
  std::thread follower([&] { follow(config, database, **log, clock, *metrics, missing, told, stop, logger); });
  while (!stop.wait_for(milliseconds(reconciler.turn()))) continue;
  follower.join();
  server->drain(drain_grace);
  logger.info("reconciler stopped");
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  config::Config config;
  if (const auto code = config::start(argc, argv, "openrun-reconciler", OPENRUN_VERSION, config)) return *code;
  runtime::StopSignal stop;
  const auto logger = wiring::make_logger(config, "reconciler", "", OPENRUN_VERSION);
  const wiring::LogLevelOnHangUp log_level(config, *logger);
  const auto keys = config::load_keys(config.keys.file);
  if (!keys) {
    logger->critical("cannot start", {{"error", keys.error().message}});
    return exit_failed;
  }
  return serve(config, *keys, stop, *logger);
}
