// Answers that the server itself gives: application/problem+json (RFC 9457) with the contract's `code`.
#pragma once

#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

namespace openrun::http {

// All text is constant, or plain text of ours: it is escaped, never trusted.
struct Problem {
  unsigned status = 500;
  std::string_view code = "INTERNAL_SERVER_ERROR";
  std::string_view detail;
};

[[nodiscard]] std::string_view reason_phrase(unsigned status);
[[nodiscard]] ports::HttpResponse problem_response(const Problem& problem);

namespace problems {
inline constexpr Problem bad_request{400, "INVALID_REQUEST", "The request is not well-formed HTTP/1.1."};
inline constexpr Problem folded_header{400, "INVALID_REQUEST", "Header fields must not be folded over lines."};
inline constexpr Problem bad_host{400, "INVALID_REQUEST", "An HTTP/1.1 request carries exactly one Host field."};
inline constexpr Problem bad_target{400, "INVALID_REQUEST", "The request target must begin with a slash."};
inline constexpr Problem ambiguous_length{
    400, "INVALID_REQUEST", "Give the body's length once: a single Content-Length, or Transfer-Encoding: chunked."};
inline constexpr Problem timed_out{408, "REQUEST_TIMEOUT", "The request did not arrive in time."};
inline constexpr Problem body_too_large{413, "TOO_LARGE", "The body is larger than this server accepts."};
inline constexpr Problem bad_expectation{417, "EXPECTATION_FAILED", "Only Expect: 100-continue is known."};
inline constexpr Problem header_too_large{431, "TOO_LARGE", "The header is larger than this server accepts."};
inline constexpr Problem internal_error{500, "INTERNAL_SERVER_ERROR", "The request could not be answered."};
inline constexpr Problem unknown_coding{501, "NOT_IMPLEMENTED", "The only transfer coding known is chunked."};
inline constexpr Problem too_many_connections{503, "OVERLOADED", "Too many connections; try again in a moment."};
inline constexpr Problem bad_version{505, "HTTP_VERSION_NOT_SUPPORTED", "Use HTTP/1.1 or HTTP/1.0."};
}  // namespace problems

}  // namespace openrun::http
