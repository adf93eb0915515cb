#include "gateway/access/auth.hpp"

#include <openrun/base/text.hpp>
#include <openrun/crypto/mac.hpp>

namespace openrun::gateway {
namespace {

// The scheme's name counts without case (RFC 9110, section 11.1).
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return {};
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c) != scheme[i]) return {};
  }
  authorization.remove_prefix(scheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

}  // namespace

bool Auth::is_admin(const ports::HttpRequest& request) const {
  const std::string_view token = bearer(request.header("Authorization"));
  if (token.empty()) return false;
  bool equal = false;
  for (const std::string& known : admin_tokens_) {
    // All of them, also after a match: the duration must not tell which token it was.
    const bool same = crypto::equal_constant_time(token, std::string_view(known));
    equal = equal || same;
  }
  return equal;
}

std::string_view Auth::user_of(const ports::HttpRequest& request) {
  const std::string_view user = request.header("X-User-Id");
  return is_valid_user_id(user) ? user : std::string_view{};
}

}  // namespace openrun::gateway
