#include "gateway/results/store_watch.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace openrun::gateway {

void StoreWatch::begin() {
  const std::lock_guard lock(mutex_);
  fits_ = false;
  trouble_ = "Postgres was not compared with the results yet";
}

void StoreWatch::look(ports::GatewayStore& store, std::int32_t partitions, bool is_read_back) {
  std::vector<Offset> published;
  published.reserve(static_cast<std::size_t>(std::max(partitions, 0)));
  for (std::int32_t number = 0; number < partitions; ++number) published.push_back(window_.highest(Partition{number}));
  // Only now: whatever is known of a result by here was committed before this question.
  const auto checkpoints = store.checkpoints();
  if (!checkpoints) return;

  std::int64_t most = 0;
  std::size_t others = 0;
  Partition worst;
  Offset worst_checkpoint;
  for (std::int32_t number = 0; number < partitions; ++number) {
    const Partition partition{number};
    const auto found = checkpoints->find(partition);
    const Offset checkpoint = found == checkpoints->end() ? Offset{0} : found->second.next_offset;
    const std::int64_t behind = std::max<std::int64_t>(published[static_cast<std::size_t>(number)] - checkpoint, 0);
    metrics_
        .gauge(
            "openrun_store_behind_results",
            "Outcomes that were published and that Postgres does not hold: above 0, it was restored and is caught up.",
            {{"partition", std::to_string(number)}})
        .set(static_cast<double>(behind));
    if (behind == 0) continue;
    others += most > 0 ? 1 : 0;
    if (behind <= most) continue;
    most = behind;
    worst = partition;
    worst_checkpoint = checkpoint;
  }
  // What was published before the start may still be unread, and tell more.
  if (most == 0 && !is_read_back) return;
  std::string trouble;
  if (most > 0) {
    trouble = "Postgres stands behind what was published, as after a restore: partition " +
              std::to_string(worst.value) + " at offset " + std::to_string(worst_checkpoint.value) +
              ", its results at " + std::to_string(worst_checkpoint.value + most);
    if (others > 0) trouble += ", and " + std::to_string(others) + " more partitions";
    trouble += "; waiting for the issuers to catch up";
  }
  tell(trouble, worst, worst_checkpoint, worst_checkpoint + most);
}

void StoreWatch::tell(const std::string& trouble, Partition partition, Offset checkpoint, Offset published) {
  {
    const std::lock_guard lock(mutex_);
    trouble_ = trouble;
    fits_ = trouble.empty();
  }
  const bool is_behind = checkpoint < published;
  if (std::exchange(is_behind_, is_behind) == is_behind) return;
  if (is_behind) {
    logger_.error("the store stands behind the results, as after a restore; nobody is answered until it has caught up",
                  {{"partition", std::int64_t{partition.value}},
                   {"next_offset", checkpoint.value},
                   {"results_end", published.value},
                   {"runbook", std::string("docs/runbooks/restore.md")}});
  } else {
    logger_.info("the store has caught up with the results", {});
  }
}

std::string StoreWatch::trouble() const {
  if (fits()) return {};
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace openrun::gateway
