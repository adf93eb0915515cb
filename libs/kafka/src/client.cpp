#include "client.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <openrun/base/secret_file.hpp>

namespace openrun::kafka {
namespace {

constexpr std::size_t error_text_bytes_max = 512;
constexpr int syslog_error = 3;

ports::LogLevel to_log_level(int syslog_level) {
  if (syslog_level <= syslog_error) return ports::LogLevel::error;
  if (syslog_level == 4) return ports::LogLevel::warning;
  if (syslog_level <= 6) return ports::LogLevel::info;
  return ports::LogLevel::debug;
}

struct ConfDeleter {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, ConfDeleter>;

Result<void> set(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  std::array<char, error_text_bytes_max> text{};
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), text.data(), text.size()) != RD_KAFKA_CONF_OK)
    return fail(Error::Kind::invalid, "librdkafka refuses the setting " + key + ": " + text.data());
  return {};
}

// What every handle has: quick to notice that a broker has gone, quick to come back to it.
const std::vector<std::pair<std::string, std::string>>& common_tuning() {
  static const std::vector<std::pair<std::string, std::string>> tuning = {
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      {"socket.timeout.ms", "10000"},
      {"socket.connection.setup.timeout.ms", "3000"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"topic.metadata.refresh.fast.interval.ms", "100"},
      // Partitions that an operator adds are seen within this time.
      {"topic.metadata.refresh.interval.ms", "30000"},
      // For Refusals; on_log() keeps these lines out of the log.
      {"log.connection.close", "true"},
  };
  return tuning;
}

Result<void> apply(rd_kafka_conf_t* conf, const Options& options, const ClientSettings& settings,
                   const std::string& password) {
  const auto all = [conf](const auto& pairs) -> Result<void> {
    for (const auto& [key, value] : pairs)
      if (auto done = set(conf, key, value); !done) return done;
    return {};
  };
  if (auto done = all(common_tuning()); !done) return done;
  if (auto done = all(settings.tuning); !done) return done;
  for (const auto& [key, value] : options.extra) {
    const bool promised = std::ranges::any_of(settings.guarantees, [&](const auto& pair) { return pair.first == key; });
    if (promised || key == "bootstrap.servers" || key == "client.id")
      return fail(Error::Kind::invalid,
                  "kafka.librdkafka." + key + " is set by openrun itself and cannot be changed; remove it");
    if (auto done = set(conf, key, value); !done) return done;
  }
  if (auto done = all(settings.guarantees); !done) return done;
  if (!password.empty())
    if (auto done = set(conf, "sasl.password", password); !done) return done;
  if (auto done = set(conf, "bootstrap.servers", options.brokers); !done) return done;
  if (!options.client_id.empty()) return set(conf, "client.id", options.client_id);
  return {};
}

}  // namespace

// librdkafka's callbacks, with the Client as their opaque.
struct Trampoline {
  static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
    const auto* client = static_cast<const Client*>(rd_kafka_opaque(handle));
    if (client == nullptr) return;
    // A broker that closes idle connections is nothing to tell of; one that closes them at once is.
    const bool is_close = level > syslog_error && std::string_view(facility) == "FAIL";
    if (level <= syslog_error || is_close) client->refusals_->heard(text);
    if (client->logger_ == nullptr) return;
    client->logger_->log(is_close ? ports::LogLevel::debug : to_log_level(level), "librdkafka says",
                         {{"facility", std::string(facility)}, {"text", std::string(text)}});
  }
  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
    static_cast<Client*>(opaque)->settings_.on_error(static_cast<rd_kafka_resp_err_t>(code), reason);
  }
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list, void* opaque) {
    static_cast<Client*>(opaque)->settings_.on_rebalance(code, list);
  }
};

