#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include <openrun/base/address.hpp>

namespace openrun {
namespace {

constexpr std::array<std::uint8_t, 12> version_4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::size_t version_4_offset_bits = 96;

}  // namespace

bool Address::is_version_4() const noexcept {
  return std::equal(version_4_prefix.begin(), version_4_prefix.end(), bytes.begin());
}

std::optional<Address> parse_address(std::string_view text) noexcept {
  char terminated[INET6_ADDRSTRLEN] = "";
  if (text.empty() || text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  Address address;
  if (text.find(':') != std::string_view::npos) {
    if (inet_pton(AF_INET6, terminated, address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::ranges::copy(version_4_prefix, address.bytes.begin());
  if (inet_pton(AF_INET, terminated, address.bytes.data() + version_4_prefix.size()) != 1) return std::nullopt;
  return address;
}

bool Network::holds(const Address& other) const noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(other.bytes.begin(), other.bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.bytes.begin()))
    return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF00U >> (bits % 8));
  return (other.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

std::optional<Network> parse_network(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network network{*address, 128};
  if (slash == std::string_view::npos) return network;
  const bool is_version_4 = text.find(':') == std::string_view::npos;
  const std::string_view digits = text.substr(slash + 1);
  std::size_t bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > (is_version_4 ? 32U : 128U)) {
    return std::nullopt;
  }
  network.bits = bits + (is_version_4 ? version_4_offset_bits : 0);
  for (std::size_t bit = network.bits; bit < 128; ++bit) {
    if ((network.address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  }
  return network;
}

std::optional<std::vector<Network>> parse_networks(std::string_view text) {
  std::vector<Network> networks;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(", "), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty()) continue;
    const auto network = parse_network(part);
    if (!network || networks.size() == networks_max) return std::nullopt;
    networks.push_back(*network);
  }
  return networks;
}

}  // namespace openrun
