// The table of all keys: it drives loading, environment overrides, printing and checks, so that a key is described
// once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <openrun/config/config.hpp>

namespace openrun::config {

using TextMember = std::string& (*)(Config&);
using Int64Member = std::int64_t& (*)(Config&);
using Int32Member = std::int32_t& (*)(Config&);
using FractionMember = double& (*)(Config&);
using FlagMember = bool& (*)(Config&);
using PassThrough = std::map<std::string, std::string>;
using PassThroughMember = PassThrough& (*)(Config&);
using AdminTokensMember = std::vector<AdminToken>& (*)(Config&);
using Member = std::variant<TextMember, Int64Member, Int32Member, FractionMember, FlagMember, PassThroughMember,
                            AdminTokensMember>;

// What a value may be. Numbers: minimum..maximum. Text: one of `choices` (separated by '|'; empty: anything), not empty
// unless `may_be_empty`.
struct Rule {
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
  std::string_view choices = {};
  bool may_be_empty = false;
};

enum class Nature : std::uint8_t { plain, path, url_with_secret };

struct Key {
  std::string_view section;
  std::string_view name;  // in a map of its own below the section: jwt.leeway_s
  Member member;
  Rule rule;
  std::string_view help;
  Nature nature = Nature::plain;
};

[[nodiscard]] std::span<const Key> all_keys();

inline constexpr std::size_t admin_token_characters_min = 16;

}  // namespace openrun::config
