#include "cli/context.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include <curl/curl.h>

#include <openrun/runtime/runtime.hpp>
#include <openrun/telemetry/logger.hpp>

namespace openrun::cli {

config::Config Context::config() const {
  auto loaded = config::load({config_file, config::process_environment()});
  if (!loaded) throw CommandFailed{usage_error, loaded.error().message};
  return std::move(*loaded);
}

config::KeyFile Context::keys() const {
  return value_or_fail(config::load_keys(config().keys.file));
}

postgres::Options Context::postgres() const {
  const config::Postgres settings = config().postgres;
  postgres::Options options;
  options.url = settings.url;
  options.connect_timeout = std::chrono::seconds(settings.connect_timeout_s);
  // A report may read for long; a daemon's statement may not.
  options.statement_timeout = std::chrono::minutes(30);
  options.application = "openrun-cli";
  return options;
}

kafka::Options Context::kafka() const {
  const config::Kafka settings = config().kafka;
  kafka::Options options;
  options.brokers = settings.brokers;
  options.client_id = "openrun-cli";
  options.topics = {{ports::Topic::requests, settings.requests_topic},
                    {ports::Topic::results, settings.results_topic},
                    {ports::Topic::dead_letters, settings.dead_letters_topic}};
  options.extra = settings.librdkafka;
  return options;
}

namespace {

std::size_t collect(char* data, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

}  // namespace

HttpAnswer call(const Context& context, std::string_view method, const std::string& path, const std::string& body,
                const std::string& idempotency_key, bool any_status) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw CommandFailed{found_wrong, "libcurl could not be started"};
  curl_slist* list = nullptr;
  const auto header = [&](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  if (!body.empty()) header("Content-Type: application/json");
  if (!context.token.empty()) header("Authorization: Bearer " + context.token);
  if (!idempotency_key.empty()) header("Idempotency-Key: " + idempotency_key);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list, curl_slist_free_all);
  HttpAnswer answer;
  const std::string url = context.url + path;
  const std::string verb(method);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb.c_str());
  if (method != "GET") curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  if (method != "GET") curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, 3'000L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, 40'000L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) {
    throw CommandFailed{found_wrong, "the gateway at " + context.url + " does not answer: " + curl_easy_strerror(code) +
                                         " (name another one with --url or OPENRUN_URL)"};
  }
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  if (auto json = wire::parse_json(answer.body)) answer.json = std::move(*json);
  if (answer.status >= 400 && !any_status) {
    throw CommandFailed{found_wrong, std::to_string(answer.status) + " " + text_of(answer.json, "code") + ": " +
                                         text_of(answer.json, "detail")};
  }
  return answer;
}

const wire::JsonValue* member(const wire::JsonValue& object, std::string_view name) {
  const auto* members = object.get<wire::JsonObject>();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == name; });
  return found == members->end() ? nullptr : &found->second;
}

std::string text_of(const wire::JsonValue& object, std::string_view name) {
  const wire::JsonValue* value = member(object, name);
  if (value == nullptr) return "-";
  if (const auto* text = value->get<std::string>()) return *text;
  if (const auto* number = value->get<std::int64_t>()) return std::to_string(*number);
  if (const auto* number = value->get<std::uint64_t>()) return std::to_string(*number);
  if (const auto* boolean = value->get<bool>()) return *boolean ? "true" : "false";
  return "-";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::int64_t time_argument(const std::string& text) {
  const std::int64_t now = runtime::SystemClock{}.now().value;
  if (text == "now") return now;
  if (text.size() >= 3 && text.front() == '+') {
    std::int64_t amount = 0;
    const char* unit = text.data() + text.size() - 1;
    const auto [end, error] = std::from_chars(text.data() + 1, unit, amount);
    const std::int64_t factor = *unit == 's' ? 1'000 : *unit == 'm' ? 60'000 : *unit == 'h' ? 3'600'000 : 0;
    if (error == std::errc{} && end == unit && factor > 0 && amount < 1'000'000) return now + amount * factor;
  }
  auto parsed = wire::parse_time(text);
  if (!parsed)
    throw CommandFailed{usage_error, text + " is no time; write 2026-11-21T09:00:00Z, now, or +30s, +5m, +2h from now"};
  return *parsed;
}

ports::Logger& quiet_logger() {
  static const std::unique_ptr<ports::Logger> logger = [] {
    const auto environment = config::process_environment();
    const auto level = environment.find("OPENRUN_LOG__LEVEL");
    const bool debug = level != environment.end() && level->second == "debug";
    return telemetry::make_logger("openrun", "cli", debug ? ports::LogLevel::debug : ports::LogLevel::critical);
  }();
  return *logger;
}

}  // namespace openrun::cli
