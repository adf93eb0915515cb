// Addresses and networks of IP version 4 and 6 as text. Pure functions of their argument; safe from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace openrun {

// 16 bytes; version 4 as ::ffff:a.b.c.d, so that an address is the same whichever socket it came through.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Address&) const = default;
  [[nodiscard]] bool is_version_4() const noexcept;
};

// 192.0.2.1 or 2001:db8::1, without port, brackets or zone. Empty for anything else.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text) noexcept;

struct Network {
  Address address;
  std::size_t bits = 128;  // of the 16 bytes
  [[nodiscard]] bool holds(const Address& other) const noexcept;
};

// 192.0.2.0/24, 2001:db8::/32, or an address alone. Empty for anything else, also where bits behind the prefix are set.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text) noexcept;

inline constexpr std::size_t networks_max = 64;
// Separated by commas or spaces; an empty text is an empty list. Empty optional: one of them is none, or there are more
// than networks_max.
[[nodiscard]] std::optional<std::vector<Network>> parse_networks(std::string_view text);

}  // namespace openrun
