#include "gateway/web/language.hpp"

#include <algorithm>
#include <cstddef>

namespace openrun::gateway {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The part before `separator`, which is taken off `rest` with it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return trimmed(part);
}

// In thousandths, -1 where it can't be read: 0, 1, 0.5, 1.000.
int quality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  if (text.size() > 1 && text[1] != '.') return -1;
  int thousandths = (text[0] - '0') * 1'000;
  int place = 100;
  for (const char digit : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (digit < '0' || digit > '9') return -1;
    thousandths += (digit - '0') * place;
    place /= 10;
  }
  return thousandths <= 1'000 ? thousandths : -1;
}

// Whether `range` is the two letters of a language in lower case, alone or with a region behind them.
bool names(std::string_view range, std::string_view language) {
  if (range.size() < 2 || (range.size() > 2 && range[2] != '-')) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return lower(range[0]) == language[0] && lower(range[1]) == language[1];
}

}  // namespace

std::string_view preferred_language(std::string_view accept_language) {
  std::string_view best = "en";
  int best_quality = 0;
  while (!accept_language.empty()) {
    std::string_view item = take(accept_language, ',');
    const std::string_view range = take(item, ';');
    int wanted = 1'000;
    if (!item.empty()) {
      const std::string_view name = take(item, '=');
      wanted = name == "q" || name == "Q" ? quality(item.empty() ? item : trimmed(item)) : -1;
    }
    if (wanted <= best_quality) continue;
    for (const std::string_view language : {"ko", "en"}) {
      if (!names(range, language)) continue;
      best = language;
      best_quality = wanted;
    }
  }
  return best;
}

}  // namespace openrun::gateway
