#include "gateway/access/auth.hpp"

#include <algorithm>
#include <utility>

#include <openrun/base/text.hpp>
#include <openrun/crypto/mac.hpp>

#include "gateway/rest/problem.hpp"

namespace openrun::gateway {
namespace {

constexpr const char* refusals_name = "openrun_token_refusals_total";
constexpr const char* refusals_help = "Bearer tokens refused, by reason";
constexpr std::string_view user_rule = "must be 1 to 64 characters of valid UTF-8 without control characters";

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

// Whoever can add a second header of that name must not choose which of the two counts.
bool stands_twice(const ports::HttpRequest& request, std::string_view name) {
  return std::ranges::count_if(request.headers, [&](const auto& each) { return same_name(each.first, name); }) > 1;
}

// The scheme's name counts without case (RFC 9110, section 11.1).
std::string_view bearer(const ports::HttpRequest& request) {
  constexpr std::string_view scheme = "bearer ";
  std::string_view authorization = request.header("Authorization");
  if (authorization.size() <= scheme.size() || !same_name(authorization.substr(0, scheme.size()), scheme)) return {};
  authorization.remove_prefix(scheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  if (stands_twice(request, "Authorization")) return {};
  return authorization;
}

ports::HttpResponse not_named() {
  return invalid_request("The user is not named.", {{"user_id", "is missing"}});
}

}  // namespace

Auth::Auth(const Settings& settings, const TokenKeys& keys, const ports::Clock& clock, ports::Logger& logger,
           ports::Metrics& metrics)
    : settings_(settings),
      keys_(keys),
      clock_(clock),
      logger_(logger),
      unknown_admin_(metrics.counter(refusals_name, refusals_help, {{"reason", "unknown_admin"}})) {
  for (std::size_t i = 0; i < token_faults; ++i) {
    const std::string reason(to_string(static_cast<TokenFault>(i)));
    refused_[i] = &metrics.counter(refusals_name, refusals_help, {{"reason", reason}});
  }
}

std::string_view Auth::admin_name(const ports::HttpRequest& request) const {
  const std::string_view token = bearer(request);
  std::string_view name;
  if (token.empty()) return name;
  for (const AdminToken& known : settings_.admin_tokens) {
    // All of them, also after a match: the duration must not tell which token it was.
    if (crypto::equal_constant_time(token, std::string_view(known.token))) name = known.name;
  }
  return name;
}

Auth::Or<std::string> Auth::admin(const ports::HttpRequest& request) const {
  constexpr std::string_view needed = "This call needs an admin's bearer token.";
  const std::string_view name = admin_name(request);
  if (name.empty()) {
    if (bearer(request).empty()) return std::unexpected(unauthenticated(needed));
    if (settings_.users_by_token && token_user(request)) return std::unexpected(forbidden(needed));
    unknown_admin_.add();
    return std::unexpected(invalid_token(needed));
  }
  log_admin_call(name, request);
  return std::string(name);
}

void Auth::log_admin_call(std::string_view name, const ports::HttpRequest& request) const {
  if (request.method == ports::HttpMethod::get || request.method == ports::HttpMethod::head) return;
  logger_.info("admin call", {{"admin", std::string(name)},
                              {"method", std::string(ports::to_string(request.method))},
                              {"path", std::string(request.path)}});
}

Auth::Or<std::string> Auth::token_user(const ports::HttpRequest& request) const {
  const std::string_view token = bearer(request);
  if (token.empty()) {
    if (stands_twice(request, "Authorization")) {
      refused_[static_cast<std::size_t>(TokenFault::malformed)]->add();
      return std::unexpected(invalid_token("The token is not valid."));
    }
    return std::unexpected(unauthenticated("Send a bearer token."));
  }
  auto user = verify_token(token, *keys_.current(), settings_.token_rules, clock_.now());
  if (user) return std::move(*user);
  refused_[static_cast<std::size_t>(user.error())]->add();
  return std::unexpected(invalid_token("The token is not valid."));
}

Auth::Or<std::string> Auth::header_user(const ports::HttpRequest& request) {
  const std::string_view user = request.header("X-User-Id");
  if (stands_twice(request, "X-User-Id")) {
    return std::unexpected(invalid_request("The user is named twice.", {{"X-User-Id", "must stand once"}}));
  }
  return std::string(user);
}

Auth::Or<Caller> Auth::caller(const ports::HttpRequest& request) const {
  Caller caller;
  caller.admin = admin_name(request);
  if (caller.is_admin()) return caller;
  if (settings_.users_by_token && request.header("Authorization").empty()) return caller;
  Or<std::string> user = settings_.users_by_token ? token_user(request) : header_user(request);
  if (!user) return std::unexpected(std::move(user.error()));
  if (is_valid_user_id(*user)) caller.user = std::move(*user);
  return caller;
}

Auth::Or<Caller> Auth::owner_or_admin(const ports::HttpRequest& request) const {
  Or<Caller> asks = caller(request);
  if (asks && asks->is_anonymous()) {
    return std::unexpected(unauthenticated(settings_.users_by_token
                                               ? "Send a user's or an admin's bearer token."
                                               : "Name the user, or send an admin's bearer token."));
  }
  return asks;
}

Auth::Or<std::string> Auth::user(const ports::HttpRequest& request, std::optional<std::string_view> named) const {
  if (settings_.users_by_token) {
    Or<std::string> user = token_user(request);
    if (user && named && *named != *user) {
      return std::unexpected(forbidden("The body names another user than the token."));
    }
    return user;
  }
  if (!named && !request.body.empty()) return std::unexpected(not_named());
  Or<std::string> user = named ? std::string(*named) : header_user(request);
  if (!user) return user;
  if (!named && user->empty()) return std::unexpected(not_named());
  if (!is_valid_user_id(*user)) {
    return std::unexpected(invalid_request("The user id is not valid.", {{"user_id", std::string(user_rule)}}));
  }
  return user;
}

Auth::Or<Caller> Auth::user_or_admin(const ports::HttpRequest& request, std::optional<std::string_view> named) const {
  Caller caller;
  caller.admin = admin_name(request);
  if (!caller.is_admin()) {
    Or<std::string> self = user(request, named);
    if (!self) return std::unexpected(std::move(self.error()));
    caller.user = std::move(*self);
    return caller;
  }
  log_admin_call(caller.admin, request);
  if (!named) return caller;
  if (!is_valid_user_id(*named)) {
    return std::unexpected(invalid_request("The user id is not valid.", {{"user_id", std::string(user_rule)}}));
  }
  caller.user = *named;
  return caller;
}

}  // namespace openrun::gateway
