#include "address.hpp"

#include <array>
#include <climits>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <openrun/base/assert.hpp>

namespace openrun::stream {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses look_up(const char* host, const char* port, sa_family_t family, int flags, int& code) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  code = getaddrinfo(host, port, &hints, &found);
  return Addresses(code == 0 ? found : nullptr);
}

SocketAddress copy_of(const addrinfo& from) {
  SocketAddress address;
  std::memcpy(&address.storage, from.ai_addr, from.ai_addrlen);
  address.length = from.ai_addrlen;
  return address;
}

const sockaddr_in& version_4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}
const sockaddr_in6& version_6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

}  // namespace

std::string SocketAddress::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const from = storage.ss_family == AF_INET6 ? static_cast<const void*>(&version_6(*this).sin6_addr)
                                                         : static_cast<const void*>(&version_4(*this).sin_addr);
  OPENRUN_ASSERT(inet_ntop(storage.ss_family, from, text.data(), text.size()) != nullptr, "an address has a text");
  return text.data();
}

std::uint16_t SocketAddress::port() const {
  return ntohs(storage.ss_family == AF_INET6 ? version_6(*this).sin6_port : version_4(*this).sin_port);
}

bool SocketAddress::is_any() const {
  return storage.ss_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&version_6(*this).sin6_addr)
                                       : version_4(*this).sin_addr.s_addr == htonl(INADDR_ANY);
}

Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  int code = 0;
  const Addresses found =
      look_up(host.c_str(), std::to_string(port).c_str(), AF_UNSPEC, AI_NUMERICHOST | AI_NUMERICSERV, code);
  if (!found) return fail(Error::Kind::invalid, "'" + host + "' is no numeric address, such as 192.0.2.1 or ::1");
  return copy_of(*found);
}

Result<std::string> own_address(sa_family_t family) {
  std::array<char, HOST_NAME_MAX + 1> name{};
  OPENRUN_ASSERT(gethostname(name.data(), name.size() - 1) == 0, "a host has a name");
  int code = 0;
  const Addresses found = look_up(name.data(), nullptr, family, 0, code);
  if (!found) {
    return fail(Error::Kind::invalid, "this host's name " + std::string(name.data()) + " stands for no address: " +
                                          (code == 0 ? "none of this family" : gai_strerror(code)));
  }
  return copy_of(*found).host();
}

SocketAddress bound_address(int socket) {
  SocketAddress address;
  address.length = sizeof address.storage;
  OPENRUN_ASSERT(getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.length) == 0,
                 "a bound socket has a name");
  return address;
}

}  // namespace openrun::stream
