#include "environment.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <unistd.h>

#include "keys_table.hpp"
#include "values.hpp"

namespace openrun::config {
namespace {

constexpr std::string_view prefix = "OPENRUN_";
constexpr std::string_view separator = "__";

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string lower_with_dots(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c == '_' ? '.' : static_cast<char>(std::tolower(c)); });
  return out;
}

// A dot in a key's name is a separator too: auth.jwt.leeway_s is OPENRUN_AUTH__JWT__LEEWAY_S.
std::string variable_of(const Key& key) {
  std::string variable = std::string(prefix) + upper(key.section) + std::string(separator);
  for (const char c : upper(key.name)) variable.append(c == '.' ? separator : std::string_view(&c, 1));
  return variable;
}

void set_tokens(const std::string& name, const std::string& value, std::vector<AdminToken>& tokens, Mistakes& mistakes,
                const std::string& where) {
  tokens.clear();
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view entry = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) {
      mistakes.add(name + " has an entry without '='; write name=token,name2=token2", where);
      continue;
    }
    AdminToken token{std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1))};
    if (const auto mistake = add_admin_token(tokens, std::move(token))) mistakes.add(name + " " + *mistake, where);
  }
}

// Whether `variable` names this key; sets it if so.
bool applied(const Key& key, const std::string& variable, const std::string& value, Config& config,
             Mistakes& mistakes) {
  const std::string own = variable_of(key);
  const std::string name = std::string(key.section) + "." + std::string(key.name);
  const std::string where = "environment " + variable;
  if (const auto* map = std::get_if<PassThroughMember>(&key.member)) {
    const std::string start = own + std::string(separator);
    if (!variable.starts_with(start) || variable.size() == start.size()) return false;
    (*map)(config)[lower_with_dots(std::string_view(variable).substr(start.size()))] = value;
    return true;
  }
  if (variable != own) return false;
  if (const auto* list = std::get_if<AdminTokensMember>(&key.member)) {
    set_tokens(name, value, (*list)(config), mistakes, where);
  } else if (const auto mistake = set_scalar(key, config, value)) {
    mistakes.add(name + " " + *mistake, where);
  }
  return true;
}

}  // namespace

void apply_environment(const std::map<std::string, std::string>& environment, Config& config, Origins& origins,
                       Mistakes& mistakes) {
  std::vector<std::string> names;
  for (const Key& key : all_keys()) names.push_back(variable_of(key));
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(prefix) || variable.find(separator) == std::string::npos) continue;
    const auto keys = all_keys();
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const Key& each) { return applied(each, variable, value, config, mistakes); });
    if (key == keys.end()) {
      mistakes.add("unknown variable " + variable + suggestion(variable, known), "environment");
    } else {
      origins[std::string(key->section) + "." + std::string(key->name)] = "environment " + variable;
    }
  }
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

}  // namespace openrun::config
