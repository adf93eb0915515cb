#include "address.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <memory>
#include <vector>

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

bool SocketAddress::is_local() const {
  if (storage.ss_family == AF_INET6) {
    const in6_addr& six = version_6(*this).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_LINKLOCAL(&six);
  }
  return ntohl(version_4(*this).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool SocketAddress::is_any() const {
  return storage.ss_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&version_6(*this).sin6_addr)
                                       : version_4(*this).sin_addr.s_addr == htonl(INADDR_ANY);
}

// inet_pton() alone, for getaddrinfo() also takes 127.1, 0x7f.1 and names of interfaces.
Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    address.length = sizeof four;
  } else if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    address.length = sizeof six;
  } else {
    return fail(Error::Kind::invalid, "'" + host + "' is no numeric address, such as 192.0.2.1 or ::1");
  }
  return address;
}

Result<std::string> own_address(sa_family_t family) {
  std::array<char, HOST_NAME_MAX + 1> name{};
  OPENRUN_ASSERT(gethostname(name.data(), name.size() - 1) == 0, "a host has a name");
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(name.data(), nullptr, &hints, &list);
  const Addresses found(code == 0 ? list : nullptr);
  if (!found) {
    return fail(Error::Kind::invalid,
                "this host's name " + std::string(name.data()) + " stands for no address: " + gai_strerror(code));
  }
  std::vector<SocketAddress> all;
  for (const addrinfo* entry = found.get(); entry != nullptr; entry = entry->ai_next) all.push_back(copy_of(*entry));
  return most_reachable(all).host();
}

const SocketAddress& most_reachable(std::span<const SocketAddress> addresses) {
  const auto found = std::ranges::find_if_not(addresses, &SocketAddress::is_local);
  return found != addresses.end() ? *found : addresses.front();
}

SocketAddress bound_address(int socket) {
  SocketAddress address;
  address.length = sizeof address.storage;
  OPENRUN_ASSERT(getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.length) == 0,
                 "a bound socket has a name");
  return address;
}

}  // namespace openrun::stream
