#include "values.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <openrun/base/assert.hpp>
#include <openrun/base/text.hpp>

namespace openrun::config {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

template <class Integer>
std::optional<std::string> set_number(const Key& key, Integer& member, const std::string& text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool too_big = error == std::errc::result_out_of_range && stop == end;
  if (stop != end || text.empty() || (error != std::errc{} && !too_big)) {
    return "is " + in_quotes(text) + "; choose a whole number, " + permitted(key);
  }
  if (too_big || value < key.rule.minimum || value > key.rule.maximum) {
    return "is " + text + "; choose " + permitted(key);
  }
  member = static_cast<Integer>(value);
  return std::nullopt;
}

std::optional<std::string> set_fraction(const Key& key, double& member, const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const auto minimum = static_cast<double>(key.rule.minimum);
  const auto maximum = static_cast<double>(key.rule.maximum);
  if (stop != end || text.empty() || error != std::errc{} || !(value >= minimum && value <= maximum)) {
    return "is " + in_quotes(text) + "; choose a number, " + permitted(key);
  }
  member = value;
  return std::nullopt;
}

std::optional<std::string> set_text(const Key& key, std::string& member, const std::string& text) {
  if (text.empty() && !key.rule.may_be_empty) return "is empty; give it a value";
  if (utf8_length(text) == not_utf8 || has_control_character(text)) {
    return "holds a control character or is not valid UTF-8; write it as plain text";
  }
  if (!key.rule.choices.empty()) {
    const auto choices = split(key.rule.choices, '|');
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      return "is " + in_quotes(text) + "; choose " + permitted(key);
    }
  }
  member = text;
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string permitted(const Key& key) {
  return std::visit(
      Overloaded{[](FlagMember) { return std::string("true or false"); },
                 [&](TextMember) {
                   std::string list;
                   const auto choices = split(key.rule.choices, '|');
                   for (std::size_t i = 0; i < choices.size(); ++i) {
                     if (i > 0) list.append(i + 1 == choices.size() ? " or " : ", ");
                     list.append(choices[i]);
                   }
                   return list;
                 },
                 [](PassThroughMember) { return std::string(); }, [](AdminTokensMember) { return std::string(); },
                 [&](auto) { return std::to_string(key.rule.minimum) + " to " + std::to_string(key.rule.maximum); }},
      key.member);
}

std::optional<std::string> set_scalar(const Key& key, Config& config, const std::string& text) {
  using Mistake = std::optional<std::string>;
  return std::visit(Overloaded{[&](TextMember member) { return set_text(key, member(config), text); },
                               [&](Int64Member member) { return set_number(key, member(config), text); },
                               [&](Int32Member member) { return set_number(key, member(config), text); },
                               [&](FractionMember member) { return set_fraction(key, member(config), text); },
                               [&](FlagMember member) -> Mistake {
                                 if (text != "true" && text != "false") {
                                   return "is " + in_quotes(text) + "; choose " + permitted(key);
                                 }
                                 member(config) = text == "true";
                                 return std::nullopt;
                               },
                               [](auto) -> Mistake {
                                 OPENRUN_ASSERT(false, "maps and lists are no scalars");
                                 return std::nullopt;
                               }},
                    key.member);
}

std::optional<std::string> add_admin_token(std::vector<AdminToken>& tokens, AdminToken token) {
  if (token.name.empty()) return "has an entry without a name; give each token the name of who holds it";
  if (utf8_length(token.name) == not_utf8 || has_control_character(token.name)) {
    return "has a name with a control character in it; write it as plain text";
  }
  if (token.token.size() < admin_token_characters_min) {
    return "has too short a token for " + in_quotes(token.name) + "; choose at least " +
           std::to_string(admin_token_characters_min) + " characters";
  }
  // What an Authorization header can carry (RFC 6750, b64token, and the other printable characters).
  if (std::any_of(token.token.begin(), token.token.end(), [](char c) { return c <= 0x20 || c > 0x7E; })) {
    return "has a token for " + in_quotes(token.name) +
           " with a space or a character beyond ASCII; choose printable ASCII";
  }
  for (const AdminToken& other : tokens) {
    if (other.name == token.name) return "names " + in_quotes(token.name) + " twice; give each token a name of its own";
    if (other.token == token.token) {
      return "gives " + in_quotes(other.name) + " and " + in_quotes(token.name) +
             " the same token; choose different ones";
    }
  }
  tokens.push_back(std::move(token));
  return std::nullopt;
}

std::string suggestion(std::string_view unknown, std::span<const std::string_view> known) {
  std::string_view nearest;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string_view name : known) {
    const std::size_t distance = edit_distance(unknown, name);
    if (distance < least) least = distance, nearest = name;
  }
  // Beyond a third of the letters it is another word.
  if (nearest.empty() || least > std::max<std::size_t>(2, nearest.size() / 3)) return {};
  return "; did you mean " + std::string(nearest) + "?";
}

std::string in_quotes(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

}  // namespace openrun::config
