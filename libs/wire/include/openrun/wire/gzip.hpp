// Bodies that a client has compressed. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <openrun/base/result.hpp>

namespace openrun::wire {

// One gzip member (RFC 1952) that ends where `bytes` end. Error::Kind::invalid: not that, cut short or damaged;
// Error::Kind::overloaded: it would be larger than `bytes_max`, however small it came. Takes no more memory than that.
[[nodiscard]] Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max);

}  // namespace openrun::wire
