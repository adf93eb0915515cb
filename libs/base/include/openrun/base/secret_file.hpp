// A password that stands in a file of its own, as a secret that is mounted into a container does.
#pragma once

#include <cstddef>
#include <string>

#include <openrun/base/result.hpp>

namespace openrun {

inline constexpr std::size_t secret_bytes_max = 1'024;

// The file's first line, read at each call, without its line break; 1 to secret_bytes_max bytes, none of them NUL. Any
// thread; blocks for as long as the file system does. The error says what is wrong and names the file, never what
// stands in it.
[[nodiscard]] Result<std::string> read_secret(const std::string& file);

}  // namespace openrun
