// Numeric addresses of sockets. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <sys/socket.h>

#include <openrun/base/result.hpp>

namespace openrun::stream {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] std::string host() const;
  [[nodiscard]] std::uint16_t port() const;
  // 0.0.0.0 or ::.
  [[nodiscard]] bool is_any() const;
  // Of this host or this link alone: 127.0.0.0/8, ::1, fe80::/10.
  [[nodiscard]] bool is_local() const;
};

// 192.0.2.1 or 2001:db8::1. Error::Kind::invalid for anything else, names included.
[[nodiscard]] Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);
// The address of the family that this host's own name stands for: the first that others can reach, for the name may
// stand for 127.0.1.1 as well; where there is none, the first.
[[nodiscard]] Result<std::string> own_address(sa_family_t family);
// The choice of own_address(); of at least one.
[[nodiscard]] const SocketAddress& most_reachable(std::span<const SocketAddress> addresses);
// Of a bound socket (asserted).
[[nodiscard]] SocketAddress bound_address(int socket);

}  // namespace openrun::stream
