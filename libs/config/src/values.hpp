// From text to a checked value, and names that are nearly right. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "keys_table.hpp"

namespace openrun::config {

// Sets a scalar key. On a mistake returns what follows the key's name, as in `is 0; choose 1 to 10000`, and sets
// nothing. Must not be called for maps and lists (asserted).
[[nodiscard]] std::optional<std::string> set_scalar(const Key& key, Config& config, const std::string& text);

// As it follows "choose": `1 to 10000`, `true or false`, `debug, info or warning`.
[[nodiscard]] std::string permitted(const Key& key);

// Checks one admin token and adds it. On a mistake returns what follows the name of the list. The text never holds the
// token.
[[nodiscard]] std::optional<std::string> add_admin_token(std::vector<AdminToken>& tokens, AdminToken token);

// `; did you mean "batch_max"?` for the nearest of the known names, or nothing where none is near.
[[nodiscard]] std::string suggestion(std::string_view unknown, std::span<const std::string_view> known);

[[nodiscard]] std::string in_quotes(std::string_view text);  // a YAML double-quoted scalar

}  // namespace openrun::config
