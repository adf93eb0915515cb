// What must hold of a partition's checkpoint, outbox and publication. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "reconciler/facts.hpp"
#include "reconciler/violations.hpp"

namespace openrun::reconciler {

// The names that check_partition can report.
inline constexpr std::string_view partition_invariants[] = {
    "outbox_without_gap",    "outbox_ends_at_checkpoint",  "published_within_log",
    "pruned_only_published", "checkpoint_never_runs_back",
};

// `before`: the same partition as it was when it stood furthest, if it was seen before.
[[nodiscard]] std::vector<Finding> check_partition(const PartitionFacts& now,
                                                   const std::optional<PartitionFacts>& before);

}  // namespace openrun::reconciler
