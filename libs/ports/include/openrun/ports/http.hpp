// HTTP requests and responses as plain values, so that handlers know no Beast. Implemented by libs/http.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace openrun::ports {

enum class HttpMethod : std::uint8_t { get, head, post, put, patch, delete_, options, other };

// Views into the connection's buffer: valid until the handler returns. Copy what outlives it.
struct HttpRequest {
  HttpMethod method = HttpMethod::other;
  std::string_view target;  // as sent
  std::string_view path;    // up to '?', not percent-decoded
  std::string_view query;   // after '?', not percent-decoded
  std::string_view body;
  std::string_view remote_address;
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // names as sent

  // The first header of that name, compared without case; empty where there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] bool has_header(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string_view content_type;                                  // a literal; empty: no body
  std::vector<std::pair<std::string_view, std::string>> headers;  // names are literals
  std::string body;
};

// Answers one request, exactly once, on the I/O thread of its connection. Dropping it unanswered sends a 500.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  virtual void send(HttpResponse response) = 0;
  // True when the client has gone: an answer would reach nobody.
  [[nodiscard]] virtual bool abandoned() const = 0;
};

// One I/O thread of the server. post() may be called from any thread; the rest on that thread only.
class IoThread {
 public:
  virtual ~IoThread() = default;
  [[nodiscard]] virtual std::size_t index() const = 0;
  virtual void post(std::function<void()> work) = 0;
  // Calls `work` once after `delay_ms`. Not cancelable: the work looks whether it is still wanted.
  virtual void after(std::int64_t delay_ms, std::function<void()> work) = 0;
};

// Called on the connection's I/O thread; must not block. The reply may be kept and answered later on the same I/O
// thread.
using HttpHandler = std::function<void(IoThread&, const HttpRequest&, std::shared_ptr<HttpReply>)>;

}  // namespace openrun::ports
