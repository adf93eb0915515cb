// Who is asking. Admins by a bearer token of the configured list; users by what the operator's own front says (mode
// `trusted`) or by a bearer token that the front's issuer has signed (mode `jwt`). Every handler asks here, and nowhere
// else.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/clock.hpp>
#include <openrun/ports/http.hpp>
#include <openrun/ports/log.hpp>
#include <openrun/ports/metrics.hpp>

#include "gateway/access/jwks.hpp"
#include "gateway/access/jwt.hpp"
#include "gateway/settings.hpp"

namespace openrun::gateway {

struct Caller {
  std::string admin;  // the name of the admin's token; empty: no admin
  std::string user;   // empty: nobody is named

  [[nodiscard]] bool is_admin() const { return !admin.empty(); }
  [[nodiscard]] bool is_anonymous() const { return admin.empty() && user.empty(); }
  // An admin, or the user to whom the thing belongs.
  [[nodiscard]] bool may_see(std::string_view owner) const { return is_admin() || (!user.empty() && user == owner); }
};

// Thread-safe after construction. What comes instead of a caller is the answer to send: it tells nothing of why a token
// was refused.
class Auth {
 public:
  template <class T>
  using Or = std::expected<T, ports::HttpResponse>;

  // References must outlive it. `keys` is asked in mode jwt alone.
  Auth(const Settings& settings, const TokenKeys& keys, const ports::Clock& clock, ports::Logger& logger,
       ports::Metrics& metrics);

  // A bearer token equal to a configured one; compared in constant time with each of them. For who asks beside another
  // question; admin calls ask admin().
  [[nodiscard]] bool is_admin(const ports::HttpRequest& request) const { return !admin_name(request).empty(); }
  // The name of the token of an admin call, and a line in the log where the call changes something. Else 401, or 403
  // for a user.
  [[nodiscard]] Or<std::string> admin(const ports::HttpRequest& request) const;

  // Who asks, by the headers alone; anonymous where nobody is named. 401 for a token of a user that is not good.
  [[nodiscard]] Or<Caller> caller(const ports::HttpRequest& request) const;
  // The same, and 401 for nobody.
  [[nodiscard]] Or<Caller> owner_or_admin(const ports::HttpRequest& request) const;

  // The user for whom a request is made; `named` is who the body names, empty where it names nobody. Trusted: that one,
  // or X-User-Id where there is no body; 400 where nobody is named or the id is not valid. Jwt: the token's `sub`; 401
  // without a good token, 403 where the body names another user.
  [[nodiscard]] Or<std::string> user(const ports::HttpRequest& request, std::optional<std::string_view> named) const;
  // The same for what an admin may do in a user's place: then `admin` is set, and `user` is empty where the body names
  // nobody.
  [[nodiscard]] Or<Caller> user_or_admin(const ports::HttpRequest& request,
                                         std::optional<std::string_view> named) const;

 private:
  [[nodiscard]] std::string_view admin_name(const ports::HttpRequest& request) const;
  // A line where the call changes something.
  void log_admin_call(std::string_view name, const ports::HttpRequest& request) const;
  [[nodiscard]] Or<std::string> token_user(const ports::HttpRequest& request) const;
  [[nodiscard]] static Or<std::string> header_user(const ports::HttpRequest& request);

  const Settings& settings_;
  const TokenKeys& keys_;
  const ports::Clock& clock_;
  ports::Logger& logger_;
  ports::Counter& unknown_admin_;
  std::array<ports::Counter*, token_faults> refused_{};
};

}  // namespace openrun::gateway
