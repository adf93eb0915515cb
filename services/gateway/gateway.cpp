#include "gateway/gateway.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "gateway/dialects/dialects.hpp"
#include "gateway/parts.hpp"
#include "gateway/rest/campaigns_handler.hpp"
#include "gateway/rest/coupons_handler.hpp"
#include "gateway/rest/dead_letters_handler.hpp"
#include "gateway/rest/dispatch_handler.hpp"
#include "gateway/rest/events_handler.hpp"
#include "gateway/rest/health_handler.hpp"
#include "gateway/rest/operations_handler.hpp"
#include "gateway/rest/redeem_handler.hpp"
#include "gateway/rest/requests_handler.hpp"
#include "gateway/rest/routes.hpp"
#include "gateway/rest/status_handler.hpp"
#include "gateway/results/outcome_lookup.hpp"
#include "gateway/web/admin_handler.hpp"
#include "gateway/web/page_handler.hpp"
#include "gateway/web/web_handler.hpp"

namespace openrun::gateway {
namespace {

// A handler's member function as a row of the table.
template <class T>
CallHandler bind(T& handler, void (T::*member)(Call&)) {
  return [&handler, member](Call& call) { (handler.*member)(call); };
}

}  // namespace

struct Gateway::Served {
  Served(const Parts& shared, HealthHandler health_handler, const std::function<Observed()>& observe,
         ports::Metrics& metrics)
      : parts(shared),
        requests(parts),
        status(parts),
        events(parts),
        campaigns(parts),
        coupons(parts),
        redeem(parts),
        dispatch(parts),
        operations(parts, observe),
        dead_letters(parts),
        health(std::move(health_handler)),
        page(parts),
        dialects(parts),
        router(routes(), metrics, parts.clock,
               [this](Call& call, Door door) { return parts.limits.at_door(call, door); }) {}

  // The hottest first: they are matched in this order.
  [[nodiscard]] std::vector<Route> routes() {
    using enum ports::HttpMethod;
    std::vector<Route> table{
        {post, "/v1/campaigns/{}/requests", bind(requests, &RequestsHandler::post), Door::submit},
        {get, "/v1/requests/{}", bind(status, &StatusHandler::get), Door::poll},
        {get, "/v1/requests/{}/events", bind(events, &EventsHandler::get), Door::poll},
        {get, "/v1/campaigns/{}", bind(campaigns, &CampaignsHandler::get)},
        {patch, "/v1/campaigns/{}", bind(campaigns, &CampaignsHandler::change)},
        {get, "/v1/campaigns", bind(campaigns, &CampaignsHandler::list)},
        {post, "/v1/campaigns", bind(campaigns, &CampaignsHandler::create)},
        {post, "/v1/campaigns/{}/stock", bind(campaigns, &CampaignsHandler::add_stock)},
        {post, "/v1/campaigns/{}/pause", bind(campaigns, &CampaignsHandler::pause)},
        {post, "/v1/campaigns/{}/resume", bind(campaigns, &CampaignsHandler::resume)},
        {post, "/v1/campaigns/{}/close", bind(campaigns, &CampaignsHandler::close)},
        {get, "/v1/campaigns/{}/coupons", bind(coupons, &CouponsHandler::of_campaign)},
        {get, "/v1/coupons/{}", bind(coupons, &CouponsHandler::by_code)},
        {post, "/v1/coupons/{}/redeem", bind(redeem, &RedeemHandler::post)},
        {get, "/v1/users/{}/coupons", bind(coupons, &CouponsHandler::of_user)},
        {get, "/v1/dispatch", bind(dispatch, &DispatchHandler::get)},
        {put, "/v1/dispatch", bind(dispatch, &DispatchHandler::put)},
        {get, "/v1/operations", bind(operations, &OperationsHandler::now), Door::operators},
        {get, "/v1/operations/history", bind(operations, &OperationsHandler::history), Door::operators},
        {get, "/v1/dead-letters", bind(dead_letters, &DeadLettersHandler::list)},
        {get, "/v1/dead-letters/{}", bind(dead_letters, &DeadLettersHandler::one)},
        {post, "/v1/dead-letter-replays", bind(dead_letters, &DeadLettersHandler::replay)},
        {post, "/v1/dead-letter-discards", bind(dead_letters, &DeadLettersHandler::discard)},
        {get, "/livez", bind(health, &HealthHandler::live), Door::open},
        {get, "/readyz", bind(health, &HealthHandler::ready), Door::open},
        {get, "/metrics", bind(health, &HealthHandler::metrics), Door::open},
        {get, "/openapi.yaml", bind(web, &WebHandler::openapi)},
        {get, "/openrun-client.js", bind(web, &WebHandler::client)},
        {get, "/", bind(page, &PageHandler::home)},
        {get, "/c/{}", bind(page, &PageHandler::campaign)},
        {get, "/page/{}", bind(page, &PageHandler::file)},
        {get, "/admin", bind(admin_page, &AdminHandler::document), Door::operators},
        {get, "/admin/{}", bind(admin_page, &AdminHandler::file), Door::operators},
    };
    std::ranges::move(dialects.routes(), std::back_inserter(table));
    return table;
  }

