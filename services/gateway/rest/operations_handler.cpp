#include "gateway/rest/operations_handler.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/operations/part_health.hpp"
#include "gateway/rest/http_text.hpp"
#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr std::int64_t latency_window_s = 60;
constexpr std::int64_t rate_window_s = 10;

void write_time(wire::JsonWriter& json, std::string_view name, const std::optional<Timestamp>& time) {
  json.key(name);
  time ? json.string(wire::format_time(time->value)) : json.null();
}

void write_number(wire::JsonWriter& json, std::string_view name, const std::optional<std::int64_t>& number) {
  json.key(name);
  number ? json.number(*number) : json.null();
}

void write_ms(wire::JsonWriter& json, const std::optional<double>& ms) {
  ms ? json.number(*ms) : json.null();
}

void write_latency(wire::JsonWriter& json, std::string_view name, const LatencyCounts& counts) {
  constexpr std::array<std::pair<const char*, double>, 4> shares{
      {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"p999_ms", 0.999}}};
  json.key(name).begin_object().key("window_s").number(latency_window_s).key("count").number(counts.count());
  for (const auto& [key, share] : shares) write_ms(json.key(key), counts.percentile_ms(share));
  json.end_object();
}

double per_second(std::uint32_t count) {
  return static_cast<double>(count) / static_cast<double>(rate_window_s);
}

void write_gateway(wire::JsonWriter& json, Parts& parts, const Observed& observed) {
  const HistorySecond lately = parts.history.last(rate_window_s);
  const std::vector<std::string> reasons = not_ready_reasons(observed, parts.settings);
  json.key("gateway").begin_object();
  write_time(json, "since", parts.history.since());
  json.key("ready").boolean(reasons.empty()).key("reasons").begin_array();
  for (const std::string& reason : reasons) json.string(reason);
  json.end_array();
  json.key("accepted").number(parts.meters.accepted.count());
  json.key("accepted_per_second").number(per_second(lately.accepted));
  json.key("gate_refused").number(parts.meters.gate_refusals());
  json.key("gate_refused_per_second").number(per_second(lately.gate_refused));
  json.key("pending").number(parts.pending.taken()).key("waits").number(parts.waits.taken());
  json.key("streams").number(parts.streams.taken()).key("exports").number(parts.exports.taken());
  json.key("store_queue").number(parts.pool.queued()).key("campaigns_cached").number(parts.cache.size());
  json.key("admitted_share").number(parts.limits.admission().share());
  json.key("results_behind_ms").number(observed.results_behind_ms);
  write_latency(json, "acknowledged", parts.history.last(latency_window_s).acknowledged);
  json.end_object();
}

void write_outcomes(wire::JsonWriter& json, LiveHistory& history) {
  const OutcomeCounts totals = history.totals();
  const HistorySecond lately = history.last(rate_window_s);
  json.key("outcomes").begin_object();
  write_time(json, "since", history.since());
  json.key("total").begin_object();
  for (const issuance::Outcome outcome : issuance::all_outcomes) {
    if (issuance::is_command(outcome)) continue;
    const std::string name = outcome == issuance::Outcome::issued_before ? "ISSUED_BEFORE" : to_string(outcome);
    json.key(name).number(totals[static_cast<std::size_t>(outcome)]);
  }
  json.end_object().key("per_second").begin_object();
  json.key("issued").number(per_second(lately.issued)).key("refused").number(per_second(lately.refused));
  json.key("dead_lettered").number(per_second(lately.dead_lettered)).key("other").number(per_second(lately.other));
  json.end_object().end_object();
  write_latency(json, "decided", history.last(latency_window_s).decided);
}

void write_partition(wire::JsonWriter& json, const ports::WatchedStore& store, const QueueState& queue) {
  const ports::WatchedPartition& stored = queue.stored;
  const ports::WatchedConnections* writer = writer_of(store, stored);
  json.begin_object().key("partition").number(stored.partition.value).key("epoch").number(stored.epoch.value);
  json.key("next_offset").number(stored.next_offset.value);
  write_number(json, "log_end", queue.log_end ? std::optional(queue.log_end->value) : std::nullopt);
  write_number(json, "queue_length", queue.length());
  write_number(json, "oldest_ms", queue.oldest_ms);
  write_number(json, "committed_ms_ago", committed_ms_ago(store, stored));
  json.key("issuer");
  if (writer == nullptr) {
    json.null();
  } else {
    json.begin_object().key("address").string(writer->address);
    write_time(json, "since", writer->since);
    json.end_object();
  }
  json.key("published_through").number(stored.published_through.value);
  json.key("outbox_backlog").number(stored.outbox_backlog);
  write_number(json, "outbox_oldest_ms",
               stored.unpublished_since
                   ? std::optional(std::max<std::int64_t>(0, store.now.value - stored.unpublished_since->value))
                   : std::nullopt);
  json.key("dead_letters_open").number(stored.open_dead_letters).end_object();
}

std::string_view verdict_of(const ports::AuditResult& audit) {
  if (audit.found > 0) return "wrong";
  return audit.not_checked > 0 ? "incomplete" : "clean";
}

