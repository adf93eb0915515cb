// The passwords in a connection string of libpq. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace openrun::config {

// Whether it is clear where its password begins and ends. libpq would take a part of it for a host or a port, and say
// so in its messages.
[[nodiscard]] bool is_clear(std::string_view url);

// With "(set)" in the place of every password; as a whole where it is not clear.
[[nodiscard]] std::string without_passwords(std::string_view url);

// Whether it names the user's password (not that of a client key, sslpassword).
[[nodiscard]] bool holds_password(std::string_view url);

}  // namespace openrun::config