  Parts parts;
  RequestsHandler requests;
  StatusHandler status;
  EventsHandler events;
  CampaignsHandler campaigns;
  CouponsHandler coupons;
  RedeemHandler redeem;
  DispatchHandler dispatch;
  OperationsHandler operations;
  DeadLettersHandler dead_letters;
  HealthHandler health;
  WebHandler web;
  PageHandler page;
  AdminHandler admin_page;
  dialects::Dialects dialects;
  Router router;
};

Gateway::Gateway(Environment environment, Settings settings)
    : environment_(std::move(environment)),
      settings_(std::move(settings)),
      token_keys_(environment_.read_token_keys, environment_.logger),
      auth_(settings_, token_keys_, environment_.clock, environment_.logger, environment_.metrics),
      cors_(settings_.cors_origins),
      limits_(std::make_shared<Limits>(settings_.limits, auth_, environment_.random_u32, environment_.metrics)),
      window_(static_cast<std::size_t>(settings_.window_records)),
      winners_(static_cast<std::size_t>(settings_.winners_kept_max)),
      cache_(static_cast<std::size_t>(settings_.campaigns_cached_max)),
      store_watch_(window_, environment_.logger, environment_.metrics),
      meters_(environment_.metrics),
      history_(meters_, environment_.clock),
      watch_(environment_.log, environment_.clock, environment_.operations_factory),
      waits_(settings_.waits_max),
      pending_(settings_.pending_max),
      commands_(commands_waiting_max),
      exports_(exports_max),
      streams_(settings_.streams_max),
      lanes_(environment_.io_threads, window_, environment_.clock),
      pool_(static_cast<std::size_t>(settings_.store_threads), static_cast<std::size_t>(settings_.store_queue_max),
            environment_.store_factory),
      directory_(cache_, winners_, pool_, environment_.clock, environment_.user_hash, settings_),
      sink_(window_, winners_, cache_, directory_, lanes_, environment_.clock),
      feed_(environment_.log, feed_hooks(), environment_.clock, environment_.logger, settings_,
            environment_.feed_timing),
      streamed_({[this] { return feed_.ready(); }, [this](const wire::ResultBatch& batch) { take(batch, true); }},
                environment_.logger, environment_.metrics) {
  if (environment_.spans != nullptr) {
    tracing_.emplace(*environment_.spans, settings_.trace_sample_ratio, environment_.clock, environment_.random_u32);
  }
  tell_bounds();
  limits_->close_while([this] { return store_watch_.trouble(); });
  lanes_.set_repair([this](Partition partition, Offset offset) { repair(partition, offset); });
}

Gateway::~Gateway() {
  stop();
}

ResultsFeed::Hooks Gateway::feed_hooks() {
  ResultsFeed::Hooks hooks;
  hooks.apply = [this](const wire::ResultBatch& batch, bool live) {
    take(batch, live);
    if (live) history_.apply(batch);
  };
  hooks.frontier_unknown = [this](Partition partition) { seed(partition); };
  hooks.request_partitions = [this](std::int32_t partitions) { partitions_ = partitions; };
  hooks.look_at_store = [this] { return look_at_store(); };
  if (environment_.listen) hooks.invited = [this](std::string_view invitation) { listener_->invited(invitation); };
  return hooks;
}

void Gateway::take(const wire::ResultBatch& batch, bool live) {
  if (tracing_) tracing_->learn(batch);
  sink_.apply(batch, live);
}

ports::LogAppender::OnDeliveries Gateway::on_deliveries() {
  return [this](std::span<const ports::Delivery> deliveries) { lanes_.deliver(deliveries); };
}

void Gateway::start(ports::LogAppender& appender, std::int32_t partitions,
                    const std::optional<ports::GatewayStore::Checkpoints>& checkpoints) {
  start_driven(appender, partitions);
  store_watch_.begin();
  if (checkpoints) {
    std::map<Partition, Timestamp> decided_until;
    for (const auto& [partition, checkpoint] : *checkpoints) decided_until.emplace(partition, checkpoint.log_time);
    feed_.read_back(std::move(decided_until));
  }
  feed_.start();
}

void Gateway::start_driven(ports::LogAppender& appender, std::int32_t partitions) {
  appender_ = &appender;
  partitions_ = partitions;
  const Parts parts{settings_,
                    environment_.clock,
                    environment_.logger,
                    appender,
                    environment_.signer,
                    environment_.codes,
                    auth_,
                    *limits_,
                    window_,
                    cache_,
                    directory_,
                    pool_,
                    sink_,
                    feed_,
                    lanes_,
                    meters_,
                    waits_,
                    pending_,
                    commands_,
                    exports_,
                    streams_,
                    draining_,
                    partitions_,
                    environment_.random_u32,
                    environment_.user_hash,
                    history_,
                    watch_,
                    environment_.dead_letters,
                    tracing_ ? &*tracing_ : nullptr};
  served_ = std::make_unique<Served>(
      parts,
      HealthHandler(
          settings_, environment_.metrics, [this] { return observe(); }, [this] { bring_gauges_up_to_date(); }),
      [this] { return observe(); }, environment_.metrics);
  if (environment_.listen) {
    listener_ = environment_.listen([this](std::string_view payload) { streamed_.hear(payload); });
  }
  watch_log();
}

// Nobody else tells of a log that acknowledges nothing.
void Gateway::watch_log() {
  if (!limits_->admission().is_on()) return;
  ports::IoThread& io = *environment_.io_threads.front();
  io.post([this, &io, limits = std::weak_ptr<Limits>(limits_)] { watch_log_from(io, limits); });
}

void Gateway::watch_log_from(ports::IoThread& io, const std::weak_ptr<Limits>& limits) {
  constexpr std::int64_t watch_interval_ms = 20;
  const std::shared_ptr<Limits> held = limits.lock();
  // Without it this gateway is gone; once it drains, the appender may go.
  if (!held || draining_) return;
  held->admission().tick(appender_->oldest_unacknowledged().count() * 1'000, environment_.clock.monotonic_us());
  io.after(watch_interval_ms, [this, &io, limits] { watch_log_from(io, limits); });
}

std::vector<std::string> Gateway::route_names() const {
  return served_->router.names();
}

ports::HttpHandler Gateway::handler() {
  return [router = &served_->router, cors = &cors_](ports::IoThread& io, const ports::HttpRequest& request,
                                                    std::shared_ptr<ports::HttpReply> reply) {
    if (cors->is_on()) reply = cors->wrap(request, std::move(reply));
    router->handle(io, request, std::move(reply));
  };
}

ports::HttpLine Gateway::line() {
  const std::int64_t wait_ms_max = settings_.limits.admission.line_wait_ms_max;
  if (wait_ms_max == 0) return {};
  const auto threads = static_cast<std::int64_t>(lanes_.size());
  return {.may_stand = [router = &served_->router](std::string_view method,
                                                   std::string_view path) { return router->is_submit(method, path); },
          .has_room = [this, pending_max = std::max<std::int64_t>(settings_.pending_max / threads, 1)](
                          const ports::IoThread& io) { return lanes_.of(io).pending() < pending_max; },
          .wait_max = std::chrono::milliseconds(wait_ms_max)};
}

Result<void> Gateway::refresh_token_keys() {
  if (!settings_.users_by_token) return {};
  return token_keys_.refresh();
}

void Gateway::begin_drain() {
  draining_ = true;
  lanes_.release();
}

void Gateway::stop() {
  feed_.stop();
  listener_.reset();
  pool_.stop();
}

Observed Gateway::observe() const {
  Observed observed;
  observed.draining = draining_;
  observed.oldest_unacknowledged_ms = appender_ == nullptr ? 0 : appender_->oldest_unacknowledged().count();
  observed.results_ready = feed_.ready();
  observed.results_behind_ms = feed_.behind_us() / 1'000;
  observed.store_behind = store_watch_.trouble();
  if (environment_.store_trouble) observed.store_trouble = environment_.store_trouble();
  if (environment_.log_trouble) observed.log_trouble = environment_.log_trouble();
  return observed;
}

// One at a time is enough: a batch repairs all waits in it, and the next tick asks again.
void Gateway::repair(Partition partition, Offset offset) {
  if (repairing_.exchange(true)) return;
  const bool accepted = pool_.submit([this, partition, offset](ports::GatewayStore& store) {
    const auto payload = store.outcome_batch(partition, offset);
    if (payload && *payload) {
      if (const auto batch = wire::decode_result_batch(**payload)) sink_.repair(*batch);
    }
    repairing_ = false;
  });
  if (!accepted) repairing_ = false;
}

// Postgres may also be restored below a gateway that runs, so it looks again and again.
bool Gateway::look_at_store() {
  if (!looking_.exchange(true)) {
    const bool is_read_back = feed_.ready();
    const bool accepted = pool_.submit([this, is_read_back](ports::GatewayStore& store) {
      store_watch_.look(store, partitions_, is_read_back);
      looking_ = false;
    });
    if (!accepted) looking_ = false;
  }
  return store_watch_.fits();
}

void Gateway::seed(Partition partition) {
  const auto later = [this, partition] {
    constexpr std::int64_t retry_ms = 1'000;
    ports::IoThread& io = *environment_.io_threads.front();
    io.post([this, &io, partition] { io.after(retry_ms, [this, partition] { seed(partition); }); });
  };
  const bool accepted = pool_.submit([this, partition, later](ports::GatewayStore& store) {
    const auto progress = store.progress(partition);
    if (!progress) return later();
    window_.seed(partition, progress->next_offset, environment_.clock.monotonic_us());
  });
  // Given up, whoever waits for what was decided meanwhile would wait until the next result comes.
  if (!accepted) later();
}

void Gateway::tell_bounds() {
  const auto tell = [&](const char* of, std::int64_t bound) {
    environment_.metrics.gauge("openrun_bound", "How far a level may rise, by the name of its metric", {{"of", of}})
        .set(static_cast<double>(bound));
  };
  tell("pending", settings_.pending_max);
  tell("waits", settings_.waits_max);
  tell("streams", settings_.streams_max);
  tell("exports", exports_max);
  tell("store_queue", settings_.store_queue_max);
  tell("store_busy_threads", settings_.store_threads);
  tell("campaigns_cached", settings_.campaigns_cached_max);
  tell("winners_kept", settings_.winners_kept_max);
}

void Gateway::bring_gauges_up_to_date() {
  ports::Metrics& metrics = environment_.metrics;
  metrics.gauge("openrun_pending", "Requests between append and acknowledgement")
      .set(static_cast<double>(pending_.taken()));
  metrics.gauge("openrun_waits", "Requests held for their outcome").set(static_cast<double>(waits_.taken()));
  metrics.gauge("openrun_streams", "Event streams that are open").set(static_cast<double>(streams_.taken()));
  metrics.gauge("openrun_exports", "Exports of coupons that are running").set(static_cast<double>(exports_.taken()));
  metrics.gauge("openrun_store_queue", "Jobs that wait for a store thread").set(static_cast<double>(pool_.queued()));
  metrics.gauge("openrun_store_busy_threads", "Store threads that wait for Postgres")
      .set(static_cast<double>(pool_.busy()));
  if (environment_.connections) {
    metrics.gauge("openrun_http_connections", "Connections of clients that are open")
        .set(static_cast<double>(environment_.connections()));
  }
  const CampaignCache::Stock stock = cache_.stock_open(environment_.clock.now());
  metrics.gauge("openrun_campaigns_open", "Campaigns known here that issue coupons now")
      .set(static_cast<double>(stock.campaigns));
  metrics.gauge("openrun_stock_left", "Coupons that those campaigns have left").set(static_cast<double>(stock.left));
  metrics.gauge("openrun_campaigns_cached", "Campaigns known to this gateway").set(static_cast<double>(cache_.size()));
  metrics.gauge("openrun_winners_kept", "User hashes kept of campaigns that are being refused")
      .set(static_cast<double>(winners_.size()));
  metrics.gauge("openrun_produce_stall_seconds", "How long the oldest unacknowledged append has been waiting")
      .set(static_cast<double>(observe().oldest_unacknowledged_ms) / 1e3);
  metrics.gauge("openrun_admitted_share", "Of the submits, how many come in; below 1 the gateway is over its capacity")
      .set(limits_->admission().share());
  for (const ResultsFeed::PartitionLag& lag : feed_.lags()) {
    const ports::Metrics::Labels labels{{"partition", std::to_string(lag.partition.value)}};
    metrics.gauge("openrun_window_highest", "One past the newest decided offset known", labels)
        .set(static_cast<double>(window_.highest(lag.partition).value));
    metrics.gauge("openrun_window_lowest", "The oldest offset that is answered from memory", labels)
        .set(static_cast<double>(window_.lowest(lag.partition).value));
    metrics.gauge("openrun_results_lag_records", "Result records not read yet", labels)
        .set(static_cast<double>(lag.records));
    metrics
        .gauge("openrun_results_behind_seconds", "Time since the results were last known to be read to their end",
               labels)
        .set(static_cast<double>(lag.behind_us) / 1e6);
  }
}

}  // namespace openrun::gateway
