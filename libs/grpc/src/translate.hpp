// Between gRPC's words and those of the Connect protocol over HTTP. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <openrun/ports/http.hpp>

namespace openrun::rpc {

// /{package.Service}/{Method}: what a gRPC client may call here. Anything else has no meaning in gRPC.
[[nodiscard]] bool is_method_path(std::string_view path);

// A header's name as the handler may see it: ASCII, no pseudo-header, no binary metadata, nothing that this adapter
// says itself.
[[nodiscard]] bool is_passed_on(std::string_view metadata_name);

// "ipv4:127.0.0.1:5555" or "ipv6:%5B::1%5D:5555" as the address alone; empty for anything else.
[[nodiscard]] std::string address_of_peer(std::string_view peer);

struct Status {
  int code = 0;  // gRPC's number; 0: the body is the message
  std::string message;
  std::string retry_after;  // seconds, where the answer says so
};
[[nodiscard]] Status status_of(const ports::HttpResponse& response);

}  // namespace openrun::rpc
