#include "cli/front/suggestion.hpp"

#include <algorithm>

namespace openrun::cli {
namespace {

// Words of a command line are short; what is longer is no typing mistake.
constexpr std::size_t word_bytes_max = 64;

// Optimal string alignment: the Levenshtein distance with neighbours swapped as one mistake.
std::size_t mistakes(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t k = 0; k <= b.size(); ++k) cost[0][k] = k;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const std::size_t changed = cost[i - 1][k - 1] + (a[i - 1] == b[k - 1] ? 0 : 1);
      cost[i][k] = std::min({cost[i - 1][k] + 1, cost[i][k - 1] + 1, changed});
      const bool swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1];
      if (swapped) cost[i][k] = std::min(cost[i][k], cost[i - 2][k - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

std::string said(const CommandInfo& command) {
  return command.path.empty() ? "openrun" : "openrun " + command.path;
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > word_bytes_max) return "";
  std::string best;
  std::size_t best_cost = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t cost = candidate.starts_with(word) ? 0 : mistakes(word, candidate);
    if (cost < best_cost) {
      best = candidate;
      best_cost = cost;
    }
  }
  return best;
}

std::string unknown_word(const CommandInfo& root, std::span<const std::string> words) {
  const Walk at = walk(root, words);
  if (at.unknown.empty()) return "";
  const bool is_option = at.unknown.front() == '-';
  std::vector<std::string> candidates;
  if (is_option) {
    for (const CommandInfo* const owner : {at.command, &root}) {
      for (const OptionInfo& option : owner->options) {
        if (!option.is_positional) candidates.insert(candidates.end(), option.names.begin(), option.names.end());
      }
    }
  } else {
    for (const CommandInfo& one : at.command->commands) candidates.push_back(one.name);
  }
  std::string text = (is_option ? "there is no option " : "there is no command \"") + at.unknown +
                     (is_option ? " of " : "\" of ") + said(*at.command);
  const std::string guess = nearest(at.unknown, candidates);
  if (!guess.empty()) {
    text += "; did you mean " + (is_option ? guess : said(*at.command) + " " + guess) + "?";
  } else if (!is_option) {
    text += "; there are:";
    for (const std::string& name : candidates) text += " " + name;
  }
  return text;
}

}  // namespace openrun::cli
