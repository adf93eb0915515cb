#include "cli/gateway_call.hpp"

#include <fstream>
#include <memory>
#include <vector>

#include <curl/curl.h>

#include <openrun/crypto/mac.hpp>

namespace openrun::cli {
namespace {

// More than any answer that isn't streamed; a page of campaigns or coupons has 1,000 at most.
constexpr std::size_t answer_bytes_max = std::size_t{64} * 1024 * 1024;

std::size_t collect(char* data, std::size_t size, std::size_t count, void* out) {
  auto& body = *static_cast<std::string*>(out);
  if (body.size() + size * count > answer_bytes_max) return 0;
  body.append(data, size * count);
  return size * count;
}

// Secrets come from the environment or from a file, never from the command line, where everybody on the machine can
// read them.
std::string admin_token(const Context& context) {
  if (!context.token_file.empty()) {
    std::ifstream file(context.token_file);
    std::string token;
    if (!std::getline(file, token) || token.empty()) {
      throw CommandFailed{usage_error, context.token_file + " cannot be read, or its first line is no token"};
    }
    return token;
  }
  const auto environment = config::process_environment();
  const auto found = environment.find("OPENRUN_ADMIN_TOKEN");
  return found == environment.end() ? "" : found->second;
}

struct Performed {
  CURLcode code = CURLE_OK;
  HttpAnswer answer;
};

Performed perform(const Context& context, const HttpCall& wanted, long connect_ms, long total_ms) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw CommandFailed{found_wrong, "libcurl could not be started"};
  const std::string token = admin_token(context);
  curl_slist* list = nullptr;
  const auto header = [&](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  if (!wanted.body.empty()) header("Content-Type: application/json");
  if (!token.empty()) header("Authorization: Bearer " + token);
  if (!wanted.idempotency_key.empty()) header("Idempotency-Key: " + wanted.idempotency_key);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list, curl_slist_free_all);
  Performed performed;
  const std::string url = context.url + wanted.path;
  const std::string verb(wanted.method);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb.c_str());
  if (verb != "GET") curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(wanted.body.size()));
  if (verb != "GET") curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, wanted.body.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &performed.answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, total_ms);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  if (!context.ca_file.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, context.ca_file.c_str());
  performed.code = curl_easy_perform(curl.get());
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &performed.answer.status);
  if (auto json = wire::parse_json(performed.answer.body)) performed.answer.json = std::move(*json);
  return performed;
}

Error unreachable(const Context& context, CURLcode code) {
  return {Error::Kind::unavailable, "the gateway at " + context.url + " does not answer: " + curl_easy_strerror(code) +
                                        " (is it running? name another one with --gateway or OPENRUN_URL)"};
}

[[noreturn]] void fail_with(const Context& context, const HttpAnswer& answer) {
  const std::string name = text_of(answer.json, "code");
  std::string text = problem_text(answer.json);
  if (text.empty()) {
    text =
        "is there an openrun gateway at " + context.url + "? It answered with something else than a problem document";
  }
  if (answer.status == 401) text += " Set OPENRUN_ADMIN_TOKEN, or name a file that holds the token with --token-file.";
  const int code = name == "INVALID_REQUEST" ? usage_error : found_wrong;
  throw CommandFailed{code, std::to_string(answer.status) + (name == "-" ? "" : " " + name) + ": " + text,
                      name == "-" ? "" : name};
}

}  // namespace

HttpAnswer call(const Context& context, const HttpCall& wanted) {
  Performed performed = perform(context, wanted, 3'000, 40'000);
  if (performed.code != CURLE_OK) {
    throw CommandFailed{found_wrong, unreachable(context, performed.code).message, "UNREACHABLE"};
  }
  if (performed.answer.status >= 400 || performed.answer.status < 200) fail_with(context, performed.answer);
  return std::move(performed.answer);
}

std::optional<HttpAnswer> try_call(const Context& context, const HttpCall& wanted, std::chrono::milliseconds within) {
  try {
    auto answer = call_within(context, wanted, within);
    if (!answer || answer->status != 200) return std::nullopt;
    return std::move(*answer);
  } catch (const CommandFailed&) {
    return std::nullopt;
  }
}

Result<HttpAnswer> call_within(const Context& context, const HttpCall& wanted, std::chrono::milliseconds within) {
  const auto limit_ms = static_cast<long>(within.count());
  Performed performed = perform(context, wanted, limit_ms, limit_ms);
  if (performed.code != CURLE_OK) return std::unexpected(unreachable(context, performed.code));
  return std::move(performed.answer);
}

std::string escaped(std::string_view text) {
  const std::unique_ptr<char, decltype(&curl_free)> out(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free);
  return out ? std::string(out.get()) : "";
}

std::string new_key() {
  std::vector<std::uint8_t> bytes(16);
  crypto::random_bytes(bytes);
  return "cli-" + crypto::hex(bytes);
}

}  // namespace openrun::cli
