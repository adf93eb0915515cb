#include "translate.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openrun/wire/json.hpp>

namespace openrun::rpc {
namespace {

constexpr int unknown = 2;

struct Code {
  std::string_view name;
  int number;
};
constexpr std::array codes{Code{"canceled", 1},
                           Code{"unknown", 2},
                           Code{"invalid_argument", 3},
                           Code{"deadline_exceeded", 4},
                           Code{"not_found", 5},
                           Code{"already_exists", 6},
                           Code{"permission_denied", 7},
                           Code{"resource_exhausted", 8},
                           Code{"failed_precondition", 9},
                           Code{"aborted", 10},
                           Code{"out_of_range", 11},
                           Code{"unimplemented", 12},
                           Code{"internal", 13},
                           Code{"unavailable", 14},
                           Code{"data_loss", 15},
                           Code{"unauthenticated", 16}};

// An answer that is no error of the protocol: a problem of the server itself, before any service saw the call.
int code_of_status(unsigned status) {
  switch (status) {
    case 400:
      return 3;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
    case 405:
    case 415:
      return 12;
    case 413:
    case 429:
      return 8;
    case 503:
      return 14;
    case 500:
      return 13;
    default:
      return unknown;
  }
}

const std::string* text_member(const wire::JsonObject& object, std::string_view name) {
  for (const auto& [key, value] : object) {
    if (key == name) return value.get<std::string>();
  }
  return nullptr;
}

bool is_name(std::string_view text, std::string_view also) {
  return !text.empty() && std::ranges::all_of(text, [also](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           also.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_method_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  const std::size_t slash = path.find('/', 1);
  if (slash == std::string_view::npos) return false;
  const std::string_view service = path.substr(1, slash - 1);
  return is_name(service, ".") && !service.starts_with('.') && service.find('.') != std::string_view::npos &&
         is_name(path.substr(slash + 1), "");
}

bool is_passed_on(std::string_view name) {
  constexpr std::array own{std::string_view("content-type"),
                           std::string_view("content-length"),
                           std::string_view("content-encoding"),
                           std::string_view("connect-timeout-ms"),
                           std::string_view("connect-protocol-version"),
                           std::string_view("te"),
                           std::string_view("transfer-encoding"),
                           std::string_view("connection"),
                           std::string_view("host")};
  return !name.empty() && !name.starts_with(':') && !name.starts_with("grpc-") && !name.ends_with("-bin") &&
         std::ranges::find(own, name) == own.end();
}

std::string address_of_peer(std::string_view peer) {
  if (peer.starts_with("ipv4:")) {
    peer.remove_prefix(5);
    return std::string(peer.substr(0, peer.find(':')));
  }
  if (!peer.starts_with("ipv6:")) return {};
  peer.remove_prefix(5);
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>("%5B", "%5D"), {"[", "]"}}) {
    if (!peer.starts_with(open)) continue;
    peer.remove_prefix(open.size());
    return std::string(peer.substr(0, peer.find(close)));
  }
  return {};
}

Status status_of(const ports::HttpResponse& response) {
  Status status;
  if (response.status == 200 && response.content_type == "application/proto") return status;
  status.code = code_of_status(response.status);
  for (const auto& [name, value] : response.headers) {
    if (name == "Retry-After") status.retry_after = value;
  }
  const auto parsed = wire::parse_json(response.body);
  const auto* object = parsed ? parsed->get<wire::JsonObject>() : nullptr;
  if (object == nullptr) return status;
  const std::string* name = text_member(*object, "code");
  const auto known = std::ranges::find_if(codes, [name](const Code& code) { return name && code.name == *name; });
  if (known != codes.end()) status.code = known->number;
  const std::string* message = text_member(*object, known != codes.end() ? "message" : "detail");
  if (message != nullptr) status.message = *message;
  return status;
}

}  // namespace openrun::rpc
