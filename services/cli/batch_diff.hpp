// In what two batches of outcomes differ, in words. Pure functions; any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <openrun/base/ids.hpp>
#include <openrun/wire/result_batch.hpp>

namespace openrun::cli {

// What of a batch is not compared.
struct BatchLimits {
  Offset from;                   // entries below it
  std::set<CampaignId> unknown;  // all that names one of these
  bool whole = true;             // false: the expected batch is a part of it, so it may touch more campaigns
};

inline constexpr std::size_t differences_max = 8;

// At most differences_max; empty where both say the same. Epochs are no part of what a batch says.
[[nodiscard]] std::vector<std::string> differences(const wire::ResultBatch& expected, const wire::ResultBatch& found,
                                                   const BatchLimits& limits);

// "ISSUED campaign 7 sequence 3 at 2026-11-21T09:00:00.123Z".
[[nodiscard]] std::string in_words(const wire::OutcomeEntry& entry);

}  // namespace openrun::cli
