// Who is asking. Admins by a bearer token; users, in mode `trusted`, by what the operator's own front says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openrun/ports/http.hpp>

namespace openrun::gateway {

// Thread-safe after construction.
class Auth {
 public:
  explicit Auth(std::vector<std::string> admin_tokens) : admin_tokens_(std::move(admin_tokens)) {}

  // A bearer token equal to a configured one; compared in constant time with each of them.
  [[nodiscard]] bool is_admin(const ports::HttpRequest& request) const;
  // X-User-Id, if it is a valid user id; empty where nobody is named.
  [[nodiscard]] static std::string_view user_of(const ports::HttpRequest& request);

 private:
  std::vector<std::string> admin_tokens_;
};

}  // namespace openrun::gateway
