#include "gateway/access/client_address.hpp"

#include <algorithm>
#include <optional>

namespace openrun::gateway {
namespace {

constexpr std::string_view space = " \t";

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

// Takes the last entry off a list. A comma within quotes is none, and quotes are never escaped in an address.
std::string_view last_entry(std::string_view& list, char separator) {
  bool quoted = false;
  std::size_t at = list.size();
  while (at > 0) {
    const char c = list[at - 1];
    if (c == '"') quoted = !quoted;
    if (c == separator && !quoted) break;
    --at;
  }
  const std::string_view entry = trim(list.substr(at));
  list = at == 0 ? std::string_view{} : list.substr(0, at - 1);
  return entry;
}

// An address as proxies write it: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1] or [2001:db8::1]:80.
std::optional<Address> written_address(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    const auto address = parse_address(text.substr(1, end - 1));
    return address && text.substr(1, end - 1).find(':') != std::string_view::npos ? address : std::nullopt;
  }
  if (const auto address = parse_address(text)) return address;
  return parse_address(text.substr(0, text.find(':')));
}

// for=192.0.2.60;proto=http;by=203.0.113.43: the node of `for`.
std::optional<Address> forwarded_address(std::string_view element) {
  while (!element.empty()) {
    std::string_view value = last_entry(element, ';');
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos || !same_name(trim(value.substr(0, equals)), "for")) continue;
    value = trim(value.substr(equals + 1));
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) value = value.substr(1, value.size() - 2);
    return written_address(value);
  }
  return std::nullopt;
}

bool is_trusted(const Address& address, const Proxies& proxies) {
  return std::ranges::any_of(proxies.trusted, [&](const Network& network) { return network.holds(address); });
}

}  // namespace

Address client_address(const ports::HttpRequest& request, const Proxies& proxies) {
  Address client = parse_address(request.remote_address).value_or(Address{});
  if (proxies.trusted.empty() || !is_trusted(client, proxies)) return client;
  const bool is_forwarded = proxies.header == ProxyHeader::forwarded;
  const std::string_view name = is_forwarded ? "Forwarded" : "X-Forwarded-For";
  std::size_t hops = 0;
  for (std::size_t i = request.headers.size(); i > 0; --i) {
    if (!same_name(request.headers[i - 1].first, name)) continue;
    std::string_view list = request.headers[i - 1].second;
    while (!list.empty()) {
      const std::string_view entry = last_entry(list, ',');
      const auto address = is_forwarded ? forwarded_address(entry) : written_address(entry);
      if (!address || ++hops > hops_max) return client;
      client = *address;
      if (!is_trusted(client, proxies)) return client;
    }
  }
  return client;
}

}  // namespace openrun::gateway
