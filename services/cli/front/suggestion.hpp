// "Did you mean": what somebody who mistyped may have wanted. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/front/command_tree.hpp"

namespace openrun::cli {

// The candidate that is nearest to the word by letters changed, missing, too many or swapped; a candidate that the word
// is the beginning of is the nearest. Empty where none is near: more than a third of the word is wrong.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// What is wrong with a command line that the parser has refused, in the words of this tool; empty where it names no
// unknown command or option (the parser's own words say what is wrong then).
[[nodiscard]] std::string unknown_word(const CommandInfo& root, std::span<const std::string> words);

}  // namespace openrun::cli
