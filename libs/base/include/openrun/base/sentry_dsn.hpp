// Where errors are reported: the address that Sentry gives to a project. A pure function; any thread, any bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace openrun {

struct SentryDsn {
  std::string envelope_url;  // https://HOST/api/PROJECT/envelope/
  std::string public_key;    // counts as a secret: never log it
};

// https://KEY@HOST[:PORT][/PATH]/PROJECT, or the same with http; a second key behind a colon, as older ones have, is
// left out. Empty for anything else.
[[nodiscard]] std::optional<SentryDsn> parse_sentry_dsn(std::string_view text);

}  // namespace openrun
