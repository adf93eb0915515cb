// Whose address counts: the peer's, or, where the peer is a proxy that we trust, the one that it was asked by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <openrun/base/address.hpp>
#include <openrun/ports/http.hpp>

namespace openrun::gateway {

// Which header the trusted proxies write. One, because a proxy passes on what a client puts into the other.
enum class ProxyHeader : std::uint8_t { x_forwarded_for, forwarded };

struct Proxies {
  std::vector<Network> trusted;
  ProxyHeader header = ProxyHeader::x_forwarded_for;
};

// Proxies that a request can have passed; what stands further left in the header is not looked at.
inline constexpr std::size_t hops_max = 16;

// The right-most address of X-Forwarded-For or Forwarded (RFC 7239) that is not a trusted proxy's. Where an entry is no
// address (`unknown`, a name), the proxy that wrote it counts. Ports are not looked at. All zero where the peer has no
// address.
[[nodiscard]] Address client_address(const ports::HttpRequest& request, const Proxies& proxies);

}  // namespace openrun::gateway
