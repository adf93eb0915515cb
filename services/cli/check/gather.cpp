#include "cli/check/gather.hpp"

#include <algorithm>
#include <utility>

#include <openrun/crypto/coupon_code.hpp>
#include <openrun/kafka/inspection.hpp>
#include <openrun/postgres/inspection.hpp>
#include <openrun/postgres/operations_store.hpp>
#include <openrun/runtime/runtime.hpp>

#include "cli/gateway_call.hpp"

namespace openrun::cli::check {
namespace {

// What somebody else's clock said, asked between two moments of ours.
class ClockQuestion {
 public:
  [[nodiscard]] ClockReading read(Timestamp theirs) const {
    const std::int64_t took_ms = (clock_.monotonic_us() - began_us_) / 1'000;
    return {theirs - (began_ + took_ms / 2), took_ms / 2 + 1};
  }

 private:
  runtime::SystemClock clock_;
  Timestamp began_ = clock_.now();
  std::int64_t began_us_ = clock_.monotonic_us();
};

// ---- Postgres: before the log is looked at, and after it ----

class StoreQuestions {
 public:
  StoreQuestions(postgres::Options options, std::string fingerprint)
      : options_(std::move(options)), fingerprint_(std::move(fingerprint)) {
    options_.statement_timeout = statement_timeout;
    options_.application = "openrun-check";
    watched_ = postgres::make_operations_store(options_, quiet_logger());
  }

  [[nodiscard]] Result<StoreFacts> begin() {
    auto server = postgres::inspect_server(options_, quiet_logger());
    if (!server) return std::unexpected(std::move(server.error()));
    StoreFacts facts;
    facts.server = std::move(*server);
    facts.schema = postgres::inspect_schema(options_, fingerprint_);
    facts.before = watched_->watch();
    return facts;
  }

  void end(StoreFacts& facts, const std::vector<CampaignId>& campaigns) {
    const ClockQuestion clock;
    facts.after = watched_->watch();
    if (!facts.after) {
      const std::unexpected<Error> unknown(facts.after.error());
      facts.checkpoints = unknown;
      facts.dispatch = unknown;
      facts.campaigns = unknown;
      return;
    }
    facts.clock = clock.read(facts.after->now);
    const auto store = postgres::make_gateway_store(options_, quiet_logger());
    facts.checkpoints = store->checkpoints();
    facts.dispatch = store->dispatch();
    facts.campaigns = store->campaigns_named(campaigns);
  }

 private:
  postgres::Options options_;
  std::string fingerprint_;
  std::unique_ptr<ports::OperationsStore> watched_;
};

// ---- Kafka ----

Result<LogFacts> ask_log(const Context& context, const config::Kafka& config) {
  const kafka::Options options = context.kafka();
  auto state = kafka::inspect_log(
      options, {{ports::issuers_group, ports::Topic::requests}, {ports::relays_group, ports::Topic::results}},
      log_timeout);
  if (!state) return fail(state.error().kind, config.brokers + ": " + state.error().message);
  LogFacts facts;
  facts.state = std::move(*state);
  facts.settings = kafka::check_topics(options, topic_settings(config), log_timeout);
  return facts;
}

// ---- the gateways ----

// openrun_build_info{daemon="gateway",version="0.1.0"} 1
std::string version_in(std::string_view metrics) {
  const std::size_t line = metrics.find("openrun_build_info{");
  if (line == std::string_view::npos) return {};
  constexpr std::string_view key = "version=\"";
  const std::size_t begin = metrics.find(key, line);
  const std::size_t end = begin == std::string_view::npos ? begin : metrics.find('"', begin + key.size());
  if (end == std::string_view::npos || end > metrics.find('\n', line)) return {};
  return std::string(metrics.substr(begin + key.size(), end - begin - key.size()));
}

Result<ClockReading> ask_clock(const Context& context) {
  const ClockQuestion clock;
  // No second is that late: it tells its own time and nothing else.
  const auto answer = call_within(context, {.path = "/v1/operations/history?after=4294967295"}, call_timeout);
  if (!answer) return std::unexpected(answer.error());
  const auto time = wire::parse_time(text_of(answer->json, "server_time"));
  if (answer->status == 200 && time) return clock.read(Timestamp{*time});
  return fail(Error::Kind::invalid,
              "it answers " + std::to_string(answer->status) + "; an admin's token must be in OPENRUN_ADMIN_TOKEN");
}

Result<GatewayFacts> ask_gateway(const Context& context, const std::vector<CampaignId>& campaigns) {
  const auto ask = [&](const std::string& path) { return call_within(context, {.path = path}, call_timeout); };
  const auto live = ask("/livez");
  if (!live) return std::unexpected(live.error());
  const auto ready = ask("/readyz");
  if (!ready) return std::unexpected(ready.error());
  GatewayFacts facts;
  facts.live_status = live->status;
  facts.ready_status = ready->status;
  for (const wire::JsonValue& one : items_of(ready->json, "reasons"))
    if (const auto* text = one.get<std::string>()) facts.reasons.push_back(*text);
  for (const char* name : {"store", "log"})
    if (member(ready->json, name) != nullptr) facts.trouble.push_back(text_of(ready->json, name));
  if (const auto metrics = ask("/metrics")) facts.version = version_in(metrics->body);
  facts.clock = ask_clock(context);
  for (const CampaignId id : campaigns) {
    const auto campaign = ask("/v1/campaigns/" + std::to_string(id.value));
    facts.campaigns[id] = campaign ? campaign->status : 0;
  }
  return facts;
}

}  // namespace

Facts gather(const Context& context, Asked asked) {
  const config::Config config = context.config();
  asked.version = context.version;
  asked.clock_skew_ms_max = std::min(config.gateway.clock_skew_ms_max, config.issuer.clock_skew_ms_max);
  asked.reconciler_full_interval_ms = config.reconciler.full_interval_s * 1'000;
  Facts facts;
  StoreQuestions store(context.postgres(), crypto::CouponCodes(context.keys().code_key).fingerprint());
  facts.store = store.begin();
  facts.log = ask_log(context, config.kafka);
  for (const std::string& url : asked.gateways) {
    Context one = context;
    one.url = url;
    facts.gateways.push_back({url, ask_gateway(one, asked.campaigns)});
  }
  if (facts.store) store.end(*facts.store, asked.campaigns);
  // After the log's times were read: while a part keeps us waiting they go on.
  facts.now = runtime::SystemClock{}.now();
  facts.asked = std::move(asked);
  return facts;
}

}  // namespace openrun::cli::check
