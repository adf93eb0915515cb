// The options of `openrun dlq`, and what they select.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <openrun/base/result.hpp>

#include "cli/context.hpp"
#include "dlq/plan.hpp"

namespace openrun::cli {

// All commands of this group speak of them.
using namespace dlq;

// As they were written; -1, 0 and empty: not given.
struct DlqArguments {
  std::int64_t partition = -1;
  std::string offsets;
  std::string since;
  std::string reason;
  std::uint32_t campaign = 0;
  std::string state;
  std::string place;
  std::string after;
  std::uint32_t limit = 100;
  std::string file;
  bool execute = false;
  std::uint64_t letters_max = 0;
  std::uint32_t per_second = 0;
  std::int64_t replays_max = -1;
  std::string done_by;
};

template <class T>
T valid_or_usage(Result<T> result) {
  if (!result) throw CommandFailed{usage_error, result.error().message};
  return std::move(*result);
}

// Throws CommandFailed with usage_error where an option can't be read.
[[nodiscard]] LetterFilter filter_of(const DlqArguments& arguments);
// Who acts, for the record: --by, or user@host.
[[nodiscard]] std::string who(const DlqArguments& arguments);

void add_filters(CLI::App& command, DlqArguments& arguments);
void add_state(CLI::App& command, DlqArguments& arguments);
void add_by(CLI::App& command, DlqArguments& arguments);
// --execute, --max, --by
void add_action(CLI::App& command, DlqArguments& arguments);

}  // namespace openrun::cli
