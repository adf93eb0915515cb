// A SHA-256 digest as a plain value (FIPS 180-4).
#pragma once

#include <array>
#include <cstdint>

namespace openrun {

using Digest = std::array<std::uint8_t, 32>;

}  // namespace openrun
