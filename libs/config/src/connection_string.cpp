#include "connection_string.hpp"

#include <algorithm>
#include <charconv>

namespace openrun::config {
namespace {

constexpr std::string_view hidden = "(set)";

struct Shown {
  std::string text;
  bool has_password = false;
  bool is_clear = true;
};
const Shown unclear{std::string(hidden), false, false};

// In a URL a name may be written as pass%77ord.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// scheme://user:password@host/database?name=value&...
Shown show_url(std::string_view url, std::size_t authority) {
  const std::size_t question = std::min(url.find('?', authority), url.size());
  const std::size_t end = std::min(url.find('/', authority), url.size());
  const std::size_t at = url.substr(0, end).rfind('@');
  Shown shown{.text = std::string(url.substr(0, authority))};
  std::size_t parameters = question;
  if (at != std::string_view::npos && at >= authority) {
    if (url.find('@', authority) != at) return unclear;
    const std::size_t colon = url.substr(0, at).find(':', authority);
    shown.has_password = colon != std::string_view::npos;
    shown.text.append(url.substr(authority, std::min(colon, at) - authority));
    if (shown.has_password) shown.text.append(":").append(hidden);
    parameters = std::min(url.find('?', at), url.size());
    shown.text.append(url.substr(at, parameters - at));
  } else if (url.substr(0, question).find('@', authority) != std::string_view::npos) {
    return unclear;  // a password with a slash in it
  } else {
    shown.text.append(url.substr(authority, question - authority));
  }
  while (parameters < url.size()) {
    const std::size_t next = std::min(url.find('&', parameters + 1), url.size());
    const std::string_view parameter = url.substr(parameters, next - parameters);
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string name = decoded(parameter.substr(1, equals - 1));
    const bool is_password = name == "password" || name == "sslpassword";
    shown.has_password |= name == "password";
    shown.text.append(is_password ? parameter.substr(0, equals) : parameter);
    if (is_password) shown.text.append("=").append(hidden);
    parameters = next;
  }
  return shown;
}

// Past the value that begins at `at`; npos where its quote is not closed.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  const bool is_quoted = at < text.size() && text[at] == '\'';
  for (std::size_t i = at + (is_quoted ? 1 : 0); i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (is_quoted && text[i] == '\'') {
      return i + 1;
    } else if (!is_quoted && text[i] == ' ') {
      return i;
    }
  }
  return is_quoted ? std::string_view::npos : text.size();
}

// name = value name='value' ...
Shown show_pairs(std::string_view text) {
  Shown shown;
  const auto past_spaces = [&](std::size_t at) { return std::min(text.find_first_not_of(' ', at), text.size()); };
  for (std::size_t at = past_spaces(0); at < text.size();) {
    const std::size_t name_end = std::min(text.find_first_of("= ", at), text.size());
    const std::size_t equals = past_spaces(name_end);
    if (equals == text.size() || text[equals] != '=') return unclear;
    const std::string_view name = text.substr(at, name_end - at);
    const std::size_t value = past_spaces(equals + 1);
    const std::size_t end = end_of_value(text, value);
    if (end == std::string_view::npos) return unclear;
    const bool is_password = name == "password" || name == "sslpassword";
    shown.has_password |= name == "password";
    if (!shown.text.empty()) shown.text.append(" ");
    shown.text.append(name).append("=").append(is_password ? hidden : text.substr(value, end - value));
    at = past_spaces(end);
  }
  return shown;
}

Shown show(std::string_view url) {
  for (const std::string_view scheme : {std::string_view("postgresql://"), std::string_view("postgres://")}) {
    if (url.starts_with(scheme)) return show_url(url, scheme.size());
  }
  // libpq takes what has no equals sign for the name of a database.
  if (url.find('=') == std::string_view::npos && url.find_first_of(" :@") == std::string_view::npos)
    return {.text = std::string(url)};
  return show_pairs(url);
}

}  // namespace

bool is_clear(std::string_view url) {
  return show(url).is_clear;
}

std::string without_passwords(std::string_view url) {
  return show(url).text;
}

bool holds_password(std::string_view url) {
  return show(url).has_password;
}

}  // namespace openrun::config
