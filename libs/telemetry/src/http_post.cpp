#include "http_post.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <ctime>
#include <mutex>
#include <string_view>

#include <curl/curl.h>
#include <strings.h>

#include <openrun/base/assert.hpp>

namespace openrun::telemetry {
namespace {

using Clock = std::chrono::steady_clock;

std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  if (strncasecmp(line.data(), name.data(), name.size()) != 0) return std::nullopt;
  line.remove_prefix(name.size() + 1);
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
  return line;
}

std::optional<std::int64_t> seconds_of(std::string_view value) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc{} && end == value.data() + value.size()) return std::max<std::int64_t>(seconds, 0);
  const std::time_t at = curl_getdate(std::string(value).c_str(), nullptr);
  if (at < 0) return std::nullopt;
  return std::max<std::int64_t>(std::int64_t{at} - std::int64_t{std::time(nullptr)}, 0);
}

std::size_t take_header(char* text, std::size_t, std::size_t size, void* into) {
  auto& answer = *static_cast<PostAnswer*>(into);
  const std::string_view line(text, size);
  if (const auto after = value_of(line, "Retry-After")) answer.retry_after_s = seconds_of(*after);
  if (const auto limits = value_of(line, "X-Sentry-Rate-Limits")) answer.rate_limits = *limits;
  return size;
}

std::size_t drop_body(char*, std::size_t, std::size_t size, void*) {
  return size;
}

class CurlPoster final : public HttpPoster {
 public:
  explicit CurlPoster(const std::string& ca_file) : handle_(curl_easy_init()), ca_file_(ca_file) {
    OPENRUN_ASSERT(handle_ != nullptr, "libcurl has no memory for a handle");
  }
  ~CurlPoster() override { curl_easy_cleanup(handle_); }
  CurlPoster(const CurlPoster&) = delete;
  CurlPoster& operator=(const CurlPoster&) = delete;

  PostAnswer post(const PostRequest& request, std::chrono::milliseconds timeout) override {
    PostAnswer answer;
    curl_slist* headers = nullptr;
    for (const std::string& header : request.headers) headers = curl_slist_append(headers, header.c_str());
    char message[CURL_ERROR_SIZE] = "";
    curl_easy_reset(handle_);  // keeps the connection
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, message);
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, &answer);
    set(CURLOPT_WRITEFUNCTION, &drop_body);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &CurlPoster::is_over);
    set(CURLOPT_XFERINFODATA, this);
    if (!ca_file_.empty()) set(CURLOPT_CAINFO, ca_file_.c_str());
    const CURLcode code = curl_easy_perform(handle_);
    if (code == CURLE_OK) {
      curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &answer.status);
    } else {
      answer.error = curl_easy_strerror(code);
    }
    curl_slist_free_all(headers);
    return answer;
  }

  void end_by(Clock::time_point deadline) override { end_by_ = deadline.time_since_epoch().count(); }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_, option, value);
    OPENRUN_ASSERT(code == CURLE_OK, "libcurl knows the options that are used");
  }
  static int is_over(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto now = Clock::now().time_since_epoch().count();
    return now >= static_cast<CurlPoster*>(self)->end_by_ ? 1 : 0;
  }

  CURL* const handle_;
  const std::string ca_file_;
  std::atomic<Clock::rep> end_by_{Clock::time_point::max().time_since_epoch().count()};
};

}  // namespace

std::unique_ptr<HttpPoster> make_http_poster(const std::string& ca_file) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return std::make_unique<CurlPoster>(ca_file);
}

}  // namespace openrun::telemetry