Result<std::shared_ptr<Client>> Client::make(const Options& options, ClientSettings settings, ports::Logger* logger) {
  std::shared_ptr<Client> client(new Client);
  client->settings_ = std::move(settings);
  client->logger_ = logger;

  client->refusals_ = std::make_unique<Refusals>(options.health);
  std::string password;
  if (!options.password_file.empty()) {
    auto read = read_secret(options.password_file);
    if (!read) return fail(Error::Kind::unavailable, "kafka.sasl_password_file names " + read.error().message);
    password = *read;
    const auto user = options.extra.find("sasl.username");
    if (user != options.extra.end()) client->user_ = user->second;
    client->password_ = std::make_unique<FollowedPassword>(options.password_file, std::move(*read));
  }

  ConfPtr conf(rd_kafka_conf_new());
  if (auto done = apply(conf.get(), options, client->settings_, password); !done) return std::unexpected(done.error());
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), &Trampoline::on_log);
  if (client->settings_.events != 0) rd_kafka_conf_set_events(conf.get(), client->settings_.events);
  if (client->settings_.on_error) rd_kafka_conf_set_error_cb(conf.get(), &Trampoline::on_error);
  if (client->settings_.on_rebalance) rd_kafka_conf_set_rebalance_cb(conf.get(), &Trampoline::on_rebalance);

  std::array<char, error_text_bytes_max> text{};
  client->handle_ = rd_kafka_new(client->settings_.type, conf.get(), text.data(), text.size());
  if (client->handle_ == nullptr)
    return fail(Error::Kind::invalid, std::string("librdkafka cannot start with these settings: ") + text.data());
  conf.release();  // the handle owns it now
  return client;
}

Client::~Client() {
  if (handle_ != nullptr) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void Client::follow_password() const {
  if (!password_) return;
  const auto password = password_->changed(FollowedPassword::Clock::now());
  if (!password) return;
  rd_kafka_error_t* refused = rd_kafka_sasl_set_credentials(handle_, user_.c_str(), password->c_str());
  if (refused == nullptr) {
    if (logger_ != nullptr) logger_->info("the password of kafka.sasl_password_file has changed");
    return;
  }
  if (logger_ != nullptr) {
    logger_->error("librdkafka does not take the new password of kafka.sasl_password_file",
                   {{"error", std::string(rd_kafka_error_string(refused))}});
  }
  rd_kafka_error_destroy(refused);
}

// In parts, because whoever is not let in would wait in vain until the end.
rd_kafka_resp_err_t Client::ask(rd_kafka_topic_t* topic, const rd_kafka_metadata_t*& raw,
                                std::chrono::milliseconds timeout) const {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + timeout;
  const auto part = std::max<std::chrono::milliseconds>(std::chrono::seconds(1), timeout / 10);
  for (;;) {
    const auto begun = steady_clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - begun);
    const auto code = rd_kafka_metadata(handle_, 0, topic, &raw, timeout_ms(std::min(left, part)));
    const auto now = steady_clock::now();
    // What comes before its time is an answer.
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || now >= deadline || now - begun < part || refusals_->stands()) return code;
  }
}

Result<MetadataPtr> Client::metadata(const std::string& topic, std::chrono::milliseconds timeout) const {
  follow_password();
  const TopicPtr handle(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  if (!handle) return std::unexpected(to_error(rd_kafka_last_error(), "naming the topic " + topic));
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code = ask(handle.get(), raw, timeout);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(explained(to_error(code, "asking Kafka about " + topic)));
  served();
  MetadataPtr metadata(raw);
  if (metadata->topic_cnt != 1) return fail(Error::Kind::internal, "Kafka gave no answer about " + topic);
  const auto topic_code = metadata->topics[0].err;
  // A leader that is being elected is no reason to hide the partitions.
  if (topic_code != RD_KAFKA_RESP_ERR_NO_ERROR && topic_code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
    return std::unexpected(to_error(topic_code, "asking Kafka about " + topic));
  return metadata;
}

Result<std::string> topic_name(const Options& options, ports::Topic topic) {
  const auto found = options.topics.find(topic);
  if (found == options.topics.end() || found->second.empty())
    return fail(Error::Kind::invalid,
                "the name of topic " + std::to_string(static_cast<int>(topic)) + " is not configured");
  return found->second;
}

bool is_outage(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
      return true;
    default:
      return false;
  }
}

Error to_error(rd_kafka_resp_err_t code, const std::string& what) {
  const std::string text = what + ": " + rd_kafka_err2str(code) + " (" + rd_kafka_err2name(code) + ")";
  if (is_outage(code)) return {Error::Kind::unavailable, text};
  switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return {Error::Kind::not_found, text + "; run openrun topics create"};
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return {Error::Kind::not_found, text};
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {Error::Kind::overloaded, text};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
      return {Error::Kind::invalid, text};
    default:
      return {Error::Kind::internal, text};
  }
}

int timeout_ms(std::chrono::milliseconds timeout) {
  return static_cast<int>(std::clamp<std::int64_t>(timeout.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace openrun::kafka