void write_audit(wire::JsonWriter& json, const ports::AuditResult& audit, Timestamp store_now) {
  json.begin_object().key("verdict").string(verdict_of(audit)).key("by").string(audit.done_by);
  write_time(json, "ended_at", audit.ended_at);
  json.key("ms_ago").number(std::max<std::int64_t>(0, store_now.value - audit.ended_at.value));
  json.key("took_ms").number(audit.took_ms).key("partitions").number(audit.partitions);
  json.key("campaigns").number(audit.campaigns).key("coupons").number(audit.coupons);
  json.key("found").number(audit.found).key("not_checked").number(audit.not_checked).key("findings").begin_array();
  for (const ports::AuditFinding& one : audit.findings)
    json.begin_object().key("invariant").string(one.invariant).key("text").string(one.text).end_object();
  json.end_array().end_object();
}

void write_audits(wire::JsonWriter& json, const std::optional<SystemState>& state) {
  json.key("audits");
  if (!state || !state->store) {
    json.null();
    return;
  }
  json.begin_object();
  for (const ports::AuditKind kind : ports::all_audit_kinds) {
    json.key(to_string(kind));
    const auto found = std::ranges::find(state->store->audits, kind, &ports::AuditResult::kind);
    found == state->store->audits.end() ? static_cast<void>(json.null()) : write_audit(json, *found, state->store->now);
  }
  json.end_object();
}

ports::HttpResponse render_now(Parts& parts, const std::optional<SystemState>& state, const Observed& observed) {
  ports::HttpResponse response = private_response(json_response(200, {}));
  wire::JsonWriter json(response.body);
  json.begin_object();
  write_time(json, "server_time", parts.clock.now());
  write_time(json, "looked_at", state ? std::optional(state->looked_at) : std::nullopt);
  json.key("parts").begin_array();
  for (const PartHealth& part : health_of_parts(state, observed, parts.settings)) {
    json.begin_object().key("name").string(part.name).key("state").string(to_string(part.state));
    json.key("detail").string(part.detail).end_object();
  }
  json.end_array();
  write_gateway(json, parts, observed);
  write_outcomes(json, parts.history);
  json.key("partitions").begin_array();
  if (state && state->store) {
    for (const QueueState& queue : state->queues) write_partition(json, *state->store, queue);
  }
  json.end_array();
  write_audits(json, state);
  json.end_object();
  return response;
}

template <class Read>
void write_column(wire::JsonWriter& json, std::string_view name, const std::vector<HistorySecond>& seconds, Read read) {
  json.key(name).begin_array();
  for (const HistorySecond& one : seconds) read(one);
  json.end_array();
}

ports::HttpResponse render_history(LiveHistory& history, std::int64_t after, Timestamp now) {
  const std::vector<HistorySecond> seconds = history.seconds(after);
  ports::HttpResponse response = private_response(json_response(200, {}));
  wire::JsonWriter json(response.body);
  json.begin_object();
  write_time(json, "server_time", now);
  const auto counts = [&](std::string_view name, std::uint32_t HistorySecond::* member) {
    write_column(json, name, seconds, [&](const HistorySecond& one) { json.number(one.*member); });
  };
  const auto percentiles = [&](std::string_view name, LatencyCounts HistorySecond::* member, double share) {
    write_column(json, name, seconds,
                 [&](const HistorySecond& one) { write_ms(json, (one.*member).percentile_ms(share)); });
  };
  write_column(json, "second", seconds, [&](const HistorySecond& one) { json.number(one.second); });
  counts("issued", &HistorySecond::issued);
  counts("refused", &HistorySecond::refused);
  counts("dead_lettered", &HistorySecond::dead_lettered);
  counts("accepted", &HistorySecond::accepted);
  counts("gate_refused", &HistorySecond::gate_refused);
  percentiles("decided_p50_ms", &HistorySecond::decided, 0.5);
  percentiles("decided_p99_ms", &HistorySecond::decided, 0.99);
  percentiles("acknowledged_p50_ms", &HistorySecond::acknowledged, 0.5);
  percentiles("acknowledged_p99_ms", &HistorySecond::acknowledged, 0.99);
  json.end_object();
  return response;
}

}  // namespace

void OperationsHandler::now(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  const auto reply = call.reply;
  const bool accepted = parts_.pool.submit([this, &io = call.io, reply](ports::GatewayStore&) {
    io.post([this, reply, state = parts_.watch.look()] { reply->send(render_now(parts_, state, observe_())); });
  });
  // Whoever looks for the reason of the crowd is told what this gateway knows by itself.
  if (!accepted) reply->send(render_now(parts_, std::nullopt, observe_()));
}

void OperationsHandler::history(Call& call) {
  if (auto admin = parts_.auth.admin(call.request); !admin) return call.reply->send(std::move(admin.error()));
  std::int64_t after = 0;
  if (const auto text = query_parameter(call.request.query, "after")) {
    const auto number = parse_number(*text, std::numeric_limits<std::uint32_t>::max());
    if (!number)
      return call.reply->send(invalid_request("The query has faults.", {{"after", "must be a second since 1970"}}));
    after = static_cast<std::int64_t>(*number);
  }
  call.reply->send(render_history(parts_.history, after, parts_.clock.now()));
}

}  // namespace openrun::gateway
