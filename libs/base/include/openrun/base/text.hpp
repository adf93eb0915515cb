// Checks of text that strangers send. Pure functions of their argument; safe from any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace openrun {

// The number of Unicode code points of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
// U+10FFFF), or npos where the bytes are not well-formed.
inline constexpr std::size_t not_utf8 = static_cast<std::size_t>(-1);
[[nodiscard]] std::size_t utf8_length(std::string_view bytes) noexcept;

// A control character: C0 (which holds NUL), DEL, or C1 in its two-byte form.
[[nodiscard]] bool has_control_character(std::string_view bytes) noexcept;

// Contract, section 1: 1 to 64 characters of valid UTF-8 without control characters.
[[nodiscard]] bool is_valid_user_id(std::string_view bytes) noexcept;

// 1 to limits::idempotency_key_bytes_max printable ASCII characters.
[[nodiscard]] bool is_valid_idempotency_key(std::string_view bytes) noexcept;

}  // namespace openrun
