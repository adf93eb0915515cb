#include <algorithm>
#include <ranges>

#include <openrun/ports/request_log.hpp>

namespace openrun::ports {

std::string_view header(const Headers& headers, std::string_view name) {
  const auto from_the_end = std::views::reverse(headers);
  const auto found = std::ranges::find(from_the_end, name, &Headers::value_type::first);
  return found == from_the_end.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace openrun::ports
