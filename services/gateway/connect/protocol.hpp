// What the Connect protocol says in headers and errors (unary calls, version 1). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

#include "gateway/connect/unary.hpp"

namespace openrun::gateway::connect {

// How long a call without Connect-Timeout-Ms may take, and what a longer time-out is cut to.
inline constexpr std::int64_t timeout_ms_default = 10'000;
inline constexpr std::int64_t timeout_ms_max = 30'000;
// Of a message after inflating: as much as the server takes of a body.
inline constexpr std::size_t message_bytes_max = std::size_t{16} * 1024;

enum class Codec : std::uint8_t { json, proto };

// application/json (charset=utf-8 may follow) or application/proto; empty for anything else.
[[nodiscard]] std::optional<Codec> codec_of(std::string_view content_type);

// The protocol's name of the code, and the HTTP status that goes with it.
[[nodiscard]] std::string_view name_of(Code code);
[[nodiscard]] unsigned status_of(Code code);

// What the headers ask for. A failure where they break the protocol.
struct Terms {
  std::int64_t timeout_ms = timeout_ms_default;
  bool is_gzip = false;
};
[[nodiscard]] std::expected<Terms, Failure> terms_of(const ports::HttpRequest& request);

// A problem (RFC 9457) of the gateway as the failure that clients of the protocol know: its detail, and its
// Retry-After.
[[nodiscard]] Failure failure_of(const ports::HttpResponse& problem);

// {"code": ..., "message": ...}: JSON whatever the codec of the call is. `status` where it is not the code's own.
[[nodiscard]] ports::HttpResponse error_response(const Failure& failure, std::optional<unsigned> status = {});

}  // namespace openrun::gateway::connect
