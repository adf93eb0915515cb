// One HTTP POST after the other, by libcurl.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace openrun::telemetry {

struct PostRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

struct PostAnswer {
  long status = 0;                            // 0: none came, see `error`
  std::optional<std::int64_t> retry_after_s;  // Retry-After, as seconds or as a date; never below 0
  std::string rate_limits;                    // X-Sentry-Rate-Limits, as it stands
  std::string error;                          // without the address
};

class HttpPoster {
 public:
  virtual ~HttpPoster() = default;
  // Blocks, at most `timeout`. The body of the answer is not kept; redirections are not followed. One thread at a time.
  [[nodiscard]] virtual PostAnswer post(const PostRequest& request, std::chrono::milliseconds timeout) = 0;
  // A post that is under way then, or begins later, fails within a second. Any thread.
  virtual void end_by(std::chrono::steady_clock::time_point deadline) = 0;
};

// `ca_file`: PEM, whose authorities are trusted instead of the system's; empty: the system's.
[[nodiscard]] std::unique_ptr<HttpPoster> make_http_poster(const std::string& ca_file);

}  // namespace openrun::telemetry
