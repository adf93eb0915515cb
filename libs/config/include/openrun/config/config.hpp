// One YAML file with a section per daemon -> validated structs. Every key can be overridden from the environment:
// OPENRUN_GATEWAY__PORT=8081 sets gateway.port. An unknown key or a bad value names file, line and key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/base/result.hpp>

namespace openrun::config {

struct Kafka {
  std::string brokers = "127.0.0.1:9092";
  std::string requests_topic = "openrun.requests";
  std::string results_topic = "openrun.results";
  std::string dead_letters_topic = "openrun.dead-letters";
  std::int32_t partitions = 4;  // of a topic that `openrun topics create` makes
  std::int32_t replication_factor = 1;
  std::int32_t min_insync_replicas = 1;
  std::int64_t retention_hours = 168;
  bool production = false;         // topics check then insists on replication 3 and min.insync.replicas 2
  std::int64_t linger_us = 1'000;  // how long a producer collects
  std::int64_t delivery_timeout_ms = 5'000;
  std::int64_t queue_records_max = 200'000;
  std::int64_t queue_bytes_max = 268'435'456;
  std::int64_t session_timeout_ms = 6'000;
  std::string sasl_password_file;                 // followed when it changes; empty: none
  std::map<std::string, std::string> librdkafka;  // passed through as they are (TLS, SASL, debug)
};

struct Postgres {
  std::string url = "postgresql://openrun@127.0.0.1:5433/openrun";
  std::string password_file;  // read at each connection; empty: the password is in the URL, or none is needed
  std::int64_t connect_timeout_s = 3;
  std::int64_t statement_timeout_ms = 5'000;
};

struct Keys {
  std::string file = "keys.yaml";  // made by `openrun keys`: code key, user hash key, receipt keys
};

struct AdminToken {
  std::string name;
  std::string token;  // never printed
};

// Tokens of users, where gateway.auth_mode is jwt.
struct Jwt {
  std::string jwks_file;
  std::string issuer;    // iss must be this; empty: anything
  std::string audience;  // aud must be or hold this; empty: anything
  std::int64_t leeway_s = 30;
};

// How often somebody may ask; a rate of 0 is no limit.
struct Limits {
  std::int64_t user_per_second = 50;
  std::int64_t user_burst = 200;
  std::int64_t address_per_second = 0;
  std::int64_t address_burst = 100;
  std::int64_t campaign_per_second = 0;
  std::int64_t campaign_burst = 1'000;
  std::int64_t slots = 262'144;  // buckets that can be told apart at one time, 16 bytes each
};

// When submits are shed; a delay of 0 is never.
struct Admission {
  std::int64_t append_delay_ms_max = 500;
  std::int64_t line_wait_ms_max = 250;
};

struct Gateway {
  std::string address = "127.0.0.1";
  std::int64_t port = 8080;
  std::int64_t second_port = 0;   // serves the same; 0: none
  std::int64_t grpc_port = 9090;  // the dialects over gRPC; 0: none
  std::int64_t threads = 1;
  std::string auth_mode = "trusted";
  Jwt jwt;
  std::string trusted_proxies;  // networks, separated by commas
  std::string proxy_header = "x-forwarded-for";
  Limits limits;
  Admission admission;
  std::vector<AdminToken> admin_tokens;
  std::int64_t connections_max = 10'000;
  std::string tls_certificate_file;  // both or none
  std::string tls_key_file;
  std::string cors_origins;                 // separated by commas
  std::int64_t waits_max = 20'000;          // requests held for their outcome; above: 202 at once
  std::int64_t streams_max = 5'000;         // event streams; above: 503
  std::int64_t pending_max = 20'000;        // requests between produce and acknowledgement; above: 503
  std::int64_t window_records = 1'048'576;  // outcomes kept in memory a partition (12 bytes each)
  std::int64_t window_age_s = 600;          // how far back results are read at start
  std::int64_t store_threads = 4;           // blocking calls to Postgres
  std::int64_t store_queue_max = 4'096;
  std::int64_t clock_skew_ms_max = 1'000;
  std::int64_t campaign_refresh_ms = 1'000;
  std::int64_t ready_produce_stall_ms = 3'000;  // /readyz: no acknowledgement for that long while something is produced
  std::int64_t ready_results_lag_ms = 3'000;    // /readyz: results this far behind their topic
  std::int64_t drain_ms = 10'000;
  std::int64_t outcome_retention_hours = 168;
  std::int64_t waiting_room_users = 262'144;  // whom the waiting-room calls know without a receipt
  bool connect_open_admin = false;            // section connect
  std::int64_t connect_codes_max = 100'000;
};

struct Issuer {
  std::string instance_id;  // static group membership where not empty
  std::string metrics_address = "127.0.0.1";
  std::int64_t metrics_port = 9101;
  std::string stream_address = "127.0.0.1";
  std::int64_t stream_port = 0;
  std::string stream_host;  // numeric; empty: found out
  std::int64_t stream_listeners_max = 64;
  std::int64_t results_linger_us = 20'000;
  std::int64_t batch_max = 5'000;  // records in one transaction
  std::int64_t lock_timeout_ms = 500;
  std::int64_t clock_skew_ms_max = 1'000;  // a record's time further ahead of our clock: pause and alarm
  std::int64_t retry_ms_min = 50;
  std::int64_t retry_ms_max = 2'000;
};

struct Relay {
  std::string instance_id;
  std::string metrics_address = "127.0.0.1";
  std::int64_t metrics_port = 9102;
  std::int64_t missing_after_ms = 200;
  std::int64_t scan_interval_ms = 100;
  std::int64_t outcome_retention_hours = 168;
};

struct Reconciler {
  std::string metrics_address = "127.0.0.1";
  std::int64_t metrics_port = 9103;
  std::int64_t interval_ms = 2'000;    // between two passes over recently changed campaigns
  std::int64_t full_interval_s = 300;  // between two passes over all
  // How far back it looks, after a start, whether what was acknowledged was issued.
  std::int64_t acknowledged_lookback_s = 3'600;
};

struct Log {
  std::string level = "info";
};

// Spans; off where `endpoint` is empty.
struct Traces {
  std::string endpoint;
  double sample_ratio = 0.01;
  std::int64_t queue_max = 4'096;
};

// From the environment alone: SENTRY_DSN and SENTRY_CA_FILE.
struct Sentry {
  std::string dsn;      // valid; empty: errors are not reported. A secret: never printed or logged
  std::string ca_file;  // PEM, trusted instead of the system's authorities; empty: those
};

struct Config {
  Kafka kafka;
  Postgres postgres;
  Keys keys;
  Log log;
  Traces traces;
  Sentry sentry;
  Gateway gateway;
  Issuer issuer;
  Relay relay;
  Reconciler reconciler;
  std::string file;  // that it was read from; empty: none
};

struct Source {
  std::string file;                                // empty: defaults and environment only
  std::map<std::string, std::string> environment;  // usually the process's own
};
[[nodiscard]] std::map<std::string, std::string> process_environment();

// Error::Kind::invalid: one line a mistake, each like `issuer.batch_max is 0; choose 1 to 10000
// (config/openrun.yaml:14)`.
[[nodiscard]] Result<Config> load(const Source& source);

// YAML with every key and its value; secrets are shown as "(set)" or "(not set)". What it prints can be loaded again.
[[nodiscard]] std::string print(const Config& config);

struct KeyFile {
  std::vector<std::uint8_t> code_key;       // 32 bytes
  std::vector<std::uint8_t> user_hash_key;  // 16 bytes
  struct Receipt {
    std::uint8_t id = 0;
    std::vector<std::uint8_t> key;  // 32 bytes
  };
  std::vector<Receipt> receipt_keys;  // oldest first; the last one signs
};
[[nodiscard]] Result<KeyFile> load_keys(const std::string& file);
[[nodiscard]] std::string print_keys(const KeyFile& keys);

// The command line that all daemons share: --config FILE, --check-config, --print-config, --version, --help.
// Returns the exit code where the process is done (after printing), else fills `config`.
[[nodiscard]] std::optional<int> start(int argc, char** argv, const char* daemon, const char* version, Config& config);

}  // namespace openrun::config
