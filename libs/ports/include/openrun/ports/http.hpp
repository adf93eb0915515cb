// HTTP requests and responses as plain values, so that handlers know no Beast. Implemented by libs/http.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace openrun::ports {

enum class HttpMethod : std::uint8_t { get, head, post, put, patch, delete_, options, other };
// As it stands in a request: GET; OTHER for what has no name here.
[[nodiscard]] std::string_view to_string(HttpMethod method);

// Views into the connection's buffer: valid until the handler returns. Copy what outlives it.
struct HttpRequest {
  HttpMethod method = HttpMethod::other;
  std::string_view target;  // as sent
  std::string_view path;    // up to '?', not percent-decoded
  std::string_view query;   // after '?', not percent-decoded
  std::string_view body;
  std::string_view remote_address;
  bool is_overdue = false;  // it stood in line for too long (HttpLine): to be refused, at little cost
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

// More than this unsent is a writer's mistake: the stream is broken off, so that no client can fill the memory by not
// reading.
inline constexpr std::size_t http_stream_unsent_bytes_max = 8 * 1024 * 1024;

// A body that is sent piece by piece, after the head (chunked transfer coding of RFC 9112, section 7.1). On the I/O
// thread of its connection only; may be dropped on any. Dropped before finish(): the connection is closed, so that the
// client sees that the end is missing. A client that takes nothing for the server's write time-out is cut off; there is
// no other time-out.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  // Takes the piece whatever has piled up, up to http_stream_unsent_bytes_max in sum. An empty piece does nothing, and
  // so does any once the stream is abandoned.
  virtual void write(std::string_view piece) = 0;
  virtual void finish() = 0;
  // Bytes that the socket has not taken yet: who makes pieces faster than they are read looks here, and stops.
  [[nodiscard]] virtual std::size_t unsent() const = 0;
  // Calls `ready` once, when less than `bytes` are unsent or the stream is abandoned; before it returns where that is
  // so already. One such call at a time. Dropped uncalled when the server ends.
  virtual void when_unsent_below(std::size_t bytes, std::function<void()> ready) = 0;
  // What is written reaches nobody: the client has gone, or asked for the head alone.
  [[nodiscard]] virtual bool abandoned() const = 0;
};

// Answers one request, exactly once, on the I/O thread of its connection. Dropping it unanswered sends a 500.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  virtual void send(HttpResponse response) = 0;
  // The same, with a body that comes later and of unknown length. `head` has no body. HTTP/1.0 clients get it until the
  // connection's end. To HEAD the head alone is sent, and what is written goes nowhere.
  [[nodiscard]] virtual std::shared_ptr<HttpStream> stream(HttpResponse head) = 0;
  // True when the client has gone: an answer would reach nobody.
  [[nodiscard]] virtual bool abandoned() const = 0;
};

// One I/O thread of the server. post() may be called from any thread; the rest on that thread only.
class IoThread {
 public:
  virtual ~IoThread() = default;
  [[nodiscard]] virtual std::size_t index() const = 0;
  // From how many connections a request may come at any moment, or has come and waits for its answer. One that has
  // asked nothing for a quarter to half a second (a scraper's, a browser's that was left open, a stream's) is left out
  // until it asks again. On the thread itself.
  [[nodiscard]] virtual std::size_t awake_connections() const = 0;
  virtual void post(std::function<void()> work) = 0;
  // Calls `work` once after `delay_ms`. Not cancelable: the work looks whether it is still wanted.
  virtual void after(std::int64_t delay_ms, std::function<void()> work) = 0;
};

// Called on the connection's I/O thread; must not block. The reply may be kept and answered later on the same I/O
// thread.
using HttpHandler = std::function<void(IoThread&, const HttpRequest&, std::shared_ptr<HttpReply>)>;

// Requests that stand in line where more comes in than can be done, so that those that don't stay quick: one of a
// connection at a time, first come, first served, each I/O thread with a line of its own. Whoever has stood for longer
// than wait_max comes in overdue. But a refusal costs too: while there is room, two come in for each that is refused,
// and who should have been refused waits or comes in. Both functions are called on I/O threads, where many wait for
// them.
struct HttpLine {
  // By method and path as they were sent. Empty: nobody stands in line.
  std::function<bool(std::string_view method, std::string_view path)> may_stand;
  // Whether the next may come in now. It is asked again after all that happens on the thread.
  std::function<bool(const IoThread&)> has_room;
  std::chrono::milliseconds wait_max{250};
};

}  // namespace openrun::ports
