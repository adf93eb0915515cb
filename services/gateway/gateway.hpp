// The gateway without its adapters: owns the pieces and wires them. main gives it the ports.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/result.hpp>
#include <openrun/crypto/coupon_code.hpp>
#include <openrun/crypto/mac.hpp>
#include <openrun/crypto/receipt.hpp>
#include <openrun/ports/clock.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>
#include <openrun/ports/request_log.hpp>
#include <openrun/ports/spans.hpp>
#include <openrun/ports/stream.hpp>

#include "gateway/access/auth.hpp"
#include "gateway/access/cors.hpp"
#include "gateway/access/jwks.hpp"
#include "gateway/access/limits.hpp"
#include "gateway/calls/tracing.hpp"
#include "gateway/campaigns/campaign_cache.hpp"
#include "gateway/campaigns/directory.hpp"
#include "gateway/campaigns/winners.hpp"
#include "gateway/meters.hpp"
#include "gateway/operations/dead_letter_access.hpp"
#include "gateway/operations/live_history.hpp"
#include "gateway/operations/system_watch.hpp"
#include "gateway/readiness.hpp"
#include "gateway/results/results_feed.hpp"
#include "gateway/results/results_sink.hpp"
#include "gateway/results/results_window.hpp"
#include "gateway/results/store_watch.hpp"
#include "gateway/results/streamed_results.hpp"
#include "gateway/settings.hpp"
#include "gateway/store_pool.hpp"
#include "gateway/waits/lanes.hpp"
#include "gateway/waits/seats.hpp"

namespace openrun::gateway {

// References must outlive the gateway, and the gateway the server's threads.
struct Environment {
  const ports::Clock& clock;
  ports::Logger& logger;
  ports::Metrics& metrics;
  ports::Log& log;
  StorePool::Factory store_factory;
  const crypto::ReceiptSigner& signer;
  const crypto::CouponCodes& codes;
  const crypto::UserHash& user_hash;
  std::vector<ports::IoThread*> io_threads;  // in the order of their index
  ResultsFeed::Timing feed_timing;
  // Nonces and jitter.
  std::function<std::uint32_t()> random_u32 = crypto::random_u32;
  // One sentence about what is wrong with the store, empty where nothing is. Any thread; must not block.
  std::function<std::string()> store_trouble;
  // The same about what keeps the gateway out of Kafka.
  std::function<std::string()> log_trouble;
  // The text of the JWK set; asked in auth.mode jwt alone, on the thread of refresh_token_keys().
  TokenKeys::Read read_token_keys;
  // Connections of the server that are open. Any thread; must not block. Empty: not shown.
  std::function<std::size_t()> connections;
  // For the operator's calls; where they are empty, these calls say that they know nothing.
  SystemWatch::Factory operations_factory = {};  // NOLINT(readability-redundant-member-init): may be left out
  DeadLetterAccess dead_letters = {};
  ports::SpanSink* spans = nullptr;  // null: tracing is off
  // Makes who listens to issuers, wherever the log invites to it. Empty: results are read in the log alone.
  using Listen = std::function<std::unique_ptr<ports::Listener>(std::function<void(std::string_view)> on_message)>;
  Listen listen = {};  // NOLINT(readability-redundant-member-init): may be left out
};

class Gateway {
 public:
  Gateway(Environment environment, Settings settings);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // For the appender, which is made after the gateway.
  [[nodiscard]] ports::LogAppender::OnDeliveries on_deliveries();
  // `partitions`: of openrun.requests. Begins to read results, and to compare the store with them; requests may come
  // from then on, and are refused until the store is known to hold what was published. `checkpoints`: as the store had
  // them before (see ResultsFeed::read_back); empty: results are read as far back as the window is old.
  void start(ports::LogAppender& appender, std::int32_t partitions,
             const std::optional<ports::GatewayStore::Checkpoints>& checkpoints = {});
  // The same without threads of its own and without comparing, for who drives the gateway on one thread (with
  // settings.store_threads 0): then the feed and the pool move only by these steps. See ResultsFeed and
  // StorePool::take.
  void start_driven(ports::LogAppender& appender, std::int32_t partitions);
  [[nodiscard]] ResultsFeed& feed() { return feed_; }
  [[nodiscard]] StorePool& pool() { return pool_; }
  // After start().
  [[nodiscard]] ports::HttpHandler handler();
  // Submits stand in it while so many are on their way into the log that no more can be.
  [[nodiscard]] ports::HttpLine line();

  // Reads the keys of users' tokens again where the file has changed; nothing to do in auth.mode trusted. Blocks for
  // the file; one thread at a time. See TokenKeys::refresh.
  Result<void> refresh_token_keys();

  // /readyz answers 503, waits end with what is known, and none begins any more.
  void begin_drain();
  // Ends the feed and the pool. No request may come any more.
  void stop();

  [[nodiscard]] Observed observe() const;
  // After start(): "post /v1/campaigns/{}/requests" and so on, methods in lower case.
  [[nodiscard]] std::vector<std::string> route_names() const;

 private:
  struct Served;  // the handlers, which need the appender

  void repair(Partition partition, Offset offset);
  void seed(Partition partition);
  void bring_gauges_up_to_date();
  void tell_bounds();
  [[nodiscard]] bool look_at_store();
  void watch_log();
  void watch_log_from(ports::IoThread& io, const std::weak_ptr<Limits>& limits);
  [[nodiscard]] ResultsFeed::Hooks feed_hooks();
  void take(const wire::ResultBatch& batch, bool live);

  Environment environment_;
  Settings settings_;
  std::atomic<bool> draining_{false};
  std::atomic<std::int32_t> partitions_{1};
  std::atomic<bool> repairing_{false};
  std::atomic<bool> looking_{false};

  TokenKeys token_keys_;
  Auth auth_;
  Cors cors_;
  std::shared_ptr<Limits> limits_;  // shared with a timer of the first I/O thread, which may outlive it
  ResultsWindow window_;
  Winners winners_;
  CampaignCache cache_;
  StoreWatch store_watch_;
  Meters meters_;
  LiveHistory history_;
  SystemWatch watch_;
  std::optional<Tracing> tracing_;
  Seats waits_;
  Seats pending_;
  Seats commands_;
  Seats exports_;
  Seats streams_;
  Lanes lanes_;
  StorePool pool_;
  Directory directory_;
  ResultsSink sink_;
  ResultsFeed feed_;
  StreamedResults streamed_;
  std::unique_ptr<ports::Listener> listener_;  // from start() to stop()
  ports::LogAppender* appender_ = nullptr;
  std::unique_ptr<Served> served_;
};

}  // namespace openrun::gateway
