#include <algorithm>
#include <charconv>

#include <openrun/config/config.hpp>

#include "connection_string.hpp"
#include "keys_table.hpp"
#include "values.hpp"

namespace openrun::config {
namespace {

constexpr std::string_view hidden = "(set)";

bool is_secret(std::string_view librdkafka_name) {
  constexpr std::string_view parts[] = {"password", "secret", "key.pem", "oauthbearer.config"};
  return std::any_of(std::begin(parts), std::end(parts),
                     [&](std::string_view part) { return librdkafka_name.find(part) != std::string_view::npos; });
}

void print_map(std::string& out, const PassThrough& map, std::string_view comment) {
  out.append(map.empty() ? " {}" : "").append(comment).append("\n");
  for (const auto& [name, value] : map) {
    out.append("    ")
        .append(in_quotes(name))
        .append(": ")
        .append(is_secret(name) ? in_quotes(hidden) : in_quotes(value))
        .append("\n");
  }
}

// The tokens stay out, so that the text can be shown and loaded; the comment tells who holds one.
void print_tokens(std::string& out, const std::vector<AdminToken>& tokens, std::string_view comment) {
  out.append(" []").append(comment).append(tokens.empty() ? " (not set)" : " (set):");
  for (const AdminToken& token : tokens) out.append(" ").append(in_quotes(token.name));
  out.append("\n");
}

// The fewest digits that are read as the same number again.
std::string shortest(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

void print_key(std::string& out, const Key& key, Config& config) {
  const std::string range = permitted(key);
  std::string comment = "  # " + std::string(key.help);
  const bool is_number = std::holds_alternative<Int64Member>(key.member) ||
                         std::holds_alternative<Int32Member>(key.member) ||
                         std::holds_alternative<FractionMember>(key.member);
  if (is_number) comment += " [" + range + "]";
  const std::size_t dot = key.name.find('.');
  out.append(dot == std::string_view::npos ? "  " : "    ").append(key.name.substr(dot + 1)).append(":");
  if (const auto* text = std::get_if<TextMember>(&key.member)) {
    const std::string& value = (*text)(config);
    out.append(" ").append(in_quotes(key.nature == Nature::url_with_secret ? without_passwords(value) : value));
  } else if (const auto* wide = std::get_if<Int64Member>(&key.member)) {
    out.append(" ").append(std::to_string((*wide)(config)));
  } else if (const auto* narrow = std::get_if<Int32Member>(&key.member)) {
    out.append(" ").append(std::to_string((*narrow)(config)));
  } else if (const auto* fraction = std::get_if<FractionMember>(&key.member)) {
    out.append(" ").append(shortest((*fraction)(config)));
  } else if (const auto* flag = std::get_if<FlagMember>(&key.member)) {
    out.append((*flag)(config) ? " true" : " false");
  } else if (const auto* map = std::get_if<PassThroughMember>(&key.member)) {
    return print_map(out, (*map)(config), comment);
  } else {
    return print_tokens(out, std::get<AdminTokensMember>(key.member)(config), comment);
  }
  out.append(comment).append("\n");
}

}  // namespace

std::string print(const Config& config) {
  Config copy = config;  // the table's accessors are written for loading
  std::string out;
  std::string_view section;
  std::string_view group;
  for (const Key& key : all_keys()) {
    if (key.section != section) {
      section = key.section;
      group = {};
      out.append(out.empty() ? "" : "\n").append(section).append(":\n");
    }
    const std::size_t dot = key.name.find('.');
    const std::string_view below = dot == std::string_view::npos ? std::string_view{} : key.name.substr(0, dot);
    if (below != group && !below.empty()) out.append("  ").append(below).append(":\n");
    group = below;
    print_key(out, key, copy);
  }
  return out;
}

}  // namespace openrun::config
