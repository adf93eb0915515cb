#include "keys_table.hpp"

#include <array>

#include <openrun/base/limits.hpp>

namespace openrun::config {
namespace {

#define OPENRUN_MEMBER(type, path)                       \
  Member {                                               \
    +[](Config& config) -> type& { return config.path; } \
  }
#define OPENRUN_TEXT(path) OPENRUN_MEMBER(std::string, path)
#define OPENRUN_INT64(path) OPENRUN_MEMBER(std::int64_t, path)
#define OPENRUN_INT32(path) OPENRUN_MEMBER(std::int32_t, path)
#define OPENRUN_FRACTION(path) OPENRUN_MEMBER(double, path)
#define OPENRUN_FLAG(path) OPENRUN_MEMBER(bool, path)

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t ten_years_hours = 87'600;
constexpr Rule anything{.may_be_empty = true};
constexpr Rule something{};
constexpr Rule port_or_any{.minimum = 0, .maximum = 65'535};

constexpr Rule rate_or_none{.minimum = 0, .maximum = 1'000'000};
constexpr Rule burst{.minimum = 1, .maximum = 1'000'000};

constexpr Rule between(std::int64_t minimum, std::int64_t maximum) {
  return {.minimum = minimum, .maximum = maximum};
}

const std::array kafka_keys{
    Key{"kafka", "brokers", OPENRUN_TEXT(kafka.brokers), something,
        "bootstrap servers: host:port, separated by commas"},
    Key{"kafka", "requests_topic", OPENRUN_TEXT(kafka.requests_topic), something, "requests, commands and replays"},
    Key{"kafka", "results_topic", OPENRUN_TEXT(kafka.results_topic), something, "the issuer's outcomes"},
    Key{"kafka", "dead_letters_topic", OPENRUN_TEXT(kafka.dead_letters_topic), something,
        "records that could not be decided"},
    Key{"kafka", "partitions", OPENRUN_INT32(kafka.partitions), between(1, 10'000),
        "of a topic that `openrun topics create` makes"},
    Key{"kafka", "replication_factor", OPENRUN_INT32(kafka.replication_factor), between(1, 100),
        "of a topic that is made"},
    Key{"kafka", "min_insync_replicas", OPENRUN_INT32(kafka.min_insync_replicas), between(1, 100),
        "replicas that must hold a request before it is accepted"},
    Key{"kafka", "retention_hours", OPENRUN_INT64(kafka.retention_hours), between(1, ten_years_hours),
        "how long the log is kept"},
    Key{"kafka",
        "production",
        OPENRUN_FLAG(kafka.production),
        {},
        "true: `openrun topics check` insists on replication 3 and min.insync.replicas 2"},
    Key{"kafka", "linger_us", OPENRUN_INT64(kafka.linger_us), between(0, 1'000'000),
        "how long a producer collects, in us"},
    Key{"kafka", "delivery_timeout_ms", OPENRUN_INT64(kafka.delivery_timeout_ms), between(100, hour_ms),
        "a request that is not acknowledged by then is answered with 503"},
    Key{"kafka", "queue_records_max", OPENRUN_INT64(kafka.queue_records_max), between(1'000, 10'000'000),
        "records that a producer holds at most"},
    Key{"kafka", "queue_bytes_max", OPENRUN_INT64(kafka.queue_bytes_max), between(1'048'576, 2'147'482'624),
        "and their bytes"},
    Key{"kafka", "session_timeout_ms", OPENRUN_INT64(kafka.session_timeout_ms), between(1'000, hour_ms),
        "a group member that is silent for that long loses its partitions"},
    Key{"kafka", "sasl_password_file", OPENRUN_TEXT(kafka.sasl_password_file), anything,
        "its first line is sasl.password; followed when it changes", Nature::path},
    Key{"kafka",
        "librdkafka",
        OPENRUN_MEMBER(PassThrough, kafka.librdkafka),
        {},
        "handed to librdkafka as they are (TLS, SASL, debug)"},
};

const std::array postgres_keys{
    Key{"postgres", "url", OPENRUN_TEXT(postgres.url), something, "libpq connection string", Nature::url_with_secret},
    Key{"postgres", "password_file", OPENRUN_TEXT(postgres.password_file), anything,
        "its first line is the password; read at each new connection", Nature::path},
    Key{"postgres", "connect_timeout_s", OPENRUN_INT64(postgres.connect_timeout_s), between(1, 600), "in seconds"},
    Key{"postgres", "statement_timeout_ms", OPENRUN_INT64(postgres.statement_timeout_ms), between(10, hour_ms),
        "a statement that takes longer is cancelled"},
};

const std::array common_keys{
    Key{"keys", "file", OPENRUN_TEXT(keys.file), something,
        "made by `openrun keys`; a relative path starts at this file's folder", Nature::path},
    Key{"log",
        "level",
        OPENRUN_TEXT(log.level),
        {.choices = "debug|info|warning|error"},
        "debug, info, warning or error"},
    Key{"traces", "endpoint", OPENRUN_TEXT(traces.endpoint), anything,
        "spans go to /v1/traces of this receiver of OTLP/HTTP, as http://127.0.0.1:4318; empty: nowhere"},
    Key{"traces", "sample_ratio", OPENRUN_FRACTION(traces.sample_ratio), between(0, 1),
        "of the requests whose caller names no trace, how many get one; a caller's own flag is honoured"},
    Key{"traces", "queue_max", OPENRUN_INT64(traces.queue_max), between(1, 1'000'000),
        "spans that wait for the receiver; above: dropped"},
    Key{"auth",
        "mode",
        OPENRUN_TEXT(gateway.auth_mode),
        {.choices = "trusted|jwt"},
        "trusted: the operator's own front has authenticated the users; jwt: they send bearer tokens"},
    Key{"auth", "jwt.jwks_file", OPENRUN_TEXT(gateway.jwt.jwks_file), anything,
        "mode jwt: the keys that verify tokens, as a JWK set; followed when it changes", Nature::path},
    Key{"auth", "jwt.issuer", OPENRUN_TEXT(gateway.jwt.issuer), anything,
        "iss of a token must be this; empty: anything"},
    Key{"auth", "jwt.audience", OPENRUN_TEXT(gateway.jwt.audience), anything,
        "aud of a token must be this, or hold it; empty: anything"},
    Key{"auth", "jwt.leeway_s", OPENRUN_INT64(gateway.jwt.leeway_s), between(0, 600),
        "how far the issuer's clock may differ, in seconds"},
};

const std::array gateway_keys{
    Key{"gateway", "address", OPENRUN_TEXT(gateway.address), something, "address to listen on"},
    Key{"gateway", "port", OPENRUN_INT64(gateway.port), port_or_any, "0: any free one"},
    Key{"gateway", "second_port", OPENRUN_INT64(gateway.second_port), port_or_any,
        "serves the same, for scripts that insist on a port; 0: there is none"},
    Key{"gateway", "grpc_port", OPENRUN_INT64(gateway.grpc_port), port_or_any,
        "the dialects over gRPC; 0: there is none"},
    Key{"gateway", "threads", OPENRUN_INT64(gateway.threads), between(1, 256), "I/O threads"},
    Key{"gateway",
        "admin_tokens",
        OPENRUN_MEMBER(std::vector<AdminToken>, gateway.admin_tokens),
        {},
        "bearer tokens of admin calls: {name, token} or {name, token_file}; without one there are no admin calls"},
    Key{"gateway", "connections_max", OPENRUN_INT64(gateway.connections_max), between(1, 1'000'000),
        "open connections; above: 503"},
    Key{"gateway", "tls.certificate_file", OPENRUN_TEXT(gateway.tls_certificate_file), anything,
        "PEM, the gateway's own first: HTTPS instead of HTTP; a new pair is taken within seconds", Nature::path},
    Key{"gateway", "tls.key_file", OPENRUN_TEXT(gateway.tls_key_file), anything, "its key, PEM, not encrypted",
        Nature::path},
    Key{"gateway", "cors.origins", OPENRUN_TEXT(gateway.cors_origins), anything,
        "pages of these origins may call, as https://shop.example, separated by commas; *: all; empty: none"},
    Key{"gateway", "trusted_proxies", OPENRUN_TEXT(gateway.trusted_proxies), anything,
        "networks of our own proxies, as 10.0.0.0/8,::1: behind them the client's address is read from their header"},
    Key{"gateway",
        "proxy_header",
        OPENRUN_TEXT(gateway.proxy_header),
        {.choices = "x-forwarded-for|forwarded"},
        "which header they write: x-forwarded-for or forwarded (RFC 7239)"},
    Key{"gateway", "limits.user_per_second", OPENRUN_INT64(gateway.limits.user_per_second), rate_or_none,
        "submits of a user, and polls of a receipt; above: 429; 0: no limit"},
    Key{"gateway", "limits.user_burst", OPENRUN_INT64(gateway.limits.user_burst), burst, "how many may come at once"},
    Key{"gateway", "limits.address_per_second", OPENRUN_INT64(gateway.limits.address_per_second), rate_or_none,
        "submits of a client address, and as many other calls; 0: no limit"},
    Key{"gateway", "limits.address_burst", OPENRUN_INT64(gateway.limits.address_burst), burst, "and at once"},
    Key{"gateway", "limits.campaign_per_second", OPENRUN_INT64(gateway.limits.campaign_per_second), rate_or_none,
        "submits to a campaign through this gateway; 0: no limit"},
    Key{"gateway", "limits.campaign_burst", OPENRUN_INT64(gateway.limits.campaign_burst), burst, "and at once"},
    Key{"gateway", "limits.slots", OPENRUN_INT64(gateway.limits.slots), between(1'024, 67'108'864),
        "users, receipts and addresses that are told apart at one time (16 bytes each)"},
    Key{"gateway", "admission.append_delay_ms_max", OPENRUN_INT64(gateway.admission.append_delay_ms_max),
        between(0, 60'000),
        "while the log takes longer for every submit, a part of them is answered with 503; 0: none"},
    Key{"gateway", "admission.line_wait_ms_max", OPENRUN_INT64(gateway.admission.line_wait_ms_max), between(0, 5'000),
        "more submits than can be done stand in line; who stood in it for longer may be answered with 503; 0: no line"},
    Key{"gateway", "waits_max", OPENRUN_INT64(gateway.waits_max), between(0, 1'000'000),
        "requests held for their outcome; above: 202 at once"},
    Key{"gateway", "streams_max", OPENRUN_INT64(gateway.streams_max), between(0, 1'000'000),
        "open event streams; above: 503"},
    Key{"gateway", "pending_max", OPENRUN_INT64(gateway.pending_max), between(1, 1'000'000),
        "requests between produce and acknowledgement; above: 503"},
    Key{"gateway", "window_records", OPENRUN_INT64(gateway.window_records), between(1'024, 1'073'741'824),
        "outcomes kept in memory a partition (12 bytes each)"},
    Key{"gateway", "window_age_s", OPENRUN_INT64(gateway.window_age_s), between(1, 604'800),
        "how far back results are read at start, in seconds"},
    Key{"gateway", "store_threads", OPENRUN_INT64(gateway.store_threads), between(1, 256),
        "blocking calls to Postgres"},
    Key{"gateway", "store_queue_max", OPENRUN_INT64(gateway.store_queue_max), between(1, 1'000'000),
        "calls that wait for one of those threads; above: 503"},
    Key{"gateway", "clock_skew_ms_max", OPENRUN_INT64(gateway.clock_skew_ms_max), between(0, 60'000),
        "within it of a start or an end the log decides"},
    Key{"gateway", "campaign_refresh_ms", OPENRUN_INT64(gateway.campaign_refresh_ms), between(10, hour_ms),
        "how often a campaign that is refused at the door is read again"},
    Key{"gateway", "ready_produce_stall_ms", OPENRUN_INT64(gateway.ready_produce_stall_ms), between(100, hour_ms),
        "/readyz: no acknowledgement for that long while something is produced"},
    Key{"gateway", "ready_results_lag_ms", OPENRUN_INT64(gateway.ready_results_lag_ms), between(100, hour_ms),
        "/readyz: results this far behind their topic"},
    Key{"gateway", "drain_ms", OPENRUN_INT64(gateway.drain_ms), between(0, hour_ms),
        "how long SIGTERM waits for answers"},
    Key{"gateway", "outcome_retention_hours", OPENRUN_INT64(gateway.outcome_retention_hours),
        between(1, ten_years_hours), "an older receipt is answered with 410"},
    Key{"gateway", "waiting_room_users", OPENRUN_INT64(gateway.waiting_room_users), between(4, 16'777'216),
        "users that the waiting-room calls know without cookie or receipt (32 bytes each)"},
};

const std::array connect_keys{
    Key{"connect",
        "open_admin",
        OPENRUN_FLAG(gateway.connect_open_admin),
        {},
        "true: the dialects create campaigns and list codes for anybody; for development only"},
    Key{"connect", "codes_max", OPENRUN_INT64(gateway.connect_codes_max), between(0, 1'000'000),
        "codes that the dialects list of a campaign"},
};

const std::array issuer_keys{
    Key{"issuer", "instance_id", OPENRUN_TEXT(issuer.instance_id), anything, "static group membership where not empty"},
    Key{"issuer", "metrics_address", OPENRUN_TEXT(issuer.metrics_address), something, "/metrics, /livez and /readyz"},
    Key{"issuer", "metrics_port", OPENRUN_INT64(issuer.metrics_port), port_or_any, "0: any free one"},
    Key{"issuer", "stream_address", OPENRUN_TEXT(issuer.stream_address), something,
        "numeric; gateways connect here to hear outcomes as soon as they are decided"},
    Key{"issuer", "stream_port", OPENRUN_INT64(issuer.stream_port), port_or_any, "0: any free one"},
    Key{"issuer", "stream_host", OPENRUN_TEXT(issuer.stream_host), anything,
        "numeric; where they find it; empty: at stream_address, or at the address of this host's name if that is "
        "0.0.0.0"},
    Key{"issuer", "stream_listeners_max", OPENRUN_INT64(issuer.stream_listeners_max), between(0, 1'000),
        "gateways that hear them; the others read them in Kafka; 0: all do"},
    Key{"issuer", "results_linger_us", OPENRUN_INT64(issuer.results_linger_us), between(0, 100'000),
        "how long outcomes are collected for Kafka where gateways can hear them, in us"},
    Key{"issuer", "batch_max", OPENRUN_INT64(issuer.batch_max),
        between(1, static_cast<std::int64_t>(limits::batch_records_max)), "records in one transaction"},
    Key{"issuer", "lock_timeout_ms", OPENRUN_INT64(issuer.lock_timeout_ms), between(10, hour_ms),
        "for a row in Postgres"},
    Key{"issuer", "clock_skew_ms_max", OPENRUN_INT64(issuer.clock_skew_ms_max), between(0, 60'000),
        "a record whose time is further ahead of our clock: pause and alarm"},
    Key{"issuer", "retry_ms_min", OPENRUN_INT64(issuer.retry_ms_min), between(1, hour_ms),
        "the first wait after a failure"},
    Key{"issuer", "retry_ms_max", OPENRUN_INT64(issuer.retry_ms_max), between(1, hour_ms), "the longest one"},
};

const std::array relay_keys{
    Key{"relay", "instance_id", OPENRUN_TEXT(relay.instance_id), anything, "static group membership where not empty"},
    Key{"relay", "metrics_address", OPENRUN_TEXT(relay.metrics_address), something, "/metrics, /livez and /readyz"},
    Key{"relay", "metrics_port", OPENRUN_INT64(relay.metrics_port), port_or_any, "0: any free one"},
    Key{"relay", "missing_after_ms", OPENRUN_INT64(relay.missing_after_ms), between(1, hour_ms),
        "an outbox row that is not in the results topic by then is published again"},
    Key{"relay", "scan_interval_ms", OPENRUN_INT64(relay.scan_interval_ms), between(1, hour_ms), "between two looks"},
    Key{"relay", "outcome_retention_hours", OPENRUN_INT64(relay.outcome_retention_hours), between(1, ten_years_hours),
        "published outcomes older than that are deleted"},
};

const std::array reconciler_keys{
    Key{"reconciler", "metrics_address", OPENRUN_TEXT(reconciler.metrics_address), something,
        "/metrics, /livez and /readyz"},
    Key{"reconciler", "metrics_port", OPENRUN_INT64(reconciler.metrics_port), port_or_any, "0: any free one"},
    Key{"reconciler", "interval_ms", OPENRUN_INT64(reconciler.interval_ms), between(10, hour_ms),
        "between two passes over recently changed campaigns"},
    Key{"reconciler", "full_interval_s", OPENRUN_INT64(reconciler.full_interval_s), between(1, 604'800),
        "between two passes over all campaigns, in seconds"},
    Key{"reconciler", "acknowledged_lookback_s", OPENRUN_INT64(reconciler.acknowledged_lookback_s), between(1, 604'800),
        "after a start, how far back it checks that what was acknowledged was issued, in seconds"},
};

#undef OPENRUN_FLAG
#undef OPENRUN_FRACTION
#undef OPENRUN_INT32
#undef OPENRUN_INT64
#undef OPENRUN_TEXT
#undef OPENRUN_MEMBER

std::vector<Key> joined() {
  std::vector<Key> keys;
  const auto add = [&](const auto& part) { keys.insert(keys.end(), part.begin(), part.end()); };
  add(kafka_keys), add(postgres_keys), add(common_keys), add(gateway_keys), add(connect_keys);
  add(issuer_keys), add(relay_keys);
  add(reconciler_keys);
  return keys;
}

}  // namespace

std::span<const Key> all_keys() {
  static const std::vector<Key> keys = joined();
  return keys;
}

}  // namespace openrun::config
