// From bytes to a request: a pure function over Beast's parser, so that every refusal can be tested without a socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

#include "problem.hpp"

namespace openrun::http {

struct ParseLimits {
  std::size_t header_bytes_max = 8 * 1024;  // request line and header fields with the empty line
  std::size_t body_bytes_max = 16 * 1024;   // after chunked decoding

  // No unfinished request needs more: what chunked framing may add to a body is bounded by its length once more.
  [[nodiscard]] std::size_t request_bytes_max() const { return header_bytes_max + 2 * body_bytes_max + 1'024; }
};

// Reused from request to request for its vectors and strings.
struct ParsedRequest {
  ports::HttpRequest request;  // views into the bytes that were parsed and into decoded_body
  std::string decoded_body;    // of a chunked request
  bool keep_alive = true;
  bool http_1_0 = false;
  unsigned hosts = 0;
};

struct ParseOutcome {
  enum class Kind : std::uint8_t { complete, incomplete, refused };
  Kind kind = Kind::incomplete;
  // complete: bytes consumed. incomplete: the length that `bytes` must reach before it is worth trying again; 0: at
  // least one more empty line must arrive.
  std::size_t size = 0;
  bool is_header_complete = false;  // incomplete: it is the body that lacks bytes
  bool awaits_continue = false;     // incomplete: the client sends the body only after `100 Continue`
  Problem problem;                  // refused; the connection cannot be used any further
};

// Parses the request that begins at bytes[0]. Keeps nothing between calls: an incomplete request is parsed again from
// its start, which happens once for the header and once for the body in the usual case. One thread per `out`.
[[nodiscard]] ParseOutcome parse_request(std::string_view bytes, const ParseLimits& limits, ParsedRequest& out);

struct RequestStart {
  std::string_view method;  // as sent
  std::string_view path;
};
// What the request that begins at bytes[0] asks for, before it is parsed or has even arrived; empty where its target is
// not there yet. Tells nothing about whether it is a good request.
[[nodiscard]] std::optional<RequestStart> peek_request(std::string_view bytes);

}  // namespace openrun::http
