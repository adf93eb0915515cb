// In which of the page's languages a browser wants it. Pure.
#pragma once

#include <string_view>

namespace openrun::gateway {

// "ko" or "en": the one with the higher quality in Accept-Language (RFC 9110, section 12.5.4), the first of equal ones,
// and English where neither is named or wanted. What can't be read is passed over.
[[nodiscard]] std::string_view preferred_language(std::string_view accept_language);

}  // namespace openrun::gateway
